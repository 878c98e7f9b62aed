"""What a report is made of without a store: a simulated month in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from garnet_cli.judge.uptime import FleetUptime, Uptime
from garnet_cli.report.catalogue import read_catalogue
from garnet_cli.report.contents import MonthReport
from garnet_cli.report.figures import month_report
from garnet_cli.report.gathered import NINETY_DAYS, Gathered
from garnet_cli.report.month import Span, midnight, month
from garnet_cli.report.wording import wording
from garnet_cli.store.hourly import HourLoad
from garnet_cli.store.standing import Standing
from garnet_cli.store.throttling import Throttling
from garnet_cli.store.totals import Span as TotalsSpan
from garnet_cli.store.totals import Totals
from garnet_cli.store.totals_sums import totals_of
from node_scripts.records import Event
from tests.garnet_cli.report.fleets import inventory_of
from tests.simulated.spec import FleetSpec, ModelSpec, NodeSpec
from tests.simulated.totals import simulate_totals

NOTHING = Standing(latency_ms={}, packed_s=0.0, packed_throttled_s=0.0, minutes={})


def fleet(nodes: int = 2, models: int = 2, *, requests_per_minute: float = 6.0, days: int = 30) -> FleetSpec:
    """Return a fleet over September 2026, in UTC; each model on two nodes where there are two."""
    names = [f"mini-{number + 1}" for number in range(nodes)]
    return FleetSpec(
        begin=date(2026, 9, 1),
        days=days,
        nodes=tuple(NodeSpec(name=name) for name in names),
        models=tuple(
            ModelSpec(
                name=f"qwen2.5-coder-{32 + number}b" if number else "qwen2.5-coder-32b",
                nodes=tuple(sorted({names[number % nodes], names[(number + 1) % nodes]})),
                requests_per_minute=requests_per_minute,
            )
            for number in range(models)
        ),
    )


def gathered(
    spec: FleetSpec,
    *,
    before: Totals | None = None,
    events: Sequence[Event] = (),
    hours: Sequence[HourLoad] = (),
    throttling: Mapping[str, Throttling] | None = None,
    down_s: float = 0.0,
    priced: bool = True,
) -> Gathered:
    """Return what a report of September 2026 is made of."""
    span = month("2026-09", spec.timezone, 2**31)
    totals = simulate_totals(spec)
    nodes = [node.name for node in spec.nodes]
    whole_s = float(span.end_unix - span.begin_unix)
    one = Uptime(up_s=whole_s - down_s, down_s=down_s)
    ninety_begin = midnight(span.after - timedelta(days=NINETY_DAYS), span.timezone)
    latency = {row.model: row.latency_ms for row in totals.models}
    return Gathered(
        inventory=inventory_of(spec, Path("/nowhere"), priced=priced),
        span=span,
        totals=totals,
        sums=totals,
        before=before or _empty(span.before, nodes),
        standing_before=NOTHING,
        ninety=replace(NOTHING, latency_ms=latency, minutes=dict.fromkeys(nodes, 1440 * NINETY_DAYS)),
        ninety_begin_unix=ninety_begin,
        uptime=FleetUptime(nodes=dict.fromkeys(nodes, one), fleet=one, serving=one),
        uptime_before=FleetUptime(nodes={}, fleet=Uptime(), serving=Uptime()),
        uptime_ninety=one,
        throttling=throttling or {},
        hours=tuple(hours),
        hours_begin_unix=span.end_unix - 13 * 7 * 86_400,
        placement_weeks=(),
        artifacts={},
        caches={},
        events=tuple(events),
    )


def report_of(data: Gathered) -> MonthReport:
    """Return the report."""
    return month_report(data, read_catalogue(), wording())


def load(data: Gathered, busy_pct: Sequence[float], *, tokens: int = 1_000_000) -> list[HourLoad]:
    """Return thirteen weeks of hours up to the period's end, every hour of a week as busy as it says."""
    nodes = len(data.inventory.nodes)
    return [
        HourLoad(
            begin_unix=data.hours_begin_unix + (week * 168 + hour) * 3600,
            first_unix=data.hours_begin_unix + (week * 168 + hour) * 3600,
            minutes=60 * nodes,
            covered_s=3600.0 * nodes,
            requests=100,
            tokens=round(tokens * busy / 100),
            busy_s=36.0 * nodes * busy,
        )
        for week, busy in enumerate(busy_pct)
        for hour in range(168)
    ]


def _empty(span: Span, nodes: Sequence[str]) -> Totals:
    window = TotalsSpan(begin_unix=span.begin_unix, end_unix=span.end_unix, timezone=span.timezone)
    return totals_of([], fleet="simulated", span=window, nodes=nodes)
