"""What `garnet top` shows, as plain data. ``None`` is unknown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

NodeState = Literal["serving", "degraded", "starting", "no model", "no proxy", "lost", "waiting"]


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeRow:
    """One node."""

    node: str
    state: NodeState
    ailing: bool
    """Whether a person should look."""
    note: str = ""
    """Why, in the node's own words."""
    celsius: float | None = None
    celsius_source: str = ""
    throttle_pct: float | None = None
    level: int | None = None
    """Thermal pressure, 0..4."""
    watts: float | None = None
    watts_source: str = ""
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    fan_rpm: float | None = None
    cpu_share: float | None = None
    in_flight: int | None = None
    seen_s: float | None = None
    """Since it last answered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRow:
    """One model over all nodes. Percentiles are the slowest node's: those of several do not add up."""

    model: str
    requests_per_s: float | None = None
    errors_5m: int | None = None
    tokens_per_s: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    first_token_p95_ms: float | None = None
    in_flight: int | None = None
    queued: int | None = None
    hit_rate: float | None = None
    loaders: dict[str, int] = field(default_factory=dict)
    """How many of its active loaders are in which state."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertRow:
    """One alert that fires."""

    node: str
    rule: str
    subject: str
    severity: str
    says: str
    value: float | None
    unit: str
    since_unix: float | None
    untold: str = ""
    """Why nobody is told: silenced, or explained by another."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TopView:
    """Everything on the screen."""

    fleet: str
    time_unix: float
    nodes: list[NodeRow]
    models: list[ModelRow]
    alerts: list[AlertRow]
    spool_minutes: int | None
    """Minutes of all nodes that wait for the store."""
    store: Literal["ok", "failing", "off", "unknown"]
    """off: the inventory names none."""
    store_failing: list[str]
    """Nodes that cannot reach it."""
    incidents_open: list[str]
