"""One look at a node, every five seconds: plain data for minutes, alerts and `garnet top`."""

from __future__ import annotations

from dataclasses import dataclass, field

from node_scripts.histogram import Histogram
from node_scripts.records import Event, Eviction


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """A figure and where it was read."""

    value: float
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SensorSample:
    """What the sensors read; ``None`` is unknown."""

    thermal_level: int | None = None
    """0..4, see records.PRESSURE_LEVELS."""
    thermal_source: str = ""
    package_celsius: Value | None = None
    core_celsius: Value | None = None
    fan_rpm: Value | None = None
    watts: Value | None = None
    memory_total_bytes: int | None = None
    memory_available_bytes: int | None = None
    wired_bytes: int | None = None
    compressed_bytes: int | None = None
    swap_used_bytes: int | None = None
    swap_in_total_bytes: int | None = None
    """Since boot."""
    pressure: int | None = None
    """1 normal, 2 warn, 4 critical, as macOS numbers them."""
    gpu_bytes: int | None = None
    memory_source: str = ""
    disk_free_bytes: int | None = None
    disk_total_bytes: int | None = None
    clock_offset_s: float | None = None
    clock_source: str = ""
    cpu_share: float | None = None
    errors: list[str] = field(default_factory=list)
    """Names of the sensors that failed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSample:
    """One model's slot as the proxy tells it."""

    loader: str
    pid: int | None
    state: str
    """contracts.LoaderState."""
    in_flight: int
    queued: int
    busy_total_s: float | None = None
    """Since the proxy knows the loader."""
    packed: bool | None = None
    """At least one request in prefill or decode."""
    lookups: int | None = None
    hits: int | None = None
    hit_tokens: int | None = None
    lookup_tokens: int | None = None
    evictions: int | None = None
    loads: int | None = None
    cache_bytes: int | None = None
    cache_sequences: int | None = None
    memory_bytes: int | None = None
    artifact: str = ""
    source: str = ""
    new_evictions: list[Eviction] = field(default_factory=list)
    evictions_missed: int = 0
    restarted: bool = False
    """Another process than in the sample before, of the same loader."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TakenBack:
    """A deploy that the node has taken back by itself, or that cannot be taken back."""

    deploy: str
    reason: str
    attempts: int
    failure: str = ""
    """Why the last attempt failed; empty where it is taken back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One look at everything. Durations are by the monotonic clock."""

    time_unix: float
    monotonic_s: float
    dt_s: float
    """Seconds that it stands for: at most twice the interval."""
    missed: int = 0
    """Samples left out since the one before."""
    sensors: SensorSample
    proxy_up: bool
    models: dict[str, ModelSample] = field(default_factory=dict)
    peers: dict[str, bool] = field(default_factory=dict)
    """Reachable or not, by name."""
    peers_raised: list[str] = field(default_factory=list)
    """Nodes for which some living peer has raised the alert that they are missing."""
    latency_ms: dict[str, Histogram] = field(default_factory=dict)
    """Of requests answered since the sample before, by model."""
    completion_tokens: dict[str, int] = field(default_factory=dict)
    spool_minutes: int = 0
    store_unreachable_s: float = 0.0
    """Since when shipping has failed; 0 while it works."""
    taken_back: TakenBack | None = None
    events: list[Event] = field(default_factory=list)
    """New events of this node since the sample before."""

    @property
    def packed(self) -> bool | None:
        """Return whether any loader works; ``None`` if that is unknown."""
        states = [model.packed for model in self.models.values()]
        if any(states):
            return True
        return None if None in states or not self.proxy_up else False
