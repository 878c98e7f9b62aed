"""Read a window of time as people write it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from garnet_cli.errors import UsageError

SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
AGO = re.compile(r"(\d+)([mhdw])")


def moment(text: str, now_unix: float) -> float:
    """Return the time that ``text`` says: ``now``, ``90m``, ``24h``, ``7d``, ``2w`` ago, a UTC date or time.

    Raises UsageError for another form.
    """
    if text == "now":
        return now_unix
    ago = AGO.fullmatch(text)
    if ago:
        return now_unix - int(ago[1]) * SECONDS[ago[2]]
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f'"{text}" is no time', remedy="write 24h, 7d, 2026-11-01 or 2026-11-01T08:00"
        ) from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def window(since: str, until: str, now_unix: float) -> tuple[float, float]:
    """Return [begin, end). Raises UsageError as ``moment``, and for one that ends before it begins."""
    begin, end = moment(since, now_unix), moment(until, now_unix)
    if end <= begin:
        raise UsageError(f"the window from {since} until {until} is empty", remedy="begin earlier")
    return begin, end
