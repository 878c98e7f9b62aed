"""The document that the page shows, `data.json`: plain figures, every unknown ``None``."""

from __future__ import annotations

from dataclasses import dataclass, field

from garnet_cli.dashboard.cost import Assumptions, Cost
from garnet_cli.dashboard.history import Episode, LogLine

PAGE_SCHEMA = 1

Numbers = list[float | None]
"""One figure a step; ``None`` where nothing was read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFigures:
    """One model over the window. Series have one entry a step."""

    name: str
    nodes: list[str]
    requests: int
    errors: int
    error_codes: dict[str, int]
    cancelled: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    p50_ms: float | None
    p95_ms: float | None
    first_token_p95_ms: float | None
    hit_rate: float | None
    """Share (0..1) of the loaders' prompt-cache lookups that found a prefix."""
    queued_max: int | None
    restarts: int
    evictions: int | None
    latency_p50_ms: Numbers
    latency_p95_ms: Numbers
    request_count: list[int]
    prompt_per_s: Numbers
    completion_per_s: Numbers


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetFigures:
    """All models and nodes together."""

    requests: int
    answered: int
    errors: int
    cancelled: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    p50_ms: float | None
    p95_ms: float | None
    throttle_pct: float | None
    """Share of packed seconds that were throttled, over the window, in percent."""
    latency_p50_ms: Numbers
    latency_p95_ms: Numbers
    request_count: list[int]
    prompt_per_s: Numbers
    completion_per_s: Numbers


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeFigures:
    """One node: as its last minute says, and over the window."""

    name: str
    state: str
    """serving, idle, throttled, proxy down, silent or no data."""
    last_unix: int | None
    release: str
    celsius: float | None
    celsius_source: str
    fan_rpm: float | None
    watts: float | None
    watts_source: str
    memory_used_bytes: int | None
    memory_total_bytes: int | None
    swap_used_bytes: int | None
    pressure: str | None
    disk_free_bytes: int | None
    clock_offset_s: float | None
    models: list[str]
    requests: int
    tokens: int
    """Worked through by this node's loaders."""
    throttle_pct: float | None
    coverage_pct: float
    """Share of the window that its monitor covered."""
    celsius_max: Numbers
    throttled_s: Numbers
    power_w: Numbers
    covered_pct: Numbers


@dataclass(frozen=True, kw_only=True, slots=True)
class Completeness:
    """How much of the window is known."""

    expected_minutes: int
    covered_minutes: float
    covered_pct: float | None
    unrecorded_requests: int
    corrupt_lines: int
    dropped_minutes: int
    unreadable_objects: int
    """Objects of the store that are damaged; what was in them is not on the page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PageData:
    """Everything on the page."""

    schema: int = PAGE_SCHEMA
    fleet: str
    version: str
    timezone: str
    """IANA name in which the page shows times."""
    generated_unix: float
    begin_unix: int
    end_unix: int
    step_s: int
    refresh_s: int | None
    """How often the page asks for `data.json` beside it; ``None``: never."""
    totals: FleetFigures
    models: list[ModelFigures]
    nodes: list[NodeFigures]
    cost: Cost
    assumptions: Assumptions
    completeness: Completeness
    episodes: list[Episode] = field(default_factory=list)
    log: list[LogLine] = field(default_factory=list)
