"""Every message and record that crosses a process boundary or the disk.

Plain standard-library dataclasses, because the agent runs on a node's bare Python before any
environment exists. The proxy and the operator's side decode them strictly with msgspec, which
reads dataclasses natively; the agent builds them from ``json.loads``.

Units are in the field names: ``_s`` seconds, ``_ms`` milliseconds, ``_bytes`` bytes. Times are
RFC 3339 strings in UTC unless a name ends in ``_unix`` (seconds since the epoch).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from node_scripts.loader_stats import LoaderStats as LoaderStats  # noqa: PLC0414 -- also known from here

SCHEMA = 1
"""Version of the records below that are kept on disk; readers refuse a newer one."""

HEARTBEAT_PATH = "/peer/heartbeat"
"""Path on the proxy's public port that only peers may call."""

PEER_HEADER = "garnet-peer"
"""Header ``<node> <unix seconds> <hex HMAC-SHA256>`` by which peers know each other."""

NODE_HEADER = "garnet-node"
"""Response header naming the node whose loader answered."""


# --- etc/fleet.json: what `garnet up` writes and the proxy reads --------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class PeerConfig:
    """Another node of the fleet and where its proxy listens."""

    name: str
    host: str
    port: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelConfig:
    """A served name, the nodes that serve it, and its limits."""

    name: str
    nodes: list[str]
    concurrency: int
    """Requests a loader works on at once; more wait in the proxy's queue."""
    context: int
    """Most tokens of prompt and completion together."""
    parameters: dict[str, str] = field(default_factory=dict)
    """Free for later use; unknown keys are ignored by the proxy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProxyConfig:
    """The `[proxy]` table of the inventory as one node's proxy needs it."""

    listen_host: str
    listen_port: int
    latency_budget_ms: int = 2000
    """p99 budget, end to end, of one test prompt: a swap's next loader must meet it."""
    queue_limit: int = 64
    """Requests that may wait for one loader; beyond it 429."""
    queue_timeout_s: float = 30.0
    """Longest wait in the queue; beyond it 429."""
    first_byte_timeout_s: float = 120.0
    """Longest silence of a loader before its first token (prefill keep-alives count as life)."""
    stall_timeout_s: float = 60.0
    """Longest silence between two tokens before a loader counts as hung."""
    max_body_bytes: int = 8 * 1024 * 1024
    max_tokens_limit: int = 32768
    """Cap on a request's max_tokens."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetConfig:
    """`etc/fleet.json`: all that one node's proxy knows of the fleet."""

    schema: int
    fleet: str
    node: str
    peers: list[PeerConfig]
    """The other nodes, without this one."""
    models: list[ModelConfig]
    proxy: ProxyConfig


# --- etc/keys.json ------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientKey:
    """A client's key at rest: its SHA-256 only. A revoked key is kept so that merges keep it so."""

    name: str
    sha256: str
    created: str
    revoked: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Keys:
    """`etc/keys.json`, mode 0600."""

    schema: int
    keys: list[ClientKey]


# --- state/slots.json and the control socket ----------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class LoaderSpec:
    """One loader as the proxy and the agent name it.

    Loaders listen on unix sockets (mode 0600) in ``<root>/run``: no port to choose or to collide,
    nothing another user of the machine can reach.
    """

    name: str
    """The supervised job's name, ``loader-<serial>``; unique on a node for ever."""
    model: str
    """The served name: exactly what requests carry as ``model``."""
    artifact: str
    """Content id of the artifact's folder under ``artifacts/``."""
    runtime: str
    """Content id of the code and the environment that the loader runs on."""
    http_socket: str
    """Absolute path of the unix socket that speaks mlx_lm.server's HTTP."""
    stats_socket: str
    """Absolute path of the unix socket that answers each connection with one LoaderStats in JSON."""
    source: str = ""
    """The artifact's source as the inventory or ``--to`` wrote it; for people."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """A model's place on a node. Putting one is the flip: a single assignment in the proxy."""

    model: str
    active: LoaderSpec | None = None
    """Takes the traffic."""
    next: LoaderSpec | None = None
    """Watched, but without traffic until it becomes ``active``."""
    previous: LoaderSpec | None = None
    """Takes no new request; those in flight run to their end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SlotTable:
    """`state/slots.json`, owned and written by the proxy."""

    schema: int
    slots: dict[str, Slot]


LoaderState = Literal["starting", "ready", "suspect", "down"]
"""starting: never answered yet; suspect: a probe failed; down: not used until it answers again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Latency:
    """Figures over the last requests (at most 512) of one loader; ``None`` without any."""

    count: int
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    first_token_p95_ms: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LoaderStatus:
    """One loader as its node's proxy sees it."""

    spec: LoaderSpec
    state: LoaderState
    in_flight: int
    queued: int
    served: int
    """Requests answered in full since the proxy knows the loader."""
    errors: int
    """Requests that this loader broke or failed."""
    latency: Latency
    pid: int | None = None
    last_error: str | None = None
    stats: LoaderStats | None = None
    busy_s: float | None = None
    """Seconds with at least one request in it since the proxy knows the loader, by the monotonic clock."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SlotStatus:
    """A slot with its loaders' states."""

    model: str
    active: LoaderStatus | None = None
    next: LoaderStatus | None = None
    previous: LoaderStatus | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PeerStatus:
    """A peer as this node's proxy sees it."""

    name: str
    reachable: bool
    age_s: float | None
    """Seconds since its last heartbeat; ``None`` if there was none."""
    models: list[str]
    """Models that it can serve now."""
    last_error: str | None = None
    raised: list[str] = field(default_factory=list)
    """Nodes for which it has raised the alert that they are missing; empty while it is unreachable."""
    clock_offset_s: float | None = None
    """Its clock minus this node's, within half a heartbeat's round trip; ``None`` while unreachable."""
    away: list[str] = field(default_factory=list)
    """Models that it has a slot for while none of its loaders takes their traffic."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProxyStatus:
    """Answer of ``GET /control/status`` on the control socket."""

    node: str
    pid: int
    release: str
    started_unix: float
    listen: str
    """``host:port`` really bound."""
    slots: list[SlotStatus]
    peers: list[PeerStatus]
    requests: int
    failed: int
    rejected: int
    """Answered 4xx by validation, keys or limits."""
    in_flight: int
    draining: list[LoaderStatus] = field(default_factory=list)
    """Loaders in no slot any more that still have requests in flight."""
    last_error: str | None = None
    unrecorded_requests: int = 0
    """Requests that the journal could not take since the proxy started."""
    settings_digest: str | None = None
    """``files.digest_of`` fleet.json, keys.json and secrets.env as the proxy last loaded them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeartbeatModel:
    """One model in a heartbeat."""

    model: str
    ready: bool
    in_flight: int
    queued: int
    concurrency: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Heartbeat:
    """Answer of HEARTBEAT_PATH: what a node serves now and how loaded it is."""

    schema: int
    node: str
    time_unix: float
    models: list[HeartbeatModel]
    raised: list[str] = field(default_factory=list)
    """Nodes for which this one's monitor has raised the alert that they are missing."""
    away: list[str] = field(default_factory=list)
    """Models that it has a slot for while none of its loaders takes their traffic: they come back."""


# --- supervised jobs ----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A process that the node's supervisor keeps alive and brings back after a reboot.

    No secrets in ``argv`` or ``environment``: supervisors show both.
    """

    name: str
    argv: list[str]
    working_directory: str
    log: str
    """Absolute path; both streams, bounded."""
    environment: dict[str, str] = field(default_factory=dict)
    stop_timeout_s: int = 20


JobState = Literal["running", "starting", "stopped", "failed", "unknown"]


@dataclass(frozen=True, kw_only=True, slots=True)
class JobStatus:
    """A supervised job as its supervisor reports it."""

    name: str
    state: JobState
    pid: int | None = None
    since_unix: float | None = None
    detail: str = ""


# --- the agent's channel ------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """One line from the operator. ``payload_bytes`` raw bytes follow it on the channel."""

    id: int
    do: str
    args: dict[str, Any] = field(default_factory=dict)
    payload_bytes: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """One line from the agent: progress (any number), then exactly one of ok or error."""

    id: int
    kind: Literal["progress", "ok", "error"]
    value: Any = None
    """Progress and ok: plain JSON. Error: ``{"code", "message", "remedy"}``."""
