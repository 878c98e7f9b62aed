"""What a step raises when it fails for a reason that a person can act on."""

from __future__ import annotations

import errno
import traceback
from typing import Any


class StepError(Exception):
    """A step failed: a stable ``code`` for programs, one line and a remedy for people."""

    def __init__(
        self, code: str, message: str, *, remedy: str | None = None, detail: str | None = None
    ) -> None:
        """Keep the parts that travel to the operator."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy
        self.detail = detail


def describe(error: BaseException) -> dict[str, Any]:
    """Turn any exception into the value of an error reply.

    A full disk and a missing permission are named as such; whatever else was not foreseen becomes
    ``internal``: one line for people, the traceback under ``detail``.
    """
    if isinstance(error, StepError):
        return _value(error.code, error.message, error.remedy, error.detail)
    trace = "".join(traceback.format_exception(error))
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = f" ({error.filename})" if error.filename else ""
        return _value("disk_full", f"no space is left on the disk{where}", "free space on the node", trace)
    if isinstance(error, PermissionError):
        remedy = "check who owns the node's root"
        return _value("no_permission", f"permission denied: {error.filename}", remedy, trace)
    lines = str(error).splitlines()
    line = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return _value("internal", line, None, trace)


def _value(code: str, message: str, remedy: str | None, detail: str | None) -> dict[str, Any]:
    value: dict[str, Any] = {"code": code, "message": message, "remedy": remedy}
    if detail:
        value["detail"] = detail
    return value
