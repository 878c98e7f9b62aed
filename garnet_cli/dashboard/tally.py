"""Sums over minutes, by model and by node, per step of a window. Minutes may come in any order."""

from __future__ import annotations

from dataclasses import dataclass, field

from garnet_cli.dashboard.window import Window
from node_scripts.histogram import Histogram
from node_scripts.records import Minute, ModelMinute

MINUTE_S = 60.0


@dataclass(slots=True)
class ModelStep:
    """One model in one step, over all nodes."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    latency_ms: Histogram = field(default_factory=Histogram)


@dataclass(slots=True)
class ModelTally:
    """One model over the window."""

    requests: int = 0
    answered: int = 0
    cancelled: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    first_token_ms: Histogram = field(default_factory=Histogram)
    lookups: int | None = None
    hits: int | None = None
    queued_max: int | None = None
    restarts: int = 0
    evictions: int | None = None
    nodes: set[str] = field(default_factory=set)
    """Nodes with a loader of it."""
    steps: dict[int, ModelStep] = field(default_factory=dict)


@dataclass(slots=True)
class NodeStep:
    """One node in one step."""

    covered: dict[int, float] = field(default_factory=dict)
    """Seconds that the monitor ran, by minute."""
    celsius_sum: float = 0.0
    celsius_s: float = 0.0
    celsius_max: float | None = None
    observed_s: float = 0.0
    throttled_s: float = 0.0
    joules: float = 0.0
    power_s: float = 0.0


@dataclass(slots=True)
class NodeTally:
    """One node over the window."""

    last: Minute | None = None
    requests: int = 0
    tokens: int = 0
    packed_s: float = 0.0
    packed_throttled_s: float = 0.0
    unrecorded_requests: int = 0
    corrupt_lines: int = 0
    dropped_minutes: int = 0
    power_sources: set[str] = field(default_factory=set)
    steps: dict[int, NodeStep] = field(default_factory=dict)

    def covered_s(self) -> float:
        """Return the seconds that the monitor ran."""
        return sum(min(each, MINUTE_S) for step in self.steps.values() for each in step.covered.values())


class Tally:
    """All that a dashboard needs of a window's minutes."""

    def __init__(self, window: Window) -> None:
        """Begin with nothing."""
        self.window = window
        self.models: dict[str, ModelTally] = {}
        self.nodes: dict[str, NodeTally] = {}

    def known_s(self) -> list[float]:
        """Return how many seconds of each step are known, by the node that knows most of it."""
        steps = [0.0] * self.window.steps
        for node in self.nodes.values():
            for index, step in node.steps.items():
                steps[index] = max(steps[index], MINUTE_S * len(step.covered))
        return steps

    def add(self, minute: Minute) -> None:
        """Add one minute; one outside of the window is ignored."""
        index = self.window.index(minute.minute_unix)
        if index is None:
            return
        node = self.nodes.setdefault(minute.node, NodeTally())
        _add_node(node, node.steps.setdefault(index, NodeStep()), minute)
        for name, part in minute.models.items():
            model = self.models.setdefault(name, ModelTally())
            _add_model(model, model.steps.setdefault(index, ModelStep()), part)
            if part.loader.loader:
                model.nodes.add(minute.node)


def _add_node(node: NodeTally, step: NodeStep, minute: Minute) -> None:
    before = node.last
    if before is None or (minute.minute_unix, minute.part) > (before.minute_unix, before.part):
        node.last = minute
    for model in minute.models.values():
        node.requests += model.client.requests
        node.tokens += model.loader.prompt_tokens + model.loader.completion_tokens
    node.packed_s += minute.thermal.packed_s
    node.packed_throttled_s += minute.thermal.packed_throttled_s
    node.unrecorded_requests += minute.monitor.unrecorded_requests
    node.corrupt_lines += minute.monitor.corrupt_lines
    node.dropped_minutes += minute.monitor.dropped_minutes
    step.covered[minute.minute_unix] = step.covered.get(minute.minute_unix, 0.0) + minute.covered_s
    celsius = minute.thermal.package_celsius or minute.thermal.core_celsius
    if celsius is not None:
        step.celsius_sum += celsius.mean * celsius.seconds
        step.celsius_s += celsius.seconds
        step.celsius_max = max(celsius.maximum, step.celsius_max or celsius.maximum)
    step.observed_s += minute.thermal.observed_s
    step.throttled_s += sum(minute.thermal.level_s[1:])
    if minute.power is not None:
        step.joules += minute.power.joules
        step.power_s += minute.power.seconds
        node.power_sources.add(minute.power.source)


def _add_model(model: ModelTally, step: ModelStep, part: ModelMinute) -> None:
    client, loader = part.client, part.loader
    model.requests += client.requests
    model.answered += client.answered
    model.cancelled += client.cancelled
    for code, count in client.errors.items():
        model.errors[code] = model.errors.get(code, 0) + count
    model.prompt_tokens += client.prompt_tokens
    model.cached_tokens += client.cached_tokens
    model.completion_tokens += client.completion_tokens
    model.first_token_ms.merge(client.first_token_ms)
    model.lookups = _plus(model.lookups, loader.lookups)
    model.hits = _plus(model.hits, loader.hits)
    model.evictions = _plus(model.evictions, loader.evictions)
    model.restarts += loader.restarts
    if loader.queued_max is not None:
        model.queued_max = max(loader.queued_max, model.queued_max or 0)
    step.requests += client.requests
    step.prompt_tokens += client.prompt_tokens
    step.completion_tokens += client.completion_tokens
    step.latency_ms.merge(client.latency_ms)


def _plus(before: int | None, more: int | None) -> int | None:
    return before if more is None else more + (before or 0)
