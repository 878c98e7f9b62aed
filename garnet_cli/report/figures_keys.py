"""The figures of page 1, each with its target and where it comes from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from garnet_cli.judge.swaps import swaps_of
from garnet_cli.report.contents import Completeness, KeyFigure, Status, Unit
from garnet_cli.report.gathered import Gathered
from garnet_cli.report.scorecard import latencies_of, latency_p95_ms
from garnet_cli.report.sections import Costs, Thermal, UptimeSection, Volume
from garnet_cli.report.shares import change_pct, pct
from garnet_cli.report.targets import (
    COMPLETE_PCT,
    LATENCY_P95_MS,
    SWAP_WINDOW_S,
    THROTTLE_PCT,
    TIMES_UNDER_API,
    UPTIME_PCT,
    at_least,
    at_most,
    under,
)
from garnet_cli.report.traces import TRACES
from garnet_cli.report.wording import Wording
from node_scripts.histogram import Histogram, merged


@dataclass(frozen=True, kw_only=True, slots=True)
class Sections:
    """The sections that page 1 is taken from."""

    volume: Volume
    thermal: Thermal
    costs: Costs
    uptime: UptimeSection
    completeness: Completeness


def key_figures(data: Gathered, sections: Sections, words: Wording) -> tuple[KeyFigure, ...]:
    """Return the figures of page 1, in the order in which they are shown."""
    volume, costs = sections.volume, sections.costs
    uptime, thermal, completeness = sections.uptime, sections.thermal, sections.completeness
    window = uptime.swap_window_max_s
    return (
        _figure("tokens", "tokens", volume.tokens, volume.tokens_before, words, better="up"),
        _figure(
            "usd_per_million",
            "usd_per_million_tokens",
            costs.usd_per_million,
            costs.usd_per_million_before,
            words,
            target=_api_target(costs),
            target_is="at_most",
            status=at_most(costs.usd_per_million, _api_target(costs) or 0.0)
            if _api_target(costs) is not None
            else "none",
            note=_cost_note(costs, words),
        ),
        _figure(
            "savings",
            "usd",
            costs.savings_usd,
            costs.savings_usd_before,
            words,
            better="up",
            note=_savings_note(costs, words),
        ),
        _figure(
            "uptime",
            "pct",
            uptime.serving.uptime_pct,
            uptime.serving_pct_before,
            words,
            better="up",
            target=UPTIME_PCT,
            target_is="at_least",
            status=at_least(uptime.serving.uptime_pct, UPTIME_PCT),
            note=words.say("keys.down", down=words.seconds(uptime.serving.down_s))
            if uptime.serving.down_s
            else "",
        ),
        _latency(data, words),
        _figure(
            "throttle",
            "pct",
            thermal.throttle_pct,
            thermal.throttle_pct_before,
            words,
            target=THROTTLE_PCT,
            target_is="at_most",
            status=under(thermal.throttle_pct, THROTTLE_PCT),
            note="" if thermal.throttle_pct is not None else words.say("keys.no_level"),
        ),
        _figure(
            "swap_window",
            "s",
            window,
            _window_before(data),
            words,
            target=SWAP_WINDOW_S,
            target_is="at_most",
            status=at_most(window, SWAP_WINDOW_S),
            note=words.many("keys.swaps", uptime.swaps) if uptime.swaps else words.say("keys.no_swaps"),
        ),
        _figure(
            "completeness",
            "pct",
            completeness.complete_pct,
            _complete_before(data),
            words,
            better="up",
            target=COMPLETE_PCT,
            target_is="at_least",
            status=at_least(completeness.complete_pct, COMPLETE_PCT),
        ),
    )


def _figure(  # noqa: PLR0913 -- a figure has so many sides
    key: str,
    unit: Unit,
    actual: float | None,
    before: float | None,
    words: Wording,
    *,
    target: float | None = None,
    target_is: Literal["at_least", "at_most", "none"] = "none",
    better: Literal["up", "down"] = "down",
    status: Status = "none",
    note: str = "",
) -> KeyFigure:
    points = unit == "pct"
    change = change_pct(actual, before)
    if points:
        change = None if actual is None or before is None else actual - before
    return KeyFigure(
        key=key,
        label=words.say(f"keys.{key}"),
        unit=unit,
        actual=actual,
        target=target,
        target_is=target_is if target is not None else "none",
        before=before,
        change=change,
        change_unit="points" if points else "pct",
        better=better,
        status=status,
        note=note,
        trace=TRACES[f"key_figures.{key}"],
    )


def _latency(data: Gathered, words: Wording) -> KeyFigure:
    """Return the latency of the middle class against its target, or that of all models without one."""
    rows = data.sums.models
    actual, models = latency_p95_ms(data, latencies_of(rows))
    if not models:
        return _figure(
            "latency",
            "ms",
            _all_p95(latencies_of(rows)),
            _all_p95(data.standing_before.latency_ms.items()),
            words,
            note=words.say("keys.no_class"),
        )
    before, _ = latency_p95_ms(data, data.standing_before.latency_ms.items())
    return _figure(
        "latency",
        "ms",
        actual,
        before,
        words,
        target=LATENCY_P95_MS,
        target_is="at_most",
        status=under(actual, LATENCY_P95_MS),
        note=words.names(models, 3),
    )


def _all_p95(latencies: Iterable[tuple[str, Histogram]]) -> float | None:
    return merged(one for _, one in latencies).quantile(0.95)


def _complete_before(data: Gathered) -> float | None:
    """Return the completeness of the period before; ``None`` without a minute of it, as of all else then."""
    wanted = {node.name for node in data.inventory.nodes}
    rows = [row for row in data.before.nodes if row.node in wanted]
    present = sum(row.minutes_present for row in rows)
    return pct(present, sum(row.minutes_expected for row in rows)) if present else None


def _window_before(data: Gathered) -> float | None:
    begin, end = data.before.begin_unix, data.before.end_unix
    swaps = [swap for swap in swaps_of(data.events) if begin <= swap.begin_unix < end]
    return max((swap.window_s for swap in swaps if swap.window_s is not None), default=None)


def _api_target(costs: Costs) -> float | None:
    """Return what a million tokens may cost: a fifth of what an API asks for the same mix of tokens."""
    if costs.api_usd is None or not costs.compared_tokens:
        return None
    return costs.api_usd / (costs.compared_tokens / 1e6) / TIMES_UNDER_API


def _cost_note(costs: Costs, words: Wording) -> str:
    if costs.usd_per_million is None:
        return words.say("keys.no_cost")
    if costs.usd_per_million_low is None or costs.usd_per_million_high is None:
        return ""
    return words.say(
        "keys.range", low=words.usd(costs.usd_per_million_low), high=words.usd(costs.usd_per_million_high)
    )


def _savings_note(costs: Costs, words: Wording) -> str:
    if costs.savings_usd is None:
        return words.say("keys.no_savings")
    if costs.savings_pct is None or costs.times_under_api is None:
        return ""
    if costs.savings_pct < 0:
        return words.say("keys.times_dearer", times=words.number(1 / costs.times_under_api))
    return words.say("keys.savings_pct", share=words.pct(costs.savings_pct))
