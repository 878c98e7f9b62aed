"""The sections of a report's body; see contents.py for the whole and for what holds of all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from garnet_cli.report.sections_outlook import Capacity as Capacity  # noqa: PLC0414 -- known from here
from garnet_cli.report.sections_outlook import ModelSwap as ModelSwap  # noqa: PLC0414 -- likewise
from garnet_cli.report.sections_outlook import MonthForecast as MonthForecast  # noqa: PLC0414 -- likewise
from garnet_cli.report.sections_outlook import Quarter as Quarter  # noqa: PLC0414 -- likewise
from garnet_cli.report.sections_outlook import Recommendation as Recommendation  # noqa: PLC0414 -- likewise
from garnet_cli.report.sections_outlook import Scorecard as Scorecard  # noqa: PLC0414 -- likewise
from garnet_cli.report.sections_outlook import ScoreLine as ScoreLine  # noqa: PLC0414 -- likewise
from garnet_cli.report.sections_outlook import Tier as Tier  # noqa: PLC0414 -- likewise
from garnet_cli.report.sections_outlook import WeekLoad as WeekLoad  # noqa: PLC0414 -- likewise
from garnet_cli.report.sections_uptime import IncidentLine as IncidentLine  # noqa: PLC0414 -- likewise
from garnet_cli.report.sections_uptime import NodeUptime as NodeUptime  # noqa: PLC0414 -- likewise
from garnet_cli.report.sections_uptime import UptimeSection as UptimeSection  # noqa: PLC0414 -- likewise

# --- inference volume ---------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelVolume:
    """One model's requests and tokens over all nodes, as its clients saw them."""

    model: str
    requests: int
    answered: int
    cancelled: int
    errors: int
    error_pct: float | None
    """Of requests that were not cancelled."""
    prompt_tokens: int
    cached_tokens: int
    """Of the prompt tokens."""
    completion_tokens: int
    tokens: int
    """Prompt and completion."""
    share_pct: float | None
    """Of the fleet's tokens."""
    tokens_before: int | None
    change_pct: float | None
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    first_token_p95_ms: float | None
    size_class: str
    """``under 7B``, ``7-34B``, ``over 34B``; empty where the name does not tell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DayVolume:
    """One local day over all models."""

    day: str
    requests: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    complete_pct: float | None
    """Of the day's telemetry: a thin day may be a day without data."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Volume:
    """Inference volume. Models come by tokens, most first; those without any request last."""

    requests: int
    answered: int
    cancelled: int
    errors: int
    error_pct: float | None
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    tokens: int
    tokens_before: int | None
    change_pct: float | None
    unknown_model_requests: int
    """Requests that named no model of the fleet; part of ``requests``."""
    models: tuple[ModelVolume, ...]
    days: tuple[DayVolume, ...]
    says: str
    """The section in one or two sentences."""


# --- thermal ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeThermal:
    """One node's heat."""

    node: str
    peak_package_celsius: float | None
    peak_core_celsius: float | None
    source: str
    """Of the temperatures; empty where none was read."""
    observed_hours: float
    busy_hours: float
    """With at least one request in prefill or decode, and the level known."""
    throttled_hours: float
    """Of the busy hours, those with the chip throttled."""
    throttle_pct: float | None
    """Of the busy hours; ``None`` where the level is unknown or it was never busy."""
    throttle_events: int | None
    """Runs of minutes with the chip throttled."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DayThermal:
    """One local day over all nodes."""

    day: str
    throttle_pct: float | None
    peak_package_celsius: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ambient:
    """What to do about the room's temperature."""

    adjust_celsius: float | None
    """Below 0: cool the room by so much. 0: leave it. ``None``: cannot be told."""
    node: str
    """The node that asks for most; empty where nothing is to be done or it cannot be told."""
    why: str = ""
    """What it rests on; empty where nothing is to be done."""
    says: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Thermal:
    """Heat and throttling. Nodes in the inventory's order."""

    peak_package_celsius: float | None
    peak_node: str
    throttle_pct: float | None
    throttle_pct_before: float | None
    throttle_events: int | None
    nodes: tuple[NodeThermal, ...]
    days: tuple[DayThermal, ...]
    ambient: Ambient
    says: str


# --- evictions ----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class EvictionLine:
    """What was evicted, most first."""

    what: Literal["model", "cache"]
    """A model from a node, or entries of a loader's KV cache."""
    model: str
    node: str
    count: int
    evicted_bytes: int | None
    verdict: str
    """Such as ``justified``, ``placement bug``, ``budget too small``; in the report's language."""
    justified: bool | None
    why: str
    """The rule that decided, in one sentence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evictions:
    """Evictions of the period; ``lines`` holds the top ones."""

    model_evictions: int
    cache_evictions: int | None
    cache_evicted_bytes: int | None
    cache_evictions_before: int | None
    lines: tuple[EvictionLine, ...]
    says: str


# --- distribution -------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """One model on one node."""

    model: str
    node: str
    wanted: bool
    """The inventory places it there."""
    seen: bool
    """A loader of it was seen there in the period."""
    requests: int
    """That its loader there worked on."""
    busy_pct: float | None
    """Of the seconds in which its loader was observed."""
    memory_bytes: int | None
    """Highest seen of its loader."""
    cache_hit_pct: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeLoad:
    """One node's load."""

    node: str
    models: int
    busy_pct: float | None
    """Of its busiest loader's observed time."""
    memory_pct: float | None
    """Highest share of its memory in use."""
    throttle_pct: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """One line of the better placement."""

    action: str
    """In the report's language: ``add``, ``remove``, ``raise cache`` …"""
    model: str
    node: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Distribution:
    """Which model is on which node. ``placed`` lists every pair that is wanted or was seen."""

    nodes: tuple[NodeLoad, ...]
    models: tuple[str, ...]
    placed: tuple[Placed, ...]
    rebalance: bool | None
    """``None``: it could not be judged, ``why`` says so."""
    why: str
    moves: tuple[Move, ...]
    solver: str
    """How the better placement was found; empty where it was not looked for."""
    says: str


# --- costs --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelCost:
    """One model's cost, and what an API would have asked for the same tokens."""

    model: str
    tokens: int
    usd: float | None
    usd_per_million: float | None
    """Fully loaded: with its share of idle time and overhead."""
    usd_per_million_low: float | None
    usd_per_million_high: float | None
    busy_usd_per_million: float | None
    """Its work alone."""
    reference: str
    """The API model that it is compared with; empty for none."""
    reference_date: str
    reference_source: str
    api_usd: float | None
    api_usd_per_million: float | None
    savings_usd: float | None
    savings_pct: float | None
    why_not: str
    """Why a figure is missing; empty where none is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeCost:
    """One node's cost."""

    node: str
    hardware_usd: float | None
    energy_usd: float | None
    overhead_usd: float | None
    total_usd: float | None
    kwh: float | None
    energy_source: str
    """``meter``, ``system``, ``estimate``, ``nameplate``, or several."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Costs:
    """Cost of the period. Models by cost, most first; shares add up to the totals."""

    total_usd: float | None
    total_usd_before: float | None
    workload_usd: float | None
    idle_usd: float | None
    overhead_usd: float | None
    hardware_usd: float | None
    energy_usd: float | None
    kwh: float | None
    usd_per_million: float | None
    """Weighted average over all tokens."""
    usd_per_million_low: float | None
    usd_per_million_high: float | None
    usd_per_million_before: float | None
    compared_tokens: int
    """Tokens of models that have an API price."""
    compared_usd: float | None
    """What those models cost here."""
    api_usd: float | None
    """What an API would have asked for the same tokens."""
    savings_usd: float | None
    savings_usd_low: float | None
    savings_usd_high: float | None
    savings_usd_before: float | None = None
    savings_pct: float | None
    times_under_api: float | None
    models: tuple[ModelCost, ...]
    nodes: tuple[NodeCost, ...]
    range_says: str
    """What makes the range from low to high."""
    says: str
