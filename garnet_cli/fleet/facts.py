"""What a node says of itself: the answer of the agent's ``facts`` step, typed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from garnet_cli.errors import NodeError
from node_scripts.contracts import JobStatus, Keys, SlotTable
from node_scripts.decoding import convert
from node_scripts.journals import DeployRecord, Lease, SwapJournal, Trial


@dataclass(frozen=True, slots=True)
class PythonFacts:
    """The Python that runs the agent."""

    path: str
    version: str


@dataclass(frozen=True, slots=True)
class ArtifactFacts:
    """A complete artifact on the node."""

    bytes: int
    config: dict[str, Any] = field(default_factory=dict)
    """The part of its ``config.json`` that says how large a KV cache grows."""


@dataclass(frozen=True, slots=True)
class SupervisorFacts:
    """The node's supervisor."""

    kind: str
    running: bool
    starts_at_boot: bool
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
    """One node as it is."""

    hostname: str
    system: str
    machine: str
    chip: str | None
    os_version: str | None
    python: PythonFacts
    uv: str | None
    memory_bytes: int
    memory_available_bytes: int | None
    disk_free_bytes: int
    disk_total_bytes: int
    time_unix: float
    cpu_count: int | None
    release: str | None
    releases: list[str]
    environments: list[str]
    artifacts: dict[str, ArtifactFacts]
    fleet_sha256: str | None
    keys: Keys | None
    secret_fingerprint: str | None
    jobs: list[JobStatus]
    supervisor: SupervisorFacts
    slots: SlotTable | None
    swaps: list[SwapJournal]
    listen_state: Literal["free", "ours", "taken"] | None
    lease: Lease | None
    next_serial: int
    settings_loaded: bool | None = None
    """Whether the proxy works by what lies in ``etc/`` now; ``None`` where it cannot be told."""
    loader_folders: list[str] = field(default_factory=list)
    """Loaders that have a folder, whether or not anything runs in it."""
    defined_jobs: dict[str, str] = field(default_factory=dict)
    """``job_digest`` of every job as it was last ensured, by name."""
    monitor_sha256: str | None = None
    """Of ``etc/monitor.json``."""
    monitor_secrets: dict[str, str] = field(default_factory=dict)
    """Names in ``etc/monitor.env``, each with its fingerprint where a salt was sent."""
    monitor_loaded: bool | None = None
    """Whether the monitor works by what lies in ``etc/`` now; ``None`` where it cannot be told."""
    trial: Trial | None = None
    """The deploy's change that is not confirmed, or how the last one was taken back."""
    deploys: list[DeployRecord] = field(default_factory=list)
    """How the last deploys of this node ended, the newest first."""
    live: dict[str, Any] | None = None
    """What the monitor saw last: ``run/monitor.json``."""

    def job(self, name: str) -> JobStatus | None:
        """Return the supervised job called ``name``."""
        return next((job for job in self.jobs if job.name == name), None)


def decode_facts(node: str, value: Any) -> NodeFacts:
    """Return ``value`` typed; raises :class:`NodeError` where it has another shape."""
    try:
        return convert(value, NodeFacts)
    except msgspec.ValidationError as error:
        raise NodeError(
            f"the agent's facts have an unexpected shape: {error}",
            node=node,
            remedy="report this with `garnet --debug status`",
        ) from error
