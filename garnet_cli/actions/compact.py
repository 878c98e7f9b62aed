"""Compact every day that has something new, then delete what is past its time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from garnet_cli.store.compaction import DayResult, compact_day
from garnet_cli.store.days import compacted_listing, day_of, newest_unix, raw_dates
from garnet_cli.store.retention import Limits, Tidied, tidy_day, totals
from node_scripts.store.objects import ObjectStore


@dataclass(frozen=True, kw_only=True, slots=True)
class Compacted:
    """What one run did."""

    days: list[DayResult]
    """Those that changed."""
    unchanged: int
    tidied: Tidied


def compact(
    store: ObjectStore, fleet: str, limits: Limits, now_unix: float, tell: Callable[[date, str], None]
) -> Compacted:
    """Compact all days of a fleet and tidy them; safe to stop and to run again.

    The store's own clock, as its objects show it, counts where this machine's is ahead. ``tell`` is told
    of each day. Raises StoreError, GarnetError.
    """
    results: list[DayResult] = []
    listings = compacted_listing(store, fleet)
    raw = raw_dates(store, fleet)
    for day in sorted(raw):
        tell(day, "compacting")
        results.append(compact_day(store, fleet, day, listing=listings.get(day, [])))
    after = compacted_listing(store, fleet)
    days = sorted({*after, *raw})
    if not days:
        return Compacted(days=[], unchanged=0, tidied=Tidied())
    by_store = min(now_unix, newest_unix(*after.values()))
    # A node whose clock is ahead ships days that are not yet: they make no other day older.
    newest = min(days[-1], day_of(by_store))
    tidied = []
    for day in days:
        tell(day, "tidying")
        tidied.append(tidy_day(store, fleet, day, newest, by_store, limits, after.get(day, [])))
    changed = [one for one in results if one.changed]
    return Compacted(days=changed, unchanged=len(results) - len(changed), tidied=totals(tidied))
