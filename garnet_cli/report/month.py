"""Calendar months and quarters in the fleet's time zone, whatever its clocks do."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from garnet_cli.errors import UsageError

MONTH = re.compile(r"(\d{4})-(\d\d)")
QUARTER = re.compile(r"(\d{4})-[Qq]([1-4])")
MONTHS_A_YEAR = 12
MONTHS_A_QUARTER = 3
YEARS = range(1971, 2200)
LAST = "last"
MINUTE_S = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A calendar month or quarter, or the part of it that has passed: [begin, end)."""

    kind: Literal["month", "quarter"]
    name: str
    """``2026-10`` or ``2026-Q4``."""
    timezone: str
    begin_unix: int
    end_unix: int
    first: date
    """Its first local day."""
    after: date
    """The local day after its last one; of a running period after the day that goes on."""
    whole: bool
    """It is over."""

    @property
    def hours(self) -> float:
        """Return how long it really takes, clock changes counted."""
        return (self.end_unix - self.begin_unix) / 3600

    @property
    def days(self) -> tuple[str, ...]:
        """Return its local dates."""
        return tuple(
            (self.first + timedelta(days=number)).isoformat()
            for number in range((self.after - self.first).days)
        )

    @property
    def before(self) -> Span:
        """Return the period before it; of a running one as much of that as has passed of this."""
        start = months_after(self.first, -(1 if self.kind == "month" else MONTHS_A_QUARTER))
        found = _span(self.kind, start, self.timezone)
        if self.whole:
            return found
        end = min(found.end_unix, found.begin_unix + self.end_unix - self.begin_unix)
        return _cut(found, end)


def month(name: str | None, timezone: str, now_unix: float, *, preview: bool = False) -> Span:
    """Return the calendar month ``name`` (``2026-10``); by default the last whole one.

    ``preview`` allows one that goes on (and makes that the default), up to the last full minute. Raises
    UsageError for another form, for one in the future, and for one that goes on without ``preview``.
    """
    return _period("month", name, timezone, now_unix, _month_start, preview=preview)


def quarter(name: str | None, timezone: str, now_unix: float, *, preview: bool = False) -> Span:
    """Return the calendar quarter ``name`` (``2026-Q4``), otherwise as ``month``."""
    return _period("quarter", name, timezone, now_unix, _quarter_start, preview=preview)


def months_after(day: date, count: int) -> date:
    """Return the first day of the month that lies ``count`` months after ``day``'s; below 0 before it."""
    number = day.year * MONTHS_A_YEAR + day.month - 1 + count
    return date(number // MONTHS_A_YEAR, number % MONTHS_A_YEAR + 1, 1)


def midnight(day: date, timezone: str) -> int:
    """Return when a local day begins, in seconds since the epoch.

    Where clocks go forward at midnight that is the moment in which they do.
    """
    return int(datetime.combine(day, time(), ZoneInfo(timezone)).astimezone(UTC).timestamp())


def local_day(time_unix: float, timezone: str) -> date:
    """Return the local day of a time."""
    return datetime.fromtimestamp(time_unix, ZoneInfo(timezone)).date()


def local_time(time_unix: float, timezone: str) -> str:
    """Return a time as ``2026-10-03 14:05`` on the fleet's clocks."""
    return datetime.fromtimestamp(time_unix, ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M")


def _period(
    kind: Literal["month", "quarter"],
    name: str | None,
    timezone: str,
    now_unix: float,
    start_of: Callable[[str], date],
    *,
    preview: bool,
) -> Span:
    running = _running(kind, local_day(now_unix, timezone))
    length = 1 if kind == "month" else MONTHS_A_QUARTER
    if name is None or name == LAST:
        start = running if preview else months_after(running, -length)
    else:
        start = start_of(name)
    found = _span(kind, start, timezone)
    if found.begin_unix > now_unix - MINUTE_S:
        raise UsageError(f"{found.name} has not begun", remedy="name one that has, or leave it out")
    if found.end_unix <= now_unix:
        return found
    if not preview:
        raise UsageError(
            f"{found.name} goes on until {local_time(found.end_unix, timezone)} ({timezone})",
            remedy="add --preview for what there is so far",
        )
    return _cut(found, int(now_unix) // MINUTE_S * MINUTE_S)


def _cut(span: Span, end_unix: int) -> Span:
    last = local_day(end_unix - 1, span.timezone)
    return Span(
        kind=span.kind,
        name=span.name,
        timezone=span.timezone,
        begin_unix=span.begin_unix,
        end_unix=end_unix,
        first=span.first,
        after=last + timedelta(days=1),
        whole=False,
    )


def _span(kind: Literal["month", "quarter"], start: date, timezone: str) -> Span:
    after = months_after(start, 1 if kind == "month" else MONTHS_A_QUARTER)
    number = (start.month - 1) // MONTHS_A_QUARTER + 1
    return Span(
        kind=kind,
        name=f"{start:%Y-%m}" if kind == "month" else f"{start.year:04}-Q{number}",
        timezone=timezone,
        begin_unix=midnight(start, timezone),
        end_unix=midnight(after, timezone),
        first=start,
        after=after,
        whole=True,
    )


def _running(kind: Literal["month", "quarter"], today: date) -> date:
    if kind == "month":
        return today.replace(day=1)
    return date(today.year, (today.month - 1) // MONTHS_A_QUARTER * MONTHS_A_QUARTER + 1, 1)


def _month_start(name: str) -> date:
    match = MONTH.fullmatch(name)
    if match is None or int(match[1]) not in YEARS or not 1 <= int(match[2]) <= MONTHS_A_YEAR:
        raise UsageError(f'"{name}" is no month', remedy="write 2026-10")
    return date(int(match[1]), int(match[2]), 1)


def _quarter_start(name: str) -> date:
    match = QUARTER.fullmatch(name)
    if match is None or int(match[1]) not in YEARS:
        raise UsageError(f'"{name}" is no quarter', remedy="write 2026-Q4")
    return date(int(match[1]), (int(match[2]) - 1) * MONTHS_A_QUARTER + 1, 1)
