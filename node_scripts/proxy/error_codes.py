"""The error codes that a record may carry: whatever else a loader or a peer answers is ``other``."""

from __future__ import annotations

REFUSED_BY_LOADER = "refused_by_loader"
"""A loader refused the request in its own words."""

OTHER = "other"

ERROR_CODES = frozenset(
    {
        "array_above_max_length",
        "context_length_exceeded",
        "empty_array",
        "internal_error",
        "invalid_api_key",
        "invalid_body",
        "invalid_image_url",
        "invalid_json",
        "invalid_type",
        "invalid_unicode",
        "invalid_value",
        "loader_died",
        "loader_failed",
        "missing_required_parameter",
        "model_not_found",
        "model_unavailable",
        OTHER,
        "overloaded",
        "rate_limit_exceeded",
        REFUSED_BY_LOADER,
        "request_refused",
        "request_too_large",
        "stopping",
        "unsupported_parameter",
    }
)


def recorded(code: str | None) -> str:
    """Return the code under which an error is counted."""
    return code if code in ERROR_CODES and code is not None else OTHER
