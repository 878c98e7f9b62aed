"""Bring what loaders and proxies need onto one node: code, environment, artifacts, configuration."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from rich.filesize import decimal

from garnet_cli.actions.control import Asks
from garnet_cli.actions.loaders import Report
from garnet_cli.fleet.artifact import Artifact
from garnet_cli.fleet.release import Release
from node_scripts.contracts import FleetConfig, Keys
from node_scripts.monitor.config import MonitorConfig

CHUNK_BYTES = 4 * 1024**2


def push_release(node: Asks, release: Release, report: Report) -> None:
    """Unpack the release on the node; nothing uses it yet."""
    report(f"pushing release {release.identifier} ({decimal(len(release.tar))})")
    node.ask(
        "push_release",
        payload=release.tar,
        release=release.identifier,
        sha256=hashlib.sha256(release.tar).hexdigest(),
    )


def push_wheels(node: Asks, wheelhouse: Path, report: Report) -> None:
    """Copy the wheels that the node lacks; raises :class:`NodeError` when one arrives damaged."""
    there = node.ask("list_wheels")
    for wheel in sorted(wheelhouse.glob("*.whl")):
        digest = file_sha256(wheel)
        if there.get(wheel.name) == digest:
            continue
        report(f"pushing {wheel.name} ({decimal(wheel.stat().st_size)})")
        node.ask(
            "push_wheel",
            payload=chunks(wheel),
            payload_bytes=wheel.stat().st_size,
            name=wheel.name,
            sha256=digest,
        )


def build_environment(
    node: Asks, environment: str, release: str, python: str | None, report: Report, *, wheelhouse: bool
) -> None:
    """Install the release's locked requirements, from PyPI or from the pushed wheels."""
    report(f"building environment {environment}")
    node.ask(
        "build_environment",
        progress=lambda value: report(value["message"]),
        environment=environment,
        release=release,
        wheelhouse=wheelhouse,
        python=python,
    )


@dataclass(frozen=True, slots=True)
class HubAccess:
    """How a node fetches from the Hugging Face hub."""

    environment: str
    endpoint: str | None = None


def place_artifact(node: Asks, artifact: Artifact, hub: HubAccess, report: Report) -> None:
    """Have the artifact complete and verified on the node: fetched by it, or pushed file by file.

    Files that arrived before an interruption are not sent again.
    """
    if artifact.manifest is None or artifact.folder is None:
        report(f"fetching {artifact.source}")
        node.ask(
            "fetch_artifact",
            progress=lambda value: report(_share("fetching", value["done_bytes"], value["total_bytes"])),
            artifact=artifact.identifier,
            repository=artifact.repository,
            revision=artifact.revision,
            environment=hub.environment,
            endpoint=hub.endpoint,
        )
        return
    there = node.ask("have_artifact_files", artifact=artifact.identifier)
    total = sum(entry["bytes"] for entry in artifact.manifest.values())
    sent = 0
    for path, entry in sorted(artifact.manifest.items()):
        if there.get(path) != entry["sha256"]:
            node.ask(
                "push_artifact_file",
                payload=_counted(chunks(artifact.folder / path), sent, total, report),
                payload_bytes=entry["bytes"],
                artifact=artifact.identifier,
                path=path,
                bytes=entry["bytes"],
                sha256=entry["sha256"],
            )
        sent += entry["bytes"]
    node.ask("finish_artifact", artifact=artifact.identifier, manifest=artifact.manifest)


def remove_unused(node: Asks, artifacts: Iterable[str], kind: str) -> str | None:
    """Remove what the node no longer needs besides ``artifacts``; say what went, if anything did."""
    done = node.ask("remove_unused", artifacts=sorted(set(artifacts)), kind=kind)
    parts = [
        f"{one['count']} old {what if one['count'] > 1 else what[:-1]}, {decimal(one['bytes'])}"
        for what, one in done.items()
        if one["count"]
    ]
    return f"removed {'; '.join(parts)}" if parts else None


def write_configuration(node: Asks, config: FleetConfig) -> None:
    """Write ``etc/fleet.json``."""
    _write(node, "etc/fleet.json", encode_configuration(config).decode())


def encode_configuration(config: FleetConfig | MonitorConfig) -> bytes:
    """Return the bytes of ``etc/fleet.json`` or ``etc/monitor.json``: equal for equal configurations."""
    return msgspec.json.format(msgspec.json.encode(config, order="deterministic"), indent=1)


def write_monitor_configuration(node: Asks, config: MonitorConfig) -> None:
    """Write ``etc/monitor.json``."""
    _write(node, "etc/monitor.json", encode_configuration(config).decode())


def write_monitor_secrets(node: Asks, told: Mapping[str, str]) -> None:
    """Set the secrets that are ``told`` in ``etc/monitor.env``, remove the empty ones, leave the others."""
    node.ask("write_monitor_secrets", values=dict(told))


def write_keys(node: Asks, keys: Keys, event: dict[str, Any] | None = None) -> None:
    """Write ``etc/keys.json``: hashes only. ``event`` is noted there if that changes it."""
    _write(node, "etc/keys.json", msgspec.json.encode(keys).decode(), event)


def write_secret(node: Asks, secret: str) -> None:
    """Write the fleet secret, readable by the node's user only."""
    _write(node, "etc/secrets.env", f"GARNET_FLEET_SECRET={secret}\n")


def file_sha256(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def chunks(path: Path) -> Iterator[bytes]:
    """Read a file in pieces of 4 MiB."""
    with path.open("rb") as stream:
        while piece := stream.read(CHUNK_BYTES):
            yield piece


def _counted(pieces: Iterable[bytes], sent: int, total: int, report: Report) -> Iterator[bytes]:
    for piece in pieces:
        yield piece
        sent += len(piece)
        report(_share("pushing artifact", sent, total))


def _share(what: str, done: int, total: int | None) -> str:
    return f"{what}: {decimal(done)} of {decimal(total)}" if total else f"{what}: {decimal(done)}"


def _write(node: Asks, path: str, content: str, event: dict[str, Any] | None = None) -> None:
    node.ask("write_file", path=path, content=content, mode=0o600, event=event)
