"""Read a week's totals from the store, with those of the weeks before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from garnet_cli.errors import GarnetError
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.store.cache import ParquetCache
from garnet_cli.store.totals import Span, Totals
from garnet_cli.store.totals_query import read_totals
from garnet_cli.store.weeks import Week
from garnet_cli.weekly.completeness import completeness_of
from node_scripts.histogram import Histogram
from node_scripts.store.objects import ObjectStore

HISTORY_WEEKS = 6
"""Weeks that expectations rest on, the judged one included."""
Report = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class WeekTotals:
    """What the store has of a week and of those before it."""

    this: Totals
    last: Totals | None
    """The same stretch of the week before; ``None``: the store has nothing of it."""
    history: tuple[Totals, ...]
    """Whole weeks by the hour, oldest first, this one at the end."""


def read_week(
    store: ObjectStore,
    inventory: Inventory,
    week: Week,
    until_unix: float,
    report: Report,
    *,
    cache: ParquetCache | None = None,
) -> WeekTotals:
    """Return the totals of a week up to ``until_unix``, of the same stretch before it, and its history.

    Raises GarnetError where the store has no minute of the week.
    """

    def read(what: Week, end_unix: float) -> Totals:
        report(f"reading week {what.name}")
        span = Span(
            begin_unix=what.begin_unix,
            end_unix=end_unix,
            bucket="hour",
            timezone=what.timezone,
            minute_s=inventory.telemetry.minute_s,
        )
        return read_totals(
            store, inventory.fleet.name, span, nodes=[node.name for node in inventory.nodes], cache=cache
        )

    this = read(week, until_unix) if until_unix > week.begin_unix else None
    if this is None or not completeness_of(this).present:
        raise GarnetError(
            f"the store has no minute of week {week.name}",
            remedy="`garnet alerts watch` tells which nodes report; name a week with data with --week",
        )
    before = week.before()
    earlier: list[Totals] = []
    for back in range(1, HISTORY_WEEKS):
        found = read(week.before(back), week.before(back).end_unix)
        if not completeness_of(found).present:
            break
        earlier.insert(0, found if back == 1 else slim(found))
    whole = earlier[-1] if earlier else None
    last = whole
    if whole is not None and until_unix < week.end_unix:
        last = read(before, min(before.end_unix, before.begin_unix + until_unix - week.begin_unix))
        last = last if completeness_of(last).present else None
    return WeekTotals(this=this, last=last, history=(*earlier, this))


def slim(totals: Totals) -> Totals:
    """Return totals without histograms, keys and evictions: what a trend needs, in a tenth of the memory."""
    empty = Histogram()
    models = tuple(
        replace(row, latency_ms=empty, first_token_ms=empty, token_time_ms=empty, queue_ms=empty)
        for row in totals.models
    )
    return replace(totals, models=models, keys=(), evictions=())
