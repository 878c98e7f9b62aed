"""The ninety-day scorecard: what the rack was bought for, and whether it does it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from garnet_cli.judge.swaps import swaps_of
from garnet_cli.report.figures_volume import period_title, size_class_of
from garnet_cli.report.gathered import NINETY_DAYS, Gathered
from garnet_cli.report.month import local_day
from garnet_cli.report.sections import Costs, Scorecard, ScoreLine
from garnet_cli.report.shares import pct
from garnet_cli.report.size_class import MIDDLE
from garnet_cli.report.targets import (
    LATENCY_P95_MS,
    SWAP_WINDOW_S,
    THROTTLE_PCT,
    TIMES_UNDER_API,
    TIMES_UNDER_API_MOST,
    UPTIME_PCT,
    at_least,
    at_most,
    under,
)
from garnet_cli.report.wording import Wording
from garnet_cli.store.totals import ModelTotals
from node_scripts.histogram import Histogram, merged

DAY_S = 86_400


def scorecard_of(data: Gathered, costs: Costs, words: Wording) -> Scorecard:
    """Return the section; it has lines from the ninetieth day of data on.

    The cost line is that of the report's period: prices and references are those of today.
    """
    begin = local_day(data.ninety_begin_unix, data.span.timezone)
    first = min((hour.first_unix for hour in data.hours), default=None)
    days = 0
    if first is not None:
        seen = local_day(max(first, data.ninety_begin_unix), data.span.timezone)
        days = min(NINETY_DAYS, (data.span.after - seen).days)
    lines = tuple(_lines(data, costs, words)) if days >= NINETY_DAYS else ()
    nodes = [node.name for node in data.inventory.nodes]
    expected = (data.span.end_unix - data.ninety_begin_unix) // data.inventory.telemetry.minute_s * len(nodes)
    present = sum(data.ninety.minutes.get(node, 0) for node in nodes)
    return Scorecard(
        begin_day=begin.isoformat(),
        end_day=(data.span.after - timedelta(days=1)).isoformat(),
        days_of_data=days,
        needed_days=NINETY_DAYS,
        complete_pct=100 * present / expected if expected else None,
        lines=lines,
        says=_says(lines, days, words),
    )


def latency_p95_ms(
    data: Gathered, latencies: Iterable[tuple[str, Histogram]]
) -> tuple[float | None, list[str]]:
    """Return the 95th percentile of the latency of the middle class's requests, and the class's models."""
    told = [(model, one) for model, one in latencies if model and size_class_of(data, model) == MIDDLE]
    return merged(one for _, one in told).quantile(0.95), sorted({model for model, _ in told})


def latencies_of(rows: Iterable[ModelTotals]) -> list[tuple[str, Histogram]]:
    """Return each row's model and latencies."""
    return [(row.model, row.latency_ms) for row in rows]


def _lines(data: Gathered, costs: Costs, words: Wording) -> list[ScoreLine]:
    latency, models = latency_p95_ms(data, data.ninety.latency_ms.items())
    uptime = data.uptime_ninety.uptime_pct
    swaps = [
        swap
        for swap in swaps_of(data.events)
        if data.ninety_begin_unix <= swap.begin_unix < data.span.end_unix
    ]
    window = max((swap.window_s for swap in swaps if swap.window_s is not None), default=None)
    throttled = pct(data.ninety.packed_throttled_s, data.ninety.packed_s)
    times = costs.times_under_api
    return [
        ScoreLine(
            key="latency",
            label=words.say("scorecard.latency"),
            unit="ms",
            target=LATENCY_P95_MS,
            target_high=None,
            target_is="at_most",
            actual=latency,
            status=under(latency, LATENCY_P95_MS),
            note=words.say("scorecard.models", models=words.names(models))
            if models
            else words.say("scorecard.no_models"),
        ),
        ScoreLine(
            key="uptime",
            label=words.say("scorecard.uptime"),
            unit="pct",
            target=UPTIME_PCT,
            target_high=None,
            target_is="at_least",
            actual=uptime,
            status=at_least(uptime, UPTIME_PCT),
            note="" if uptime is not None else words.say("scorecard.not_observed"),
        ),
        ScoreLine(
            key="swap_window",
            label=words.say("scorecard.swap_window"),
            unit="s",
            target=SWAP_WINDOW_S,
            target_high=None,
            target_is="at_most",
            actual=window,
            status=at_most(window, SWAP_WINDOW_S),
            note=words.many("scorecard.swaps", len(swaps)) if swaps else words.say("scorecard.no_swaps"),
        ),
        ScoreLine(
            key="throttle",
            label=words.say("scorecard.throttle"),
            unit="pct",
            target=THROTTLE_PCT,
            target_high=None,
            target_is="at_most",
            actual=throttled,
            status=under(throttled, THROTTLE_PCT),
            note="" if throttled is not None else words.say("scorecard.not_observed"),
        ),
        ScoreLine(
            key="cost",
            label=words.say("scorecard.cost"),
            unit="times",
            target=TIMES_UNDER_API,
            target_high=TIMES_UNDER_API_MOST,
            target_is="range",
            actual=times,
            status=at_least(times, TIMES_UNDER_API),
            note=_cost_note(data, times, words),
        ),
    ]


def _cost_note(data: Gathered, times: float | None, words: Wording) -> str:
    if times is None:
        return words.say("scorecard.no_reference")
    key = "scorecard.cost_beyond" if times > TIMES_UNDER_API_MOST else "scorecard.cost_of"
    return words.say(key, period=period_title(data.span, words))


def _says(lines: Sequence[ScoreLine], days: int, words: Wording) -> str:
    if not lines:
        return words.say("scorecard.too_early", days=days, needed=NINETY_DAYS)
    met = sum(1 for line in lines if line.status == "met")
    unknown = sum(1 for line in lines if line.status == "unknown")
    said = words.say("scorecard.met", met=met, count=len(lines))
    return f"{said} {words.say('scorecard.unknown', count=unknown)}" if unknown else said
