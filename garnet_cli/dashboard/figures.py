"""From a window's sums to the figures of the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from garnet_cli.dashboard.cost import Assumptions, cost_of
from garnet_cli.dashboard.history import episodes, log_lines
from garnet_cli.dashboard.node_figures import PACKED_FLOOR_S, node_figures
from garnet_cli.dashboard.page_data import (
    Completeness,
    FleetFigures,
    ModelFigures,
    NodeFigures,
    Numbers,
    PageData,
)
from garnet_cli.dashboard.tally import ModelStep, ModelTally, NodeTally, Tally
from node_scripts.histogram import Histogram, merged
from node_scripts.records import Event

SETTLE_S = 120
"""A minute is expected in the store this long after its end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetFacts:
    """What the inventory says and minutes do not."""

    name: str
    timezone: str
    prices_usd: dict[str, float | None]
    """Of every node, in the inventory's order."""
    models: tuple[str, ...]
    """In the inventory's order."""


def page_data(
    fleet: FleetFacts,
    tally: Tally,
    events: Iterable[Event],
    *,
    now_unix: float,
    version: str,
    assumptions: Assumptions,
    refresh_s: int | None = None,
    unreadable_objects: int = 0,
) -> PageData:
    """Return the page's document. Nodes and models that the inventory no longer has come last."""
    window = tally.window
    told = list(events)
    node_names = _ordered(fleet.prices_usd, tally.nodes)
    model_names = _ordered(fleet.models, tally.models)
    expected_s = max(0.0, min(window.end_unix, now_unix - SETTLE_S) - window.begin_unix)
    nodes = [node_figures(name, tally.nodes.get(name), window, now_unix, expected_s) for name in node_names]
    known_s = tally.known_s()
    models = [_model_figures(name, tally.models.get(name, ModelTally()), known_s) for name in model_names]
    totals = _totals(tally, known_s)
    seen = {name: tally.nodes.get(name, NodeTally()) for name in node_names}
    cost = cost_of(
        hours=max(0.0, min(window.end_unix, now_unix) - window.begin_unix) / 3600,
        prices_usd={name: fleet.prices_usd.get(name) for name in node_names},
        joules={name: _joules(node) for name, node in seen.items()},
        metered_s=sum(step.power_s for node in seen.values() for step in node.steps.values()),
        tokens=totals.prompt_tokens + totals.completion_tokens,
        assumptions=assumptions,
    )
    return PageData(
        fleet=fleet.name,
        version=version,
        timezone=fleet.timezone,
        generated_unix=now_unix,
        begin_unix=window.begin_unix,
        end_unix=window.end_unix,
        step_s=window.step_s,
        refresh_s=refresh_s,
        totals=totals,
        models=models,
        nodes=nodes,
        cost=cost,
        assumptions=assumptions,
        completeness=_completeness(tally, nodes, expected_s, unreadable_objects),
        episodes=episodes(told, window.begin_unix),
        log=log_lines(told, window.begin_unix),
    )


def _ordered(first: Iterable[str], rest: Iterable[str]) -> list[str]:
    known = list(first)
    return [*known, *sorted(set(rest) - set(known))]


def _joules(node: NodeTally) -> float | None:
    steps = [step for step in node.steps.values() if step.power_s]
    return sum(step.joules for step in steps) if steps else None


def _model_figures(name: str, model: ModelTally, known_s: Sequence[float]) -> ModelFigures:
    steps = [model.steps.get(index, ModelStep()) for index in range(len(known_s))]
    whole = merged(step.latency_ms for step in model.steps.values())
    return ModelFigures(
        name=name,
        nodes=sorted(model.nodes),
        requests=model.requests,
        errors=sum(model.errors.values()),
        error_codes=dict(sorted(model.errors.items())),
        cancelled=model.cancelled,
        prompt_tokens=model.prompt_tokens,
        cached_tokens=model.cached_tokens,
        completion_tokens=model.completion_tokens,
        p50_ms=_rounded(whole.quantile(0.5)),
        p95_ms=_rounded(whole.quantile(0.95)),
        first_token_p95_ms=_rounded(model.first_token_ms.quantile(0.95)),
        hit_rate=model.hits / model.lookups if model.lookups and model.hits is not None else None,
        queued_max=model.queued_max,
        restarts=model.restarts,
        evictions=model.evictions,
        latency_p50_ms=[_quantile(step, 0.5) for step in steps],
        latency_p95_ms=[_quantile(step, 0.95) for step in steps],
        request_count=[step.requests for step in steps],
        prompt_per_s=_rates([step.prompt_tokens for step in steps], known_s),
        completion_per_s=_rates([step.completion_tokens for step in steps], known_s),
    )


def _totals(tally: Tally, known_s: Sequence[float]) -> FleetFigures:
    models = tally.models.values()
    together = [
        _together([model.steps[index] for model in models if index in model.steps])
        for index in range(len(known_s))
    ]
    whole = merged(step.latency_ms for step in together)
    packed_s = sum(node.packed_s for node in tally.nodes.values())
    throttled_s = sum(node.packed_throttled_s for node in tally.nodes.values())
    return FleetFigures(
        requests=sum(model.requests for model in models),
        answered=sum(model.answered for model in models),
        errors=sum(sum(model.errors.values()) for model in models),
        cancelled=sum(model.cancelled for model in models),
        prompt_tokens=sum(model.prompt_tokens for model in models),
        cached_tokens=sum(model.cached_tokens for model in models),
        completion_tokens=sum(model.completion_tokens for model in models),
        p50_ms=_rounded(whole.quantile(0.5)),
        p95_ms=_rounded(whole.quantile(0.95)),
        throttle_pct=None if packed_s < PACKED_FLOOR_S else round(100 * throttled_s / packed_s, 2),
        latency_p50_ms=[_quantile(step, 0.5) for step in together],
        latency_p95_ms=[_quantile(step, 0.95) for step in together],
        request_count=[step.requests for step in together],
        prompt_per_s=_rates([step.prompt_tokens for step in together], known_s),
        completion_per_s=_rates([step.completion_tokens for step in together], known_s),
    )


def _together(steps: Sequence[ModelStep]) -> ModelStep:
    latency = Histogram()
    for step in steps:
        latency.merge(step.latency_ms)
    return ModelStep(
        requests=sum(step.requests for step in steps),
        prompt_tokens=sum(step.prompt_tokens for step in steps),
        completion_tokens=sum(step.completion_tokens for step in steps),
        latency_ms=latency,
    )


def _completeness(
    tally: Tally, nodes: Sequence[NodeFigures], expected_s: float, unreadable: int
) -> Completeness:
    expected = int(expected_s // 60) * len(nodes)
    covered = sum(node.covered_s() for node in tally.nodes.values()) / 60
    return Completeness(
        expected_minutes=expected,
        covered_minutes=round(covered, 1),
        covered_pct=round(min(100.0, 100 * covered / expected), 2) if expected else None,
        unrecorded_requests=sum(node.unrecorded_requests for node in tally.nodes.values()),
        corrupt_lines=sum(node.corrupt_lines for node in tally.nodes.values()),
        dropped_minutes=sum(node.dropped_minutes for node in tally.nodes.values()),
        unreadable_objects=unreadable,
    )


def _rates(tokens: Sequence[int], known_s: Sequence[float]) -> Numbers:
    """Return tokens per known second of each step; where nothing is known, neither is the rate."""
    return [
        _rounded(count / seconds) if seconds else None for count, seconds in zip(tokens, known_s, strict=True)
    ]


def _quantile(step: ModelStep, share: float) -> float | None:
    return _rounded(step.latency_ms.quantile(share))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
