"""The proxy's own refusals, each as the error that the client is answered with."""

from __future__ import annotations

from collections.abc import Sequence

from node_scripts.proxy.openai_errors import RequestRejectedError

LOADER_DIED_HEADER = b"garnet-loader-died"
"""On a 502 to a peer: the loader died under this request, which may have been the cause."""


def busy(retry_after_s: int) -> RequestRejectedError:
    """Every place and every queue is full, or the wait was too long."""
    return RequestRejectedError(
        "All places of this model are taken and the queue is full; try again later.",
        status=429,
        type_="rate_limit_error",
        code="rate_limit_exceeded",
        retry_after_s=retry_after_s,
    )


def unavailable(model: str) -> RequestRejectedError:
    """No node is able to serve the model now."""
    return RequestRejectedError(
        f"No node is able to serve the model `{model}` now; try again later.",
        status=503,
        type_="server_error",
        code="model_unavailable",
        retry_after_s=2,
    )


def failed(model: str) -> RequestRejectedError:
    """Two places failed under one request."""
    return RequestRejectedError(
        f"The model `{model}` failed while it worked on this request; try again.",
        status=503,
        type_="server_error",
        code="loader_failed",
        retry_after_s=1,
    )


def loader_died(model: str) -> RequestRejectedError:
    """Tell a forwarding peer that the loader died under its request."""
    return RequestRejectedError(
        f"The loader of the model `{model}` died while it worked on this request.",
        status=502,
        type_="server_error",
        code="loader_died",
    )


def poisonous() -> RequestRejectedError:
    """Two loaders died under the same request."""
    return RequestRejectedError(
        "Two loaders broke down while they worked on exactly this request, so it is refused for ten"
        " minutes. Change the request, or report it to the operator.",
        code="request_refused",
    )


def unknown_model(model: str, served: Sequence[str]) -> RequestRejectedError:
    """Nobody in this fleet serves that name."""
    names = ", ".join(f"`{name}`" for name in served) or "none at the moment"
    return RequestRejectedError(
        f"The model `{model}` does not exist here. Served: {names}.",
        status=404,
        param="model",
        code="model_not_found",
    )


def not_authorized(*, given: bool) -> RequestRejectedError:
    """No key, or one that is not in force."""
    message = (
        "Incorrect API key provided." if given else "No API key provided: send `Authorization: Bearer <key>`."
    )
    return RequestRejectedError(message, status=401, code="invalid_api_key")


def no_such_path(method: str, path: str) -> RequestRejectedError:
    """Nothing lies at that path."""
    return RequestRejectedError(f"Unknown request URL: {method} {path}.", status=404, code="unknown_url")


def wrong_method(method: str, path: str, allowed: str) -> RequestRejectedError:
    """Refuse a method: the path exists for another."""
    return RequestRejectedError(
        f"Not allowed: {method} {path}. Use {allowed}.", status=405, code="method_not_allowed"
    )


def body_too_large(limit_bytes: int) -> RequestRejectedError:
    """Refuse a body beyond the configured limit."""
    return RequestRejectedError(
        f"The request's body is larger than {limit_bytes} bytes.", status=413, code="request_too_large"
    )


def overloaded() -> RequestRejectedError:
    """Refuse a body: those of other requests take all memory that they may."""
    return RequestRejectedError(
        "Too many large requests are under way; try again later.",
        status=503,
        type_="server_error",
        code="overloaded",
        retry_after_s=5,
    )


def stopping() -> RequestRejectedError:
    """End an answer: the proxy stops before it does."""
    return RequestRejectedError(
        "The proxy is stopping; try again.",
        status=503,
        type_="server_error",
        code="stopping",
        retry_after_s=1,
    )


def internal(request_id: str) -> RequestRejectedError:
    """Something failed that should not have; the log has it under the request's id."""
    return RequestRejectedError(
        f"The proxy failed to handle this request; the operator finds it in the log as {request_id}.",
        status=500,
        type_="server_error",
        code="internal_error",
    )
