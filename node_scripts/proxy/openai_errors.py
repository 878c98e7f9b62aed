"""Errors in OpenAI's shape, and a loader's own errors read into them."""

from __future__ import annotations

from typing import Any

import msgspec

from node_scripts.proxy.error_codes import REFUSED_BY_LOADER

GUARD_PREFIX = "garnet:invalid:"
"""How the guards inside a loader begin: ``garnet:invalid:<code>:<param or ->:<message>``."""

LOADER_FAULTS = (
    "generation thread died",
    "[metal",
    "malloc",
    "out of memory",
    "unable to allocate",
    "no such file",
    "errno",
    "safetensors",
    "config.json",
    "not a local folder",
    "repository not found",
)
"""Parts (lower case) of a loader's 404 text that tell of its own failure, not of the request."""

LONGEST_MESSAGE = 400
"""Characters of a loader's text that are passed on to the client."""


class RequestRejectedError(Exception):
    """A request that is answered with an error status instead of being served."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type_: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        """Keep the parts. The message must not contain text of the prompt: it may be logged."""
        super().__init__(message)
        self.message = message
        self.status = status
        self.type = type_
        self.param = param
        self.code = code
        self.retry_after_s = retry_after_s

    def body(self) -> bytes:
        """Return the JSON body to answer with."""
        return error_body(self.message, type_=self.type, param=self.param, code=self.code)


def unsupported(param: str, reason: str) -> RequestRejectedError:
    """Return the error for a parameter that cannot be served as the client means it."""
    return RequestRejectedError(
        f"'{param}' is not supported: {reason}", param=param, code="unsupported_parameter"
    )


def error_body(message: str, *, type_: str, param: str | None = None, code: str | None = None) -> bytes:
    """Return ``{"error": {"message", "type", "param", "code"}}`` as OpenAI's clients expect it."""
    return msgspec.json.encode({"error": {"message": message, "type": type_, "param": param, "code": code}})


def rejected_by_loader(status: int, body: bytes) -> RequestRejectedError | None:
    """Read a loader's error answer: the client's fault as an error to answer with, else ``None``.

    mlx_lm.server answers 400 to what it refuses and 404 to every exception met while it prepares a
    generation. Those are nearly always the request's fault (a chat template that wants roles to
    alternate, say), so a 404 counts as the client's unless its text tells of the loader's own
    failure; the other way round, one client could have every loader taken for broken.
    ``None`` stands also for an answer that is not mlx_lm's error shape.
    """
    if status not in {400, 404}:
        return None
    text = _error_text(body)
    if text is None:
        return None
    if text.startswith(GUARD_PREFIX):
        return _refused_by_guard(text)
    lowered = text.lower()
    if any(fault in lowered for fault in LOADER_FAULTS):
        return None
    message = f"The model's server refused the request: {text[:LONGEST_MESSAGE]}"
    return RequestRejectedError(message, code=REFUSED_BY_LOADER)


class _Refusal(msgspec.Struct, gc=False):
    code: str | None = None


class _Refused(msgspec.Struct, gc=False):
    error: _Refusal


_refused_decoder = msgspec.json.Decoder(_Refused)


def code_of(body: bytes) -> str | None:
    """Return the code of an error body in OpenAI's shape; ``None`` if it has none."""
    try:
        return _refused_decoder.decode(body).error.code
    except (ValueError, RecursionError):
        return None


def _error_text(body: bytes) -> str | None:
    try:
        answer: Any = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None
    text = answer.get("error") if isinstance(answer, dict) else None
    return text if isinstance(text, str) else None


def _refused_by_guard(text: str) -> RequestRejectedError | None:
    parts = text.removeprefix(GUARD_PREFIX).split(":", 2)
    if len(parts) != 3:  # noqa: PLR2004 -- code, param, message
        return None
    code, param, message = parts
    return RequestRejectedError(message, param=None if param == "-" else param, code=code or None)
