"""Which days and which raw objects a store holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

from node_scripts.store.layout import compacted_prefix, events_prefix, minutes_prefix
from node_scripts.store.objects import ObjectInfo, ObjectStore

DATE = "date="


def day_of(unix: float) -> date:
    """Return the UTC date of a time."""
    return datetime.fromtimestamp(unix, UTC).date()


def begin_of(day: date) -> int:
    """Return when a UTC date begins."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def days_between(begin_unix: float, end_unix: float) -> list[date]:
    """Return the UTC dates that [begin, end) touches."""
    if end_unix <= begin_unix:
        return []
    first, last = day_of(begin_unix), day_of(end_unix)
    if begin_of(last) >= end_unix:
        last -= timedelta(days=1)
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def date_in(key: str) -> date | None:
    """Return the date in a key's ``date=…`` part; ``None`` if it has none."""
    for part in key.split("/"):
        if part.startswith(DATE):
            try:
                return date.fromisoformat(part.removeprefix(DATE))
            except ValueError:
                return None
    return None


def dates_below(store: ObjectStore, prefix: str) -> Iterator[date]:
    """Yield the dates of which ``prefix`` holds anything, with one short listing a date."""
    after = ""
    while True:
        info = next(iter(store.list(prefix, after)), None)
        if info is None:
            return
        day = date_in(info.key)
        if day is None:
            after = info.key
            continue
        yield day
        # "0" is the character after "/": past all keys of this date, before those of the next.
        after = f"{prefix}{DATE}{day.isoformat()}0"


def raw_dates(store: ObjectStore, fleet: str) -> set[date]:
    """Return the dates with raw minutes or events."""
    return {*dates_below(store, minutes_prefix(fleet)), *dates_below(store, events_prefix(fleet))}


def raw_objects(store: ObjectStore, fleet: str, day: date) -> tuple[list[ObjectInfo], list[ObjectInfo]]:
    """Return a day's raw minutes and batches of events, in the order of their keys."""
    return list(store.list(minutes_prefix(fleet, day))), list(store.list(events_prefix(fleet, day)))


def compacted_listing(store: ObjectStore, fleet: str) -> dict[date, list[ObjectInfo]]:
    """Return what lies in the folders of compacted days, by date."""
    found: dict[date, list[ObjectInfo]] = {}
    for info in store.list(compacted_prefix(fleet)):
        day = date_in(info.key)
        if day is not None:
            found.setdefault(day, []).append(info)
    return found


def newest_unix(*listings: Iterable[ObjectInfo]) -> float:
    """Return when the newest object was written by the store's own clock; 0 of none."""
    return max((info.modified_unix for listing in listings for info in listing), default=0.0)
