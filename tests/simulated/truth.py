"""What is known of a simulated fleet: exact sums by ISO week, and what was injected."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.simulated.spec import Injected


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
