"""A loader's log: errors and milestones, bounded, and never what a request or an answer holds."""

from __future__ import annotations

import logging
import time
import traceback
import warnings
from types import TracebackType
from typing import Any

LOG = logging.getLogger("garnet.loader")

REPEAT_S = 60.0
"""One and the same line is written at most once in this time."""
MOST_REMEMBERED = 256

SAFE_ERRORS = (OSError, MemoryError, ImportError)
"""Errors whose text comes from the system, never from a request."""

REPLACEMENTS = {
    "JSONDecodeError": "a request's body is not JSON",
    "Invalid Request Body": "a request's body is not a JSON object",
    "Failed to parse tool call": "a tool call in an answer could not be parsed",
    "mlx_lm.server generation thread died": "the generation thread died",
}
"""What mlx_lm's lines that quote a request begin with, and what is written instead."""


class QuietFilter(logging.Filter):
    """Drop mlx_lm's line-a-request noise, replace what quotes a request, thin out repetitions."""

    def __init__(self) -> None:
        """Start with nothing remembered."""
        super().__init__()
        self._written: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether ``record`` is written; its text may be replaced."""
        if record.module == "server" and record.levelno <= logging.INFO:
            return False
        if record.module == "server":
            for start, replacement in REPLACEMENTS.items():
                if str(record.msg).startswith(start):
                    record.msg, record.args = replacement, ()
        line, now = record.getMessage(), time.monotonic()
        if now - self._written.get(line, -REPEAT_S) < REPEAT_S:
            return False
        if len(self._written) >= MOST_REMEMBERED:
            self._written.clear()
        self._written[line] = now
        return True


class QuietFormatter(logging.Formatter):
    """Write exceptions as where they arose and their kind; their text where it cannot quote a request."""

    converter = staticmethod(time.gmtime)

    def formatException(  # noqa: N802 -- logging's name
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        """Return one line a frame, then the exception's kind."""
        kind, error, trace = ei
        frames = [f"  {f.filename}:{f.lineno} in {f.name}" for f in traceback.extract_tb(trace)]
        return "\n".join([*frames, described(error) if error else str(kind)])


def described(error: BaseException) -> str:
    """Return an error's kind, and its text if it comes from the system or the array library."""
    text = str(error)
    # The array library begins its messages with the operation, as in "[matmul] …".
    kind = type(error).__name__
    return f"{kind}: {text}" if isinstance(error, SAFE_ERRORS) or text.startswith("[") else kind


def set_up_logging() -> None:
    """Log to standard error before mlx_lm does; its own set-up then changes nothing."""
    handler = logging.StreamHandler()
    handler.setFormatter(QuietFormatter("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S"))
    handler.addFilter(QuietFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message="mlx_lm.server is not recommended")


def quieten_requests(server: Any) -> None:
    """Log a request only where it was answered with an error, and only its status."""
    handler = server.APIHandler

    def log_request(_self: Any, code: Any = "-", _size: Any = "-") -> None:
        if isinstance(code, int) and code >= 400:  # noqa: PLR2004 -- HTTP's first error
            LOG.warning("answered %d", code)

    def log_message(_self: Any, _format: str, *_arguments: Any) -> None:
        LOG.warning("a request could not be read")

    handler.log_request = log_request
    handler.log_message = log_message
