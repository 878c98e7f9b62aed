"""What differs between a node as it should be and as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from garnet_cli.fleet.facts import NodeFacts
from node_scripts.contracts import JobStatus, Keys, LoaderSpec, Slot

ChangeKind = Literal[
    "release",
    "environment",
    "artifact",
    "configuration",
    "keys",
    "secret",
    "supervisor",
    "proxy",
    "retire proxy",
    "finish swap",
    "start loader",
    "swap loader",
    "restart loader",
    "stop loader",
    "stray loader",
    "monitor",
]

PROXY_JOB_PREFIX = "proxy-"
LOADER_JOB_PREFIX = "loader-"
MONITOR_JOB = "monitor"

MONITOR_CONFIG = "monitor.json"
MONITOR_SECRETS = "monitor.env"
MONITOR_LOADED = "monitor"
MONITOR_SUBJECTS = frozenset({MONITOR_CONFIG, MONITOR_SECRETS, MONITOR_LOADED})
"""Subjects of "configuration" that are the monitor's; the others are the proxy's."""


@dataclass(frozen=True, slots=True)
class DesiredLoader:
    """A model that a node should serve."""

    model: str
    source: str
    artifact: str
    runtime: str
    context: int
    concurrency: int
    cache_bytes: int | None = None
    """Most that its prompt cache keeps; ``None``: two full contexts."""


@dataclass(frozen=True, slots=True)
class DesiredNode:
    """One node as the inventory and the release want it."""

    node: str
    release: str
    environment: str
    fleet_sha256: str
    keys: Keys
    secret_fingerprint: str
    starts_at_boot: bool
    loaders: tuple[DesiredLoader, ...]
    monitor_job: str
    """``job_digest`` of its job."""
    monitor_sha256: str
    """Of its configuration."""
    monitor_secrets: Mapping[str, str]
    """Fingerprints of the secrets that the operator has, by name; empty where one is to be removed."""

    @property
    def proxy_job(self) -> str:
        """The name of the proxy's job: it tells the release that it runs."""
        return PROXY_JOB_PREFIX + self.release


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to do on one node."""

    node: str
    kind: ChangeKind
    subject: str
    """What it is done to: a release id, a model, a job."""
    detail: str = ""
    content: str = ""
    """What it is brought to, where the subject does not say it: it tells two plans apart that read alike."""


def differences(desired: DesiredNode, facts: NodeFacts) -> list[Change]:
    """Return what ``up`` has to do on one node, in the order in which it is done."""
    return [
        *_code(desired, facts),
        *_configuration(desired, facts),
        *_processes(desired, facts),
        *_loaders(desired, facts),
        *_monitor(desired, facts),
    ]


def _code(desired: DesiredNode, facts: NodeFacts) -> list[Change]:
    changes = []
    if facts.release != desired.release:
        detail = f"from {facts.release}" if facts.release else "first one"
        changes.append(Change(desired.node, "release", desired.release, detail))
    if desired.environment not in facts.environments:
        changes.append(Change(desired.node, "environment", desired.environment, "install requirements"))
    seen = set(facts.artifacts)
    for loader in desired.loaders:
        if loader.artifact not in seen:
            seen.add(loader.artifact)
            changes.append(Change(desired.node, "artifact", loader.artifact, loader.source))
    return changes


def _configuration(desired: DesiredNode, facts: NodeFacts) -> list[Change]:
    changes = []
    if facts.secret_fingerprint != desired.secret_fingerprint:
        changes.append(Change(desired.node, "secret", "fleet secret", "by which peers know each other"))
    if (facts.keys.keys if facts.keys else []) != desired.keys.keys:
        live = sum(key.revoked is None for key in desired.keys.keys)
        content = ",".join(sorted(f"{key.sha256}{key.revoked or ''}" for key in desired.keys.keys))
        changes.append(Change(desired.node, "keys", f"{live} client keys", content=_short(content)))
    if facts.fleet_sha256 != desired.fleet_sha256:
        changes.append(
            Change(desired.node, "configuration", "fleet.json", content=_short(desired.fleet_sha256))
        )
    elif facts.settings_loaded is False:
        detail = "the proxy has not loaded what was written"
        changes.append(Change(desired.node, "configuration", "etc", detail))
    if not facts.supervisor.running:
        changes.append(Change(desired.node, "supervisor", facts.supervisor.kind, "start"))
    elif facts.supervisor.starts_at_boot != desired.starts_at_boot:
        detail = "start at boot" if desired.starts_at_boot else "no longer start at boot"
        changes.append(Change(desired.node, "supervisor", facts.supervisor.kind, detail))
    return changes


def _processes(desired: DesiredNode, facts: NodeFacts) -> list[Change]:
    changes = []
    job = facts.job(desired.proxy_job)
    if job is None or job.state not in {"running", "starting"}:
        detail = "start" if job is None else f"it is {job.state}"
        changes.append(Change(desired.node, "proxy", desired.proxy_job, detail))
    changes.extend(
        Change(desired.node, "retire proxy", other.name, "an older release")
        for other in other_proxies(facts, desired.release)
    )
    return changes


def other_proxies(facts: NodeFacts, release: str) -> list[JobStatus]:
    """Return the proxies' jobs that are not ``release``'s: they may still finish their answers."""
    return [
        job
        for job in facts.jobs
        if job.name.startswith(PROXY_JOB_PREFIX) and job.name != PROXY_JOB_PREFIX + release
    ]


def _loaders(desired: DesiredNode, facts: NodeFacts) -> list[Change]:
    changes: list[Change] = []
    slots = facts.slots.slots if facts.slots else {}
    wanted = {loader.model: loader for loader in desired.loaders}
    swapping = {journal.model for journal in facts.swaps}
    changes.extend(
        Change(desired.node, "finish swap", journal.model, f"unfinished since {journal.started}")
        for journal in facts.swaps
    )
    for model, loader in wanted.items():
        if model in swapping:
            continue
        active = slots[model].active if model in slots else None
        changes.extend(_slot(desired.node, loader, active, facts))
    changes.extend(
        Change(desired.node, "stop loader", model, "the inventory has it elsewhere or nowhere")
        for model in slots
        if model not in wanted and model not in swapping
    )
    known = {spec.name for slot in slots.values() for spec in _specs(slot)}
    known |= {spec.name for journal in facts.swaps for spec in (journal.old, journal.new) if spec}
    jobs = {job.name for job in facts.jobs if job.name.startswith(LOADER_JOB_PREFIX)}
    changes.extend(
        Change(desired.node, "stray loader", name, "in no slot")
        for name in sorted(jobs.union(facts.loader_folders) - known)
    )
    return changes


def _slot(node: str, wanted: DesiredLoader, active: LoaderSpec | None, facts: NodeFacts) -> Sequence[Change]:
    content = _short(f"{wanted.artifact} {wanted.runtime}")
    if active is None:
        return [Change(node, "start loader", wanted.model, wanted.source, content)]
    if active.artifact != wanted.artifact:
        return [Change(node, "swap loader", wanted.model, f"{active.source} → {wanted.source}", content)]
    if active.runtime != wanted.runtime:
        why = "its code, environment or settings changed"
        return [Change(node, "swap loader", wanted.model, why, content)]
    job = facts.job(active.name)
    if job is None or job.state in {"stopped", "failed"}:
        return [
            Change(node, "restart loader", wanted.model, f"{active.name} is {job.state if job else 'gone'}")
        ]
    return []


def _monitor(desired: DesiredNode, facts: NodeFacts) -> list[Change]:
    changes = []
    if facts.monitor_sha256 != desired.monitor_sha256:
        content = _short(desired.monitor_sha256)
        changes.append(Change(desired.node, "configuration", MONITOR_CONFIG, content=content))
    told = desired.monitor_secrets
    other = [name for name, wanted in told.items() if facts.monitor_secrets.get(name, "") != wanted]
    if other:
        words = [name if told[name] else f"{name} (removed)" for name in other]
        changes.append(Change(desired.node, "configuration", MONITOR_SECRETS, ", ".join(words)))
    if not changes and facts.monitor_loaded is False:
        detail = "the monitor has not loaded what was written"
        changes.append(Change(desired.node, "configuration", MONITOR_LOADED, detail))
    job = facts.job(MONITOR_JOB)
    if job is None or job.state not in {"running", "starting"}:
        detail = "start" if job is None else f"it is {job.state}"
        changes.append(Change(desired.node, "monitor", MONITOR_JOB, detail))
    elif facts.defined_jobs.get(MONITOR_JOB) != desired.monitor_job:
        changes.append(Change(desired.node, "monitor", MONITOR_JOB, "its code or environment changed"))
    return changes


def _short(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _specs(slot: Slot) -> list[LoaderSpec]:
    return [spec for spec in (slot.active, slot.next, slot.previous) if spec is not None]
