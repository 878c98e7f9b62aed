"""The inventory: what the fleet should be, typed and resolved.

Paths are absolute and defaults are applied, so that nothing below asks where a value came from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date as Date  # noqa: N812 -- a field is called date
from pathlib import Path
from typing import Literal

from garnet_cli.errors import UsageError
from garnet_cli.fleet.inventory_values import nearest
from garnet_cli.fleet.source import ModelSource
from node_scripts.monitor.config import AlertSettings

BYTES_PER_GB = 1024**3
"""As memory is sold: ``memory_gb = 64`` is a machine with 64 GiB."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetSettings:
    """The `[fleet]` table."""

    name: str
    store: str | None
    """``s3://bucket/prefix`` or an absolute path."""
    timezone: str
    known_hosts: Path
    python: str | None
    environments: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeEntry:
    """One `[[nodes]]` table. Paths on the node are text; paths on this machine are Path."""

    name: str
    transport: Literal["ssh", "local"]
    host: str | None
    """Set for ssh."""
    port: int
    user: str | None
    """``None``: the operator's own."""
    identity_file: Path | None
    jump: str | None
    root: str
    address: str
    listen_host: str
    listen_port: int
    memory_gb: float | None
    chip: str | None
    price_usd: float | None
    python: str | None
    environments: str | None
    boot: bool
    power_meter: str | None = None
    """As in `MonitorConfig.power_meter`."""
    idle_watts: float | None = None
    """``None``: as in `CostSettings`, like the one below."""
    nameplate_watts: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelEntry:
    """One `[models.NAME]` table."""

    name: str
    source: ModelSource
    nodes: tuple[str, ...]
    """Names of nodes; "all" is spelled out."""
    context: int
    concurrency: int
    latency_p95_ms: float | None = None
    """Its own budget; ``None``: that of `[alerts]`."""
    reference: str | None = None
    """Name of the API price that its costs are compared with."""
    cache_gb: float | None = None
    """Most that a loader's prompt cache keeps; ``None``: two full contexts."""
    plan_requests_per_s: float | None = None
    """What it was planned for in the busiest hours."""

    @property
    def cache_bytes(self) -> int | None:
        """Return ``cache_gb`` in bytes."""
        return None if self.cache_gb is None else int(self.cache_gb * BYTES_PER_GB)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProxySettings:
    """The `[proxy]` table."""

    listen_host: str
    listen_port: int
    latency_budget_ms: int
    queue_limit: int
    queue_timeout_s: float
    first_byte_timeout_s: float
    stall_timeout_s: float
    max_body_bytes: int
    max_tokens_limit: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TelemetrySettings:
    """The `[telemetry]` table. Where minutes go is `FleetSettings.store`."""

    endpoint: str | None = None
    """URL of an S3 server other than AWS's."""
    region: str = "us-east-1"
    secrets: Path | None = None
    """A file of this machine, mode 0600, see `secrets_file`."""
    spool_limit_mb: int = 512
    clock_server: str | None = None
    retention_raw_days: int = 7
    """How long single minutes are kept once their day is compacted."""
    retention_days: int = 400
    """How long compacted days and events are kept."""
    minute_s: int = 60
    sample_s: float = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferencePrice:
    """One `[costs.reference.NAME]` table: what an API asked for on a day."""

    name: str
    prompt_usd_per_million: float
    cached_usd_per_million: float
    completion_usd_per_million: float
    date: Date
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CostSettings:
    """The `[costs]` table. What a node cost is its own `NodeEntry.price_usd`."""

    life_months: int = 36
    residual_pct: float = 0.0
    tariff_per_kwh: float = 0.30
    """In ``currency``."""
    currency: str = "USD"
    usd_per_currency: float | None = None
    """``None``: ``currency`` is USD."""
    overhead_usd_per_month: float = 0.0
    """Of the whole fleet."""
    overhead_pct: float = 0.0
    """Of hardware and energy; comes on top of ``overhead_usd_per_month``."""
    idle_watts: float = 5.0
    nameplate_watts: float = 140.0
    token_floor: int = 100_000
    """Fewer tokens in a window have no price per million."""
    references: dict[str, ReferencePrice] = field(default_factory=dict)
    """By name."""

    @property
    def usd_per_kwh(self) -> float:
        """Return the tariff in US dollars."""
        return self.tariff_per_kwh * (self.usd_per_currency or 1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class DeploySettings:
    """The `[deploy]` table."""

    watch_s: float = 600.0
    roll_watch_s: float = 120.0
    ratio_limit: float = 1.25
    requests: int = 60
    canary: str | None = None
    """``None``: the node with the least traffic."""
    test_command: str | None = None
    staging: str | None = None
    grace_s: float = 60.0
    hold_s: float = 86400.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Inventory:
    """A whole inventory."""

    path: Path
    fleet: FleetSettings
    nodes: tuple[NodeEntry, ...]
    models: tuple[ModelEntry, ...]
    proxy: ProxySettings
    telemetry: TelemetrySettings
    alerts: AlertSettings
    """With the models' own budgets in it."""
    costs: CostSettings = field(default_factory=CostSettings)
    deploy: DeploySettings = field(default_factory=DeploySettings)

    def node(self, name: str) -> NodeEntry:
        """Return a node; raises UsageError for a name that the inventory lacks."""
        found = next((node for node in self.nodes if node.name == name), None)
        if found is None:
            known = [node.name for node in self.nodes]
            raise UsageError(f'no node "{name}" in {self.path}{nearest(name, known) or _known(known)}')
        return found

    def select(self, names: list[str] | None) -> tuple[NodeEntry, ...]:
        """Return the named nodes in the inventory's order, or all; raises UsageError as ``node``."""
        if not names:
            return self.nodes
        wanted = {self.node(name).name for name in names}
        return tuple(node for node in self.nodes if node.name in wanted)

    def model(self, name: str) -> ModelEntry:
        """Return a model; raises UsageError for a name that the inventory lacks."""
        found = next((model for model in self.models if model.name == name), None)
        if found is None:
            known = [model.name for model in self.models]
            raise UsageError(f'no model "{name}" in {self.path}{nearest(name, known) or _known(known)}')
        return found

    def models_on(self, node: str) -> tuple[ModelEntry, ...]:
        """Return the models that ``node`` serves, in the inventory's order."""
        return tuple(model for model in self.models if node in model.nodes)


def _known(names: list[str]) -> str:
    return f"; it has {', '.join(names)}" if names else "; it has none"
