"""What is known of a simulated fleet: exact sums by ISO week, and what was injected."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from garnet_cli.store.weeks import week_of
from tests.simulated.draw import ERRORS, Drawn
from tests.simulated.spec import FleetSpec, Injected

CLIENT = ("requests", "answered", "cancelled", "served_by_peers")
TOKENS = ("prompt_tokens", "cached_tokens", "completion_tokens")
LOADER = ("requests", "lookups", "hits", "evictions", "restarts")


@dataclass(kw_only=True, slots=True)
class ModelSums:
    """One model on one node in one ISO week: fields as of ModelTotals, exact."""

    requests: int = 0
    answered: int = 0
    cancelled: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    served_by_peers: int = 0
    loader_requests: int = 0
    loader_prompt_tokens: int = 0
    loader_cached_tokens: int = 0
    loader_completion_tokens: int = 0
    loader_lookups: int = 0
    loader_hits: int = 0
    loader_evictions: int = 0
    loader_restarts: int = 0
    loader_minutes: int = 0


@dataclass(kw_only=True, slots=True)
class NodeSums:
    """One node in one ISO week."""

    minutes_present: int = 0
    joules: float = 0.0
    packed_s: float = 0.0
    packed_throttled_s: float = 0.0


@dataclass(kw_only=True, slots=True)
class Truth:
    """What was written, added up where it was made, by (ISO week in the fleet's zone, node[, model])."""

    models: dict[tuple[str, str, str], ModelSums] = field(default_factory=dict)
    nodes: dict[tuple[str, str], NodeSums] = field(default_factory=dict)
    injected: tuple[Injected, ...] = ()
    events: int = 0

    def add(self, spec: FleetSpec, drawn: Drawn) -> None:
        """Add minutes that were drawn and shipped."""
        seen = drawn.node["present"] > 0
        edges = _weeks(spec, int(drawn.begins[0]), int(drawn.begins[-1]))
        for name, begin, end in edges:
            here = (drawn.begins >= begin) & (drawn.begins < end)
            for node, one in enumerate(spec.nodes):
                known = here & seen[:, node]
                if known.any():
                    self._add_node(drawn, node, known, (name, one.name))
                    for model, what in enumerate(spec.models):
                        self._add_model(drawn, (node, model), known, (name, one.name, what.name))

    def _add_node(self, drawn: Drawn, node: int, known: np.ndarray, label: tuple[str, str]) -> None:
        sums = self.nodes.setdefault(label, NodeSums())
        of = {name: value[known, node] for name, value in drawn.node.items()}
        sums.minutes_present += int(known.sum())
        sums.joules += float((of["watts"] * of["seen_s"]).sum())
        sums.packed_s += float(of["packed_s"].sum())
        sums.packed_throttled_s += float(of["packed_throttled_s"].sum())

    def _add_model(
        self, drawn: Drawn, cell: tuple[int, int], known: np.ndarray, label: tuple[str, str, str]
    ) -> None:
        def total(value: np.ndarray) -> int:
            return int(value[known, cell[0], cell[1]].sum())

        found = {name: total(drawn.client[name]) for name in (*CLIENT, *TOKENS)}
        found["failed"] = sum(total(drawn.client[name]) for name in ERRORS)
        found |= {f"loader_{name}": total(drawn.loader[name]) for name in (*LOADER, *TOKENS)}
        found["loader_minutes"] = total(drawn.effects.placed)
        if any(found.values()):
            sums = self.models.setdefault(label, ModelSums())
            for name, value in found.items():
                setattr(sums, name, getattr(sums, name) + value)


def _weeks(spec: FleetSpec, first: int, last: int) -> list[tuple[str, float, float]]:
    """Return name, begin and end of the ISO weeks that hold the minutes from ``first`` to ``last``."""
    found = []
    week = week_of(first, spec.timezone)
    while week.begin_unix <= last:
        found.append((week.name, week.begin_unix, week.end_unix))
        week = week_of(week.end_unix, spec.timezone)
    return found
