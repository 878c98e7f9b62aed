"""What a simulated fleet is: nodes, models, rhythm, and what goes wrong in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

GIB = 1024**3

InjectedKind = Literal[
    "cache_misses",
    "poisoned_cache",
    "traffic_moved",
    "throttling",
    "errors",
    "traffic_down",
    "traffic_up",
    "missing_minutes",
    "model_evicted",
    "cache_evictions",
    "restarts",
    "incident",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeSpec:
    """One node."""

    name: str
    power_source: str = "shelly"
    """A meter (``shelly``, ``tasmota``, ``apc``), the machine's own ``macmon:sys_power``, or "": not read."""
    idle_watts: float = 14.0
    busy_watts: float = 95.0
    celsius: float = 44.0
    """Package temperature when idle; a busy one is 38 degrees above."""
    throttled_share: float = 0.002
    """Of the packed time, without anything injected."""
    memory_bytes: int = 128 * GIB


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSpec:
    """One model and how it is asked."""

    name: str
    nodes: tuple[str, ...]
    """Where a loader of it runs."""
    requests_per_minute: float = 6.0
    """Of the whole fleet in its busiest hour; nights and weekends have less."""
    prompt_tokens: float = 1400.0
    """Mean of a request, as the one below."""
    completion_tokens: float = 220.0
    hit_rate: float = 0.75
    """Share of the prompt-cache lookups that find a prefix …"""
    hit_share: float = 0.6
    """… and then this share of the prompt."""
    prefill_ms_per_token: float = 4.0
    token_ms: float = 28.0
    error_share: float = 0.002
    cancelled_share: float = 0.01
    evictions_per_minute: float = 0.02
    """Of each loader's prompt cache."""
    weight_bytes: int = 18 * GIB
    cache_bytes: int = 4 * GIB
    """What a full prompt cache holds."""
    source: str = ""
    artifact: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Injected:
    """Something that goes wrong for a while: how it shows is in ``effects.py``."""

    kind: InjectedKind
    begin_day: float = 0.0
    """Days from the spec's begin."""
    end_day: float = 1e9
    node: str = ""
    """Where; "" is everywhere."""
    model: str = ""
    """Of what; "" is of all."""
    strength: float = 1.0
    """0 is nothing. A share where it is one of something: of traffic, of minutes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetSpec:
    """A fleet over some days. Equal specs give equal telemetry."""

    begin: date
    """First local day."""
    days: int
    nodes: tuple[NodeSpec, ...]
    models: tuple[ModelSpec, ...]
    fleet: str = "simulated"
    timezone: str = "UTC"
    keys: tuple[str, ...] = ("web", "batch")
    """Names of client keys; the first is the busiest. None: the fleet asks for no key."""
    injected: tuple[Injected, ...] = ()
    growth_per_week: float = 0.0
    """Share by which traffic grows each week."""
    weekly_noise: float = 0.05
    """Standard deviation of the logarithm of a model's traffic from week to week."""
    seed: int = 1

    @property
    def begin_unix(self) -> int:
        """Return the first local midnight."""
        return self.local_midnight(0)

    @property
    def end_unix(self) -> int:
        """Return the local midnight after the last day."""
        return self.local_midnight(self.days)

    def local_midnight(self, day: int) -> int:
        """Return when a day of the spec, from 0 on, begins."""
        local = datetime.combine(self.begin + timedelta(days=day), time(), ZoneInfo(self.timezone))
        return int(local.timestamp())

    def unix_of(self, day: float) -> float:
        """Return the time so many days of 24 hours after the begin."""
        return self.begin_unix + day * 86_400
