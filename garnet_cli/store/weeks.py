"""ISO weeks in a time zone: from Monday's local midnight to the next, 167 to 169 hours long."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from garnet_cli.errors import UsageError

NAME = re.compile(r"(\d{4})-W(\d{2})")
HOUR_S = 3600.0
DAYS = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Week:
    """One ISO week of a time zone, as the window [begin, end)."""

    name: str
    """Such as ``2026-W47``."""
    timezone: str
    monday: date
    begin_unix: float
    end_unix: float

    @property
    def hours(self) -> float:
        """Return how long it is: 168, or another number where clocks change in it."""
        return (self.end_unix - self.begin_unix) / HOUR_S

    @property
    def sunday(self) -> date:
        """Return its last day."""
        return self.monday + timedelta(days=DAYS - 1)

    def over(self, now_unix: float) -> bool:
        """Say whether it has ended."""
        return now_unix >= self.end_unix

    def before(self, weeks: int = 1) -> Week:
        """Return the week ``weeks`` weeks earlier."""
        return _week(self.monday - timedelta(days=DAYS * weeks), self.timezone)


def named_week(name: str, timezone: str) -> Week:
    """Return the week of an ISO name. Raises UsageError for one that is none."""
    match = NAME.fullmatch(name)
    if match is None:
        raise UsageError(f'"{name}" is no week', remedy="write it as 2026-W47")
    year, number = int(match[1]), int(match[2])
    try:
        monday = date.fromisocalendar(year, number, 1)
        return _week(monday, timezone)
    except (ValueError, OverflowError):
        raise UsageError(f'there is no week "{name}"', remedy=_remedy(year)) from None


def week_of(unix: float, timezone: str) -> Week:
    """Return the week that a moment is in."""
    today = datetime.fromtimestamp(unix, ZoneInfo(timezone)).date()
    return _week(today - timedelta(days=today.weekday()), timezone)


def chosen_week(name: str | None, timezone: str, now_unix: float) -> Week:
    """Return the named week, or the last complete one without a name; ``current`` is the running one.

    Raises UsageError for a name that is none and for a week that has not begun.
    """
    running = week_of(now_unix, timezone)
    if name is None:
        return running.before()
    week = running if name == "current" else named_week(name, timezone)
    if week.begin_unix > now_unix:
        raise UsageError(
            f"week {week.name} begins on {week.monday}, which is not yet",
            remedy=f"the running week is {running.name}, the last complete one {running.before().name}",
        )
    return week


def _week(monday: date, timezone: str) -> Week:
    year, number, _ = monday.isocalendar()
    return Week(
        name=f"{year}-W{number:02d}",
        timezone=timezone,
        monday=monday,
        begin_unix=_midnight(monday, timezone),
        end_unix=_midnight(monday + timedelta(days=DAYS), timezone),
    )


def _midnight(day: date, timezone: str) -> float:
    """Return when a local day begins; where clocks jump over midnight, when they have jumped."""
    zone = ZoneInfo(timezone)
    begin = datetime.combine(day, time(), zone).astimezone(UTC)
    if begin.astimezone(zone).date() >= day:
        return begin.timestamp()
    # Midnight does not exist that day: the first moment that does is an hour (or less) later.
    minutes = (begin + timedelta(minutes=minute) for minute in range(1, 24 * 60))
    return next(one for one in minutes if one.astimezone(zone).date() >= day).timestamp()


def _remedy(year: int) -> str:
    try:
        last = date(year, 12, 28).isocalendar()[1]
    except ValueError:
        return "years are from 0001 on"
    return f"{year} has weeks {year}-W01 to {year}-W{last}"
