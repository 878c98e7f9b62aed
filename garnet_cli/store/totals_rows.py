"""The rows of totals: what is known of a model, a node, a key in a bucket of time.

How a field adds up is in its metadata, so that reading a store, adding minutes one by one and merging rows
cannot differ.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from node_scripts.histogram import Histogram
from node_scripts.records import PRESSURE_LEVELS, Reading

HOW = "how"
COLUMN = "column"
"""Metadata of a field: the column of the store's view, where that is called otherwise."""

SUM = {HOW: "sum"}
GREATEST = {HOW: "greatest"}
LEAST = {HOW: "least"}
COUNTS = {HOW: "counts"}
"""A dict of counts, added by key."""
HISTOGRAM = {HOW: "histogram"}
NAMES = {HOW: "names"}
"""The different non-empty texts seen, sorted."""
ROWS = {HOW: "rows"}
"""How many records hold it."""
TOLD = {HOW: "told"}
"""A sum over rows that no single record tells."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelTotals:
    """One model on one node in one bucket."""

    begin_unix: int
    """Of the bucket."""
    node: str
    model: str
    """A served name; "" for requests that named none of the fleet's (``UNKNOWN_MODEL``)."""

    minutes: int = field(default=0, metadata=ROWS)
    """Records that tell of it: minutes, or their parts."""

    # Of this node's own clients, wherever they were served.
    requests: int = field(default=0, metadata=SUM)
    answered: int = field(default=0, metadata=SUM)
    cancelled: int = field(default=0, metadata=SUM)
    errors: dict[str, int] = field(default_factory=dict, metadata=COUNTS)
    """By error code; ``overloaded`` are those that the queue rejected."""
    prompt_tokens: int = field(default=0, metadata=SUM)
    cached_tokens: int = field(default=0, metadata=SUM)
    completion_tokens: int = field(default=0, metadata=SUM)
    served_by_peers: int = field(default=0, metadata=SUM)
    requests_max: int = field(default=0, metadata={**GREATEST, COLUMN: "requests"})
    """Most requests in one record (a minute)."""
    latency_ms: Histogram = field(default_factory=Histogram, metadata=HISTOGRAM)
    """Of answered requests, as the three below."""
    first_token_ms: Histogram = field(default_factory=Histogram, metadata=HISTOGRAM)
    token_time_ms: Histogram = field(default_factory=Histogram, metadata=HISTOGRAM)
    queue_ms: Histogram = field(default_factory=Histogram, metadata=HISTOGRAM)

    # Of this node's own loaders, for its clients and for its peers'.
    loader_minutes: int = field(default=0, metadata={HOW: "named", COLUMN: "loader_name"})
    """Records at whose end a loader of it was active here."""
    loader_requests: int = field(default=0, metadata=SUM)
    loader_prompt_tokens: int = field(default=0, metadata=SUM)
    loader_cached_tokens: int = field(default=0, metadata=SUM)
    loader_completion_tokens: int = field(default=0, metadata=SUM)
    loader_requests_max: int = field(default=0, metadata={**GREATEST, COLUMN: "loader_requests"})
    """Most requests in one record (a minute)."""
    loader_busy_s: float | None = field(default=None, metadata=SUM)
    """Seconds with at least one request in the loader, of ``loader_observed_s``."""
    loader_observed_s: float = field(default=0.0, metadata=SUM)
    loader_in_flight_max: int | None = field(default=None, metadata=GREATEST)
    loader_queued_max: int | None = field(default=None, metadata=GREATEST)
    """The queue's greatest depth."""
    loader_lookups: int | None = field(default=None, metadata=SUM)
    """Prompt-cache lookups; ``loader_hits`` of them found a prefix, the rest missed."""
    loader_hits: int | None = field(default=None, metadata=SUM)
    loader_hit_tokens: int | None = field(default=None, metadata=SUM)
    loader_lookup_tokens: int | None = field(default=None, metadata=SUM)
    loader_evictions: int | None = field(default=None, metadata=SUM)
    """Sequences pushed out of the prompt cache; their kinds and bytes are in EvictionTotals."""
    loader_cache_bytes_max: int | None = field(
        default=None, metadata={**GREATEST, COLUMN: "loader_cache_bytes"}
    )
    loader_cache_sequences_max: int | None = field(
        default=None, metadata={**GREATEST, COLUMN: "loader_cache_sequences"}
    )
    loader_memory_bytes_max: int | None = field(
        default=None, metadata={**GREATEST, COLUMN: "loader_memory_bytes"}
    )
    loader_loads: int | None = field(default=None, metadata=SUM)
    loader_restarts: int = field(default=0, metadata=SUM)
    loader_artifacts: tuple[str, ...] = field(default=(), metadata={**NAMES, COLUMN: "loader_artifact"})
    loader_sources: tuple[str, ...] = field(default=(), metadata={**NAMES, COLUMN: "loader_source"})

    @property
    def failed(self) -> int:
        """Return how many requests ended in an error."""
        return sum(self.errors.values())

    @property
    def misses(self) -> int | None:
        """Return how many prompt-cache lookups found nothing; ``None`` is unknown."""
        if self.loader_lookups is None or self.loader_hits is None:
            return None
        return self.loader_lookups - self.loader_hits

    @property
    def hit_rate(self) -> float | None:
        """Return the share (0..1) of prompt-cache lookups that found a prefix; ``None`` without any."""
        if not self.loader_lookups or self.loader_hits is None:
            return None
        return self.loader_hits / self.loader_lookups

    @property
    def busy_share(self) -> float | None:
        """Return the share (0..1) of the observed time with a request in the loader."""
        if self.loader_busy_s is None or not self.loader_observed_s:
            return None
        return self.loader_busy_s / self.loader_observed_s


@dataclass(frozen=True, kw_only=True, slots=True)
class PowerTotals:
    """Electric energy of a node as one source told it."""

    joules: float = 0.0
    seconds: float = 0.0
    """For which it was read."""
    watts_max: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeTotals:
    """One node in one bucket. A node that is expected and shipped nothing has a row, too."""

    begin_unix: int
    node: str

    minutes_expected: int = field(default=0, metadata=TOLD)
    """Minutes that begin in the bucket."""
    minutes_present: int = field(default=0, metadata=TOLD)
    """Of these, those that the store has."""
    covered_s: float = field(default=0.0, metadata=SUM)
    """Seconds that the monitor ran."""
    releases: tuple[str, ...] = field(default=(), metadata={**NAMES, COLUMN: "release"})

    level_s: tuple[float, ...] = field(default=(0.0,) * len(PRESSURE_LEVELS), metadata={HOW: "levels"})
    """Seconds at each of PRESSURE_LEVELS."""
    thermal_observed_s: float = field(default=0.0, metadata=SUM)
    """Seconds with a level read."""
    packed_s: float = field(default=0.0, metadata={**SUM, COLUMN: "thermal_packed_s"})
    """Of these, seconds with at least one request in prefill or decode."""
    packed_throttled_s: float = field(default=0.0, metadata={**SUM, COLUMN: "thermal_packed_throttled_s"})
    """Of the packed ones, seconds at level 1 or above."""
    packed_heavy_s: float = field(default=0.0, metadata={**SUM, COLUMN: "thermal_packed_heavy_s"})
    """Of the packed ones, seconds at level 2 or above."""
    package_celsius: Reading | None = field(default=None, metadata={HOW: "reading"})
    """Mean by time, and the peak."""
    core_celsius: Reading | None = field(default=None, metadata={HOW: "reading"})
    fan_rpm: Reading | None = field(default=None, metadata={HOW: "reading"})

    power: dict[str, PowerTotals] = field(default_factory=dict, metadata={HOW: "power"})
    """By source: ``shelly``, ``tasmota``, ``apc`` are meters, ``macmon:sys_power`` is the machine's."""

    memory_total_bytes: int | None = field(default=None, metadata=GREATEST)
    memory_available_bytes_min: int | None = field(
        default=None, metadata={**LEAST, COLUMN: "memory_available_bytes"}
    )
    memory_wired_bytes_max: int | None = field(
        default=None, metadata={**GREATEST, COLUMN: "memory_wired_bytes"}
    )
    memory_compressed_bytes_max: int | None = field(
        default=None, metadata={**GREATEST, COLUMN: "memory_compressed_bytes"}
    )
    memory_gpu_bytes_max: int | None = field(default=None, metadata={**GREATEST, COLUMN: "memory_gpu_bytes"})
    swap_used_bytes_max: int | None = field(
        default=None, metadata={**GREATEST, COLUMN: "memory_swap_used_bytes"}
    )
    swap_in_bytes: int | None = field(default=None, metadata={**SUM, COLUMN: "memory_swap_in_bytes"})
    pressure_minutes: dict[str, int] = field(
        default_factory=dict, metadata={HOW: "kinds", COLUMN: "memory_pressure"}
    )
    """Records by the worst memory pressure seen in them: ``normal``, ``warn``, ``critical``."""
    disk_free_bytes_min: int | None = field(default=None, metadata={**LEAST, COLUMN: "host_disk_free_bytes"})
    clock_offset_s_min: float | None = field(default=None, metadata={**LEAST, COLUMN: "host_clock_offset_s"})
    clock_offset_s_max: float | None = field(
        default=None, metadata={**GREATEST, COLUMN: "host_clock_offset_s"}
    )

    samples: int = field(default=0, metadata={**SUM, COLUMN: "monitor_samples"})
    missed: int = field(default=0, metadata={**SUM, COLUMN: "monitor_missed"})
    """Samples that should have been taken and were not."""
    proxy_up_s: float = field(default=0.0, metadata={**SUM, COLUMN: "monitor_proxy_up_s"})
    proxy_down_s: float = field(default=0.0, metadata={**SUM, COLUMN: "monitor_proxy_down_s"})
    late_requests: int = field(default=0, metadata={**SUM, COLUMN: "monitor_late_requests"})
    unrecorded_requests: int = field(default=0, metadata={**SUM, COLUMN: "monitor_unrecorded_requests"})
    """Requests that the proxy could not note: they are in no total."""
    corrupt_lines: int = field(default=0, metadata={**SUM, COLUMN: "monitor_corrupt_lines"})
    evictions_missed: int = field(default=0, metadata={**SUM, COLUMN: "monitor_evictions_missed"})
    dropped_minutes: int = field(default=0, metadata={**SUM, COLUMN: "monitor_dropped_minutes"})
    """Minutes given up because the spool was at its limit."""
    spool_minutes_max: int = field(default=0, metadata={**GREATEST, COLUMN: "monitor_spool_minutes"})
    store_failures: int = field(default=0, metadata={**SUM, COLUMN: "monitor_store_failures"})
    sensor_errors: dict[str, int] = field(
        default_factory=dict, metadata={**COUNTS, COLUMN: "monitor_sensor_errors"}
    )

    @property
    def complete_share(self) -> float:
        """Return the share (0..1) of the expected minutes that the store has; 1 if none is expected."""
        return self.minutes_present / self.minutes_expected if self.minutes_expected else 1.0

    @property
    def throttled_share(self) -> float | None:
        """Return the share (0..1) of the packed seconds at level 1 or above; ``None`` without any."""
        return self.packed_throttled_s / self.packed_s if self.packed_s else None

    @property
    def joules(self) -> float:
        """Return the energy that was read, of all sources."""
        return sum(one.joules for one in self.power.values())

    @property
    def metered_s(self) -> float:
        """Return for how many seconds power was read."""
        return sum(one.seconds for one in self.power.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyTotals:
    """What one client key used at one node in one bucket, over all models: minutes tell no more."""

    begin_unix: int
    node: str
    key: str
    requests: int = field(default=0, metadata=SUM)
    errors: int = field(default=0, metadata=SUM)
    prompt_tokens: int = field(default=0, metadata=SUM)
    cached_tokens: int = field(default=0, metadata=SUM)
    completion_tokens: int = field(default=0, metadata=SUM)


@dataclass(frozen=True, kw_only=True, slots=True)
class EvictionTotals:
    """Sequences of one kind that a loader's prompt cache pushed out, as events tell them."""

    begin_unix: int
    node: str
    model: str
    kind: str
    """mlx_lm's own: ``system``, ``user``, ``assistant``; ``unknown``, also where many were told at once."""
    evictions: int = field(default=0, metadata=SUM)
    tokens: int = field(default=0, metadata=SUM)
    size_bytes: int = field(default=0, metadata=SUM)
    """Of those whose size is known."""
