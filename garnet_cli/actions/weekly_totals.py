"""Read a week's totals from the store, with those of the weeks before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from garnet_cli.errors import GarnetError
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.store.cache import ParquetCache
from garnet_cli.store.totals import BucketSize, ModelTotals, Span, Totals
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
    """What the store has of a week and of those before it.

    By the hour without histograms, which would take most of the memory; as sums with them.
    """

    this: Totals
    last: Totals | None
    """The same stretch of the week before; ``None``: the store has nothing of it."""
    this_sums: Totals
    last_sums: Totals | None
    history: tuple[Totals, ...]
    """Whole weeks by the hour, oldest first, this one at the end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WeekReader:
    """Reads stretches of weeks of one fleet."""

    store: ObjectStore
    inventory: Inventory
    report: Report
    """Told what is being read."""
    cache: ParquetCache | None = None

    def hours(self, week: Week, end_unix: float) -> Totals | None:
        """Return a week up to a moment by the hour; ``None`` where the store has no minute of it."""
        if end_unix <= week.begin_unix:
            return None
        self.report(f"reading week {week.name}")
        found = self._read(week, end_unix, "hour")
        return found if completeness_of(found).present else None

    def sums(self, week: Week, end_unix: float) -> Totals:
        """Return a week up to a moment, added up."""
        self.report(f"adding up week {week.name}")
        return self._read(week, end_unix, "window")

    def _read(self, week: Week, end_unix: float, bucket: BucketSize) -> Totals:
        span = Span(
            begin_unix=week.begin_unix,
            end_unix=end_unix,
            bucket=bucket,
            timezone=week.timezone,
            minute_s=self.inventory.telemetry.minute_s,
        )
        return read_totals(
            self.store,
            self.inventory.fleet.name,
            span,
            nodes=[node.name for node in self.inventory.nodes],
            histograms=bucket == "window",
            cache=self.cache,
        )


def slim(totals: Totals) -> Totals:
    """Return totals with the requests and busy times of a trend: a large fleet's weeks fill the memory."""
    nothing, none = Histogram(), dict[str, int]()
    models = tuple(
        ModelTotals(
            begin_unix=row.begin_unix,
            node=row.node,
            model=row.model,
            requests=row.requests,
            errors=none,
            loader_busy_s=row.loader_busy_s,
            loader_observed_s=row.loader_observed_s,
            latency_ms=nothing,
            first_token_ms=nothing,
            token_time_ms=nothing,
            queue_ms=nothing,
        )
        for row in totals.models
    )
    return replace(totals, models=models, keys=(), evictions=())


def read_week(reader: WeekReader, week: Week, until_unix: float) -> WeekTotals:
    """Return the totals of a week up to ``until_unix``, of the same stretch before it, and its history.

    Raises GarnetError where the store has no minute of the week.
    """
    this = reader.hours(week, until_unix)
    if this is None:
        raise GarnetError(
            f"the store has no minute of week {week.name}",
            remedy="`garnet alerts watch` tells which nodes report; name a week with data with --week",
        )
    history = [this]
    for back in range(1, HISTORY_WEEKS):
        found = reader.hours(week.before(back), week.before(back).end_unix)
        if found is None:
            break
        history.insert(0, found if back == 1 else slim(found))
    before = week.before()
    until_before = before.end_unix
    last = history[-2] if len(history) > 1 else None
    if last is not None and until_unix < week.end_unix:
        until_before = min(before.end_unix, before.begin_unix + until_unix - week.begin_unix)
        last = reader.hours(before, until_before)
    return WeekTotals(
        this=this,
        last=last,
        this_sums=reader.sums(week, until_unix),
        last_sums=reader.sums(before, until_before) if last is not None else None,
        history=tuple(history),
    )
