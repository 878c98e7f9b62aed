"""Read from the store what a report is made of."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise, takewhile
from typing import Literal

from garnet_cli.errors import GarnetError
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.judge.evictions import CacheNeed
from garnet_cli.judge.memory import ArtifactSize
from garnet_cli.judge.uptime import FleetUptime, Uptime
from garnet_cli.report.gathered import NINETY_DAYS, Gathered
from garnet_cli.report.month import Span, midnight
from garnet_cli.store.cache import ParquetCache
from garnet_cli.store.hourly import hourly
from garnet_cli.store.query import Telemetry, telemetry
from garnet_cli.store.standing import Standing, standing
from garnet_cli.store.throttling import throttling
from garnet_cli.store.totals import Span as TotalsSpan
from garnet_cli.store.totals import Totals
from garnet_cli.store.totals_query import read_totals
from garnet_cli.store.uptime import uptime_between
from node_scripts.records import Event
from node_scripts.store.objects import ObjectStore

WEEK_S = 7 * 86_400
DAY_S = 86_400
HISTORY_WEEKS = 13
"""Weeks that a forecast rests on."""
PLACEMENT_WEEKS = 2
"""So few say nothing of a trend, which takes five to be believed; `garnet weekly` looks at those."""
EVENTS_SQL = """
SELECT schema, id, time_unix, fleet, node, kind, subject, action, who, detail FROM events
WHERE kind IN ('swap', 'deploy', 'up', 'down', 'restart', 'incident', 'alert')
ORDER BY time_unix, id
"""
"""Evictions are in the totals: a loader may tell of thousands a day."""

Told = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """The store and how it is read."""

    store: ObjectStore
    inventory: Inventory
    artifacts: Mapping[str, ArtifactSize] = field(default_factory=dict)
    """What is known of models' files, by served name."""
    caches: Mapping[str, CacheNeed] = field(default_factory=dict)
    """What each model's prompt cache may keep and may need, by served name."""
    cache: ParquetCache | None = None

    @property
    def nodes(self) -> list[str]:
        """Return the inventory's nodes."""
        return [node.name for node in self.inventory.nodes]

    def totals(
        self,
        begin_unix: int,
        end_unix: int,
        bucket: Literal["hour", "day", "window"],
        *,
        histograms: bool = False,
        keys: bool = False,
    ) -> Totals:
        """Return the totals of [begin, end); raises as ``read_totals``."""
        span = TotalsSpan(
            begin_unix=begin_unix,
            end_unix=end_unix,
            bucket=bucket,
            timezone=self.inventory.fleet.timezone,
            minute_s=self.inventory.telemetry.minute_s,
        )
        return read_totals(
            self.store,
            self.inventory.fleet.name,
            span,
            nodes=self.nodes,
            histograms=histograms,
            keys=keys,
            cache=self.cache,
        )


def gather(reader: Reader, span: Span, now_unix: float, told: Told) -> Gathered:
    """Return all that a report of ``span`` is made of; ``told`` hears what is being done.

    Raises GarnetError where the store has no minute of the period, and as the readers of the store do.
    """
    inventory, minute_s = reader.inventory, reader.inventory.telemetry.minute_s
    told(f"reading {span.name}")
    totals = reader.totals(span.begin_unix, span.end_unix, "day")
    if not any(row.minutes_present for row in totals.nodes):
        raise GarnetError(
            f"the store has no minute of {span.name}",
            remedy="`garnet alerts watch` tells which nodes report; name a month with data with --month",
        )
    ninety_begin = midnight(span.after - timedelta(days=NINETY_DAYS), span.timezone)
    hours_begin = span.end_unix - HISTORY_WEEKS * WEEK_S
    first = min(ninety_begin, hours_begin, span.before.begin_unix)
    told(f"adding up {span.name}, {span.before.name} and the history")
    with (
        _summing(reader, span) as summed,
        telemetry(
            reader.store,
            inventory.fleet.name,
            first,
            now_unix + DAY_S,
            tables=("minutes", "models", "peers", "events"),
            cache=reader.cache,
        ) as opened,
    ):
        windows = (
            (span.begin_unix, span.end_unix),
            (span.before.begin_unix, span.before.end_unix),
            (ninety_begin, span.end_unix),
        )
        uptimes = _uptimes(opened, reader.nodes, windows, minute_s)
        standings = _standings(opened, windows[1:])
        throttled = throttling(opened, span.begin_unix, span.end_unix, minute_s=minute_s)
        hours = tuple(hourly(opened, hours_begin, span.end_unix))
        events = _events(opened)
        sums, before = summed.month.result(), summed.before.result()
        return Gathered(
            inventory=inventory,
            span=span,
            totals=totals,
            sums=sums,
            before=before,
            standing_before=standings[0],
            ninety=standings[1],
            ninety_begin_unix=ninety_begin,
            uptime=uptimes[0],
            uptime_before=uptimes[1],
            uptime_ninety=uptimes[2].serving,
            throttling=throttled,
            hours=hours,
            hours_begin_unix=hours_begin,
            placement_weeks=_with_data(week.result() for week in summed.weeks),
            artifacts=reader.artifacts,
            caches=reader.caches,
            events=events,
            set_aside={**before.set_aside, **opened.set_aside, **totals.set_aside, **sums.set_aside},
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Summed:
    """Totals that are being read."""

    month: Future[Totals]
    weeks: Sequence[Future[Totals]]
    """Those that placement is judged by, by the hour, newest first."""
    before: Future[Totals]


@contextmanager
def _summing(reader: Reader, span: Span) -> Iterator[_Summed]:
    """Read totals in a thread, while the block reads the history; its end gives up what has not begun.

    The month comes first, whose files are here: the time before is being fetched for the history, too.
    """
    begins = [span.end_unix - (back + 1) * WEEK_S for back in range(PLACEMENT_WEEKS)]
    pool = ThreadPoolExecutor(1, thread_name_prefix="totals")
    try:
        yield _Summed(
            month=pool.submit(
                reader.totals, span.begin_unix, span.end_unix, "window", histograms=True, keys=True
            ),
            weeks=[pool.submit(reader.totals, begin, begin + WEEK_S, "hour") for begin in begins],
            before=pool.submit(
                reader.totals, span.before.begin_unix, span.before.end_unix, "window", keys=True
            ),
        )
    finally:
        pool.shutdown(cancel_futures=True)


def _with_data(weeks: Iterable[Totals]) -> tuple[Totals, ...]:
    """Return ``weeks``, newest first, oldest first, back to the first without data."""
    found = takewhile(lambda week: any(row.minutes_present for row in week.nodes), weeks)
    return tuple(found)[::-1]


def _uptimes(
    opened: Telemetry, nodes: list[str], windows: tuple[tuple[int, int], ...], minute_s: int
) -> list[FleetUptime]:
    """Return the uptime of each window, all found at once."""
    edges = sorted({edge for window in windows for edge in window})
    parts = dict(zip(edges, uptime_between(opened, nodes, edges, minute_s=minute_s), strict=False))
    return [
        _together([parts[edge] for edge in edges if begin <= edge < end], nodes) for begin, end in windows
    ]


def _standings(opened: Telemetry, windows: tuple[tuple[int, int], ...]) -> list[Standing]:
    """Return the standing of each window, no stretch of time being read twice."""
    edges = sorted({edge for window in windows for edge in window})
    parts = {
        begin: standing(opened, begin, end)
        for begin, end in pairwise(edges)
        if any(first <= begin < last for first, last in windows)
    }
    nothing = Standing(latency_ms={}, packed_s=0.0, packed_throttled_s=0.0, minutes={})
    return [sum((part for at, part in parts.items() if begin <= at < end), nothing) for begin, end in windows]


def _together(parts: list[FleetUptime], nodes: list[str]) -> FleetUptime:
    return FleetUptime(
        nodes={node: sum((part.nodes[node] for part in parts), Uptime()) for node in nodes},
        fleet=sum((part.fleet for part in parts), Uptime()),
        serving=sum((part.serving for part in parts), Uptime()),
    )


def _events(opened: Telemetry) -> tuple[Event, ...]:
    answer = opened.ask(EVENTS_SQL)
    rows = (dict(zip(answer.columns, row, strict=True)) for row in answer.rows)
    return tuple(Event(**{**row, "detail": json.loads(row["detail"] or "{}")}) for row in rows)
