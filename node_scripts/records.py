"""Telemetry records: what the proxy notes, the monitor ships and the store keeps.

Never a prompt, a completion, a client's header or a name that a client chose: models and keys appear
only under names that the operator gave them.

Units are in the field names; times ending in ``_unix`` are seconds since the epoch. ``None`` is unknown,
never 0. Cached tokens are a subset of prompt tokens. Field names follow OpenTelemetry's GenAI metrics
where these have one: latency is ``gen_ai.server.request.duration``, first_token is
``gen_ai.server.time_to_first_token``, token_time is ``gen_ai.server.time_per_output_token``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from node_scripts.histogram import Histogram
from node_scripts.loader_stats import Eviction as Eviction  # noqa: PLC0414 -- also known from here

RECORD_SCHEMA = 1
"""Version of the records below; readers take older ones and refuse newer ones."""

PRESSURE_LEVELS = ("nominal", "moderate", "heavy", "trapping", "sleeping")
"""macOS's thermal pressure levels 0 to 4; from 1 on the chip is throttled."""

UNKNOWN_MODEL = ""
"""The model of requests that named none of the fleet's: their own word is not kept."""

OPERATOR_KEY = "(operator)"
"""The key's name of what is asked over the control socket: `garnet chat`, a deploy's test prompts."""


# --- what the proxy notes of each request (spool/requests/*.jsonl, one line each) ---------------


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestRecord:
    """One request to `/v1/chat/completions` or `/v1/completions`, written when it has ended."""

    end_unix: float
    model: str
    """A served name, or UNKNOWN_MODEL."""
    outcome: Literal["answered", "error", "cancelled"]
    """cancelled: the client went away."""
    error: str = ""
    """The error's code (OpenAI's shape), one of a fixed set; empty unless ``outcome`` is error."""
    status: int = 200
    """HTTP status sent, 0 if none was; 200 with outcome ``error`` is a stream that was broken off."""
    stream: bool = False
    key: str = ""
    """Name of the client's key; empty where none was asked for."""
    forwarded: bool = False
    """It came from a peer, which counts it as its client's."""
    served_by: str = ""
    """This node's loader (``loader-3``) or ``peer:<node>``; empty if it reached neither."""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    latency_ms: float = 0.0
    """From its arrival to its last byte."""
    first_token_ms: float | None = None
    queue_ms: float = 0.0
    """How long it waited for a place."""


# --- the minute ---------------------------------------------------------------------------------


@dataclass(kw_only=True, slots=True)
class ClientSide:
    """A model's requests of this node's own clients, wherever they were served."""

    requests: int = 0
    answered: int = 0
    cancelled: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    """By error code."""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    served_by_peers: int = 0
    latency_ms: Histogram = field(default_factory=Histogram)
    """Of answered requests."""
    first_token_ms: Histogram = field(default_factory=Histogram)
    token_time_ms: Histogram = field(default_factory=Histogram)
    """Time per output token after the first."""
    queue_ms: Histogram = field(default_factory=Histogram)


@dataclass(kw_only=True, slots=True)
class LoaderSide:
    """A model's work in this node's own loaders, for its clients and for its peers'."""

    requests: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    busy_s: float | None = None
    """Seconds with at least one request in the loader."""
    observed_s: float = 0.0
    """Seconds for which ``busy_s`` was seen."""
    in_flight_max: int | None = None
    queued_max: int | None = None
    lookups: int | None = None
    """Prompt-cache lookups, and below those that found a prefix, and tokens."""
    hits: int | None = None
    hit_tokens: int | None = None
    lookup_tokens: int | None = None
    evictions: int | None = None
    cache_bytes: int | None = None
    cache_sequences: int | None = None
    memory_bytes: int | None = None
    loads: int | None = None
    """Times that a model was loaded from disk."""
    restarts: int = 0
    """Times that a loader process was found to be another than before, outside a swap."""
    artifact: str = ""
    source: str = ""
    loader: str = ""
    """Name of the slot's active loader at the end of the minute."""


@dataclass(kw_only=True, slots=True)
class ModelMinute:
    """One model on one node in one minute."""

    client: ClientSide = field(default_factory=ClientSide)
    loader: LoaderSide = field(default_factory=LoaderSide)


@dataclass(kw_only=True, slots=True)
class KeyMinute:
    """What one client key used at this node."""

    requests: int = 0
    errors: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0


@dataclass(kw_only=True, slots=True)
class Reading:
    """A sampled figure: mean and maximum over the minute, with where it was read."""

    mean: float
    maximum: float
    source: str
    """Such as ``powermetrics``, ``macmon:cpu_temp_avg``, ``shelly``, ``psutil``."""
    seconds: float
    """How much of the minute it was read in."""


@dataclass(kw_only=True, slots=True)
class ThermalMinute:
    """Thermal state; the throttle percentage of any window follows from sums of these."""

    level_s: list[float] = field(default_factory=lambda: [0.0] * len(PRESSURE_LEVELS))
    """Seconds at each of PRESSURE_LEVELS."""
    observed_s: float = 0.0
    """Seconds with a level read."""
    packed_s: float = 0.0
    """Of these, seconds with at least one request in prefill or decode."""
    packed_throttled_s: float = 0.0
    """Of the packed ones, seconds at level 1 or above."""
    packed_heavy_s: float = 0.0
    """Of the packed ones, seconds at level 2 or above."""
    source: str = ""
    package_celsius: Reading | None = None
    core_celsius: Reading | None = None
    """The hottest performance core, where the source tells cores apart."""
    fan_rpm: Reading | None = None


@dataclass(kw_only=True, slots=True)
class MemoryMinute:
    """Memory at the end of the minute, maxima where they matter."""

    total_bytes: int | None = None
    available_bytes: int | None = None
    wired_bytes: int | None = None
    compressed_bytes: int | None = None
    swap_used_bytes: int | None = None
    swap_in_bytes: int | None = None
    """Swapped in during the minute."""
    pressure: Literal["normal", "warn", "critical"] | None = None
    """The worst seen."""
    gpu_bytes: int | None = None
    source: str = ""


@dataclass(kw_only=True, slots=True)
class PowerMinute:
    """Electric power of the whole machine."""

    joules: float
    """Integral over ``seconds``: divide by 3.6e6 for kWh."""
    seconds: float
    watts_max: float
    source: str
    """``shelly``, ``tasmota`` and ``apc`` are meters; ``macmon:sys_power`` is the machine's own figure."""


@dataclass(kw_only=True, slots=True)
class HostMinute:
    """Disk, clock and processor."""

    disk_free_bytes: int | None = None
    disk_total_bytes: int | None = None
    clock_offset_s: float | None = None
    """This clock minus the reference's."""
    clock_source: str = ""
    cpu_share: float | None = None
    """Mean over all cores, 0..1."""


@dataclass(kw_only=True, slots=True)
class PeerMinute:
    """How a peer looked from here."""

    observed_s: float = 0.0
    unreachable_s: float = 0.0


@dataclass(kw_only=True, slots=True)
class MonitorMinute:
    """The monitor on itself: every loss is counted here."""

    samples: int = 0
    missed: int = 0
    """Samples that should have been taken and were not."""
    proxy_up_s: float = 0.0
    proxy_down_s: float = 0.0
    late_requests: int = 0
    """Requests counted here that ended in an earlier, sealed minute."""
    unrecorded_requests: int = 0
    """Requests that the proxy could not note (its disk was full)."""
    corrupt_lines: int = 0
    """Lines of the request journal that could not be read, set aside."""
    evictions_missed: int = 0
    dropped_minutes: int = 0
    """Minutes given up since the last one because the spool was at its limit."""
    spool_minutes: int = 0
    """Minutes that wait to be shipped."""
    store_failures: int = 0
    sensor_errors: dict[str, int] = field(default_factory=dict)
    """Failed readings by sensor."""


@dataclass(kw_only=True, slots=True)
class Minute:
    """One node, one UTC minute. Sealed once, then never changed."""

    schema: int = RECORD_SCHEMA
    fleet: str
    node: str
    minute_unix: int
    """Its begin; a multiple of 60."""
    part: int = 0
    """0; 1 and up where a minute was sealed before (the clock went back). Parts add up."""
    sealed_unix: float
    covered_s: float
    """How much of the minute the monitor ran, by the monotonic clock."""
    release: str = ""
    models: dict[str, ModelMinute] = field(default_factory=dict)
    keys: dict[str, KeyMinute] = field(default_factory=dict)
    thermal: ThermalMinute = field(default_factory=ThermalMinute)
    memory: MemoryMinute = field(default_factory=MemoryMinute)
    power: PowerMinute | None = None
    host: HostMinute = field(default_factory=HostMinute)
    peers: dict[str, PeerMinute] = field(default_factory=dict)
    monitor: MonitorMinute = field(default_factory=MonitorMinute)


# --- events -------------------------------------------------------------------------------------

EventKind = Literal[
    "swap",
    "deploy",
    "up",
    "down",
    "keys",
    "alert",
    "restart",
    "incident",
    "eviction",
    "cache",
    "clock",
    "spool",
    "monitor",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One line of the audit log."""

    schema: int = RECORD_SCHEMA
    id: str
    """Unique and sortable: ``<time in microseconds as 16 hex digits>-<8 random hex digits>``."""
    time_unix: float
    fleet: str
    node: str
    kind: EventKind
    subject: str
    """What it is about: a model, a loader, a rule, an incident's id."""
    action: str
    """What happened to it: ``fired``, ``resolved``, ``flip``, ``evicted``, ``restarted`` …"""
    who: str = ""
    """``user@host`` for what a person did; empty for what the node did by itself."""
    detail: dict[str, Any] = field(default_factory=dict)
    """Figures and identifiers, never content."""
