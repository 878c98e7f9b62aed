"""What `garnet check` finds on one node: each failure with its remedy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from garnet_cli.fleet.facts import NodeFacts
from garnet_cli.fleet.inventory import NodeEntry
from garnet_cli.judge.memory import GIB

CLOCK_WARN_S = 1.0
CLOCK_FAIL_S = 60.0
"""Peers refuse each other's requests from 300 s on; minutes fall into wrong ones long before."""

ENVIRONMENT_BYTES = 1 * GIB
"""Room that an environment and a release take, generously."""

OLDEST_PYTHON = (3, 11)

Verdict = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the table."""

    node: str
    name: str
    verdict: Verdict
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class WantedArtifact:
    """An artifact that a node should have, and its size where it is known."""

    identifier: str
    source: str
    bytes: int | None


def checks(
    entry: NodeEntry, facts: NodeFacts, clock_offset_s: float, artifacts: Sequence[WantedArtifact]
) -> list[Check]:
    """Return all checks of a node that answered; ``clock_offset_s`` is its clock minus ours."""
    return [
        Check(
            entry.name,
            "reachable",
            "ok",
            f"{facts.hostname}, {facts.system} {facts.os_version or ''}".strip(),
        ),
        _python(entry, facts),
        _disk(entry, facts, artifacts),
        _memory(entry, facts),
        _chip(entry, facts),
        _port(entry, facts),
        _clock(entry, clock_offset_s),
        _supervisor(entry, facts),
        *_artifacts(entry, facts, artifacts),
    ]


def _python(entry: NodeEntry, facts: NodeFacts) -> Check:
    version = tuple(int(part) for part in facts.python.version.split(".")[:2])
    detail = f"{facts.python.version} at {facts.python.path}" + (f", uv at {facts.uv}" if facts.uv else "")
    if version < OLDEST_PYTHON:
        remedy = "install uv, or name a Python of at least 3.11 with `python` in [[nodes]]"
        return Check(entry.name, "python", "failed", detail, remedy)
    return Check(entry.name, "python", "ok", detail)


def _disk(entry: NodeEntry, facts: NodeFacts, artifacts: Sequence[WantedArtifact]) -> Check:
    missing = [one for one in artifacts if one.identifier not in facts.artifacts]
    known = sum(one.bytes or 0 for one in missing)
    need = known + (0 if facts.environments else ENVIRONMENT_BYTES)
    detail = f"{facts.disk_free_bytes / GIB:.1f} GiB free, {need / GIB:.1f} GiB needed"
    if any(one.bytes is None for one in missing):
        detail += " and what the hub's artifacts take"
    if facts.disk_free_bytes < need:
        remedy = f"free some space below {entry.root}, or move `root` to a larger volume"
        return Check(entry.name, "disk", "failed", detail, remedy)
    return Check(entry.name, "disk", "ok", detail)


def _memory(entry: NodeEntry, facts: NodeFacts) -> Check:
    detail = f"{facts.memory_bytes / GIB:.0f} GiB"
    if facts.memory_available_bytes is not None:
        detail += f", {facts.memory_available_bytes / GIB:.1f} GiB available"
    if entry.memory_gb is not None and entry.memory_gb > facts.memory_bytes / GIB * 1.02:
        remedy = f"set memory_gb = {facts.memory_bytes / GIB:.0f} in [[nodes]]"
        return Check(
            entry.name, "memory", "failed", f"{detail}; the inventory says {entry.memory_gb:g}", remedy
        )
    return Check(entry.name, "memory", "ok", detail)


def _chip(entry: NodeEntry, facts: NodeFacts) -> Check:
    if facts.chip is None:
        return Check(
            entry.name, "chip", "warning", "unknown", "set `chip` in [[nodes]] if reports should name it"
        )
    if entry.chip is not None and entry.chip.lower() not in facts.chip.lower():
        remedy = f'set chip = "{facts.chip}" in [[nodes]], or check that this is the machine you mean'
        return Check(entry.name, "chip", "failed", f"{facts.chip}; the inventory says {entry.chip}", remedy)
    return Check(entry.name, "chip", "ok", facts.chip)


def _port(entry: NodeEntry, facts: NodeFacts) -> Check:
    address = f"{entry.listen_host}:{entry.listen_port}"
    if facts.listen_state == "taken":
        remedy = f"end what listens on {address}, or choose another with `listen` in [[nodes]]"
        return Check(entry.name, "port", "failed", f"{address} is taken by something else", remedy)
    detail = {"ours": "our proxy listens", "free": "free", None: "unknown"}[facts.listen_state]
    return Check(entry.name, "port", "ok", f"{address}: {detail}")


def _clock(entry: NodeEntry, offset_s: float) -> Check:
    detail = f"{offset_s:+.1f} s against this machine"
    remedy = "turn on network time on the node (macOS: sudo systemsetup -setusingnetworktime on)"
    if abs(offset_s) > CLOCK_FAIL_S:
        return Check(entry.name, "clock", "failed", detail, remedy)
    if abs(offset_s) > CLOCK_WARN_S:
        return Check(entry.name, "clock", "warning", detail, remedy)
    return Check(entry.name, "clock", "ok", detail)


def _supervisor(entry: NodeEntry, facts: NodeFacts) -> Check:
    supervisor = facts.supervisor
    detail = f"{supervisor.kind}, {'running' if supervisor.running else 'not running yet'}"
    if entry.boot and facts.release is not None and not supervisor.starts_at_boot:
        remedy = supervisor.detail or "run `garnet up`, or set boot = false in [[nodes]]"
        return Check(entry.name, "supervisor", "warning", f"{detail}; not back after a reboot", remedy)
    return Check(entry.name, "supervisor", "ok", detail)


def _artifacts(entry: NodeEntry, facts: NodeFacts, artifacts: Sequence[WantedArtifact]) -> Iterator[Check]:
    for one in artifacts:
        if one.identifier in facts.artifacts:
            detail = f"{one.source}: {facts.artifacts[one.identifier].bytes / GIB:.2f} GiB"
            yield Check(entry.name, "artifact", "ok", detail)
        else:
            yield Check(entry.name, "artifact", "warning", f"{one.source}: not there yet", "run `garnet up`")
