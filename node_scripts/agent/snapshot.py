"""A snapshot: what a node runs and is configured with, to bring it back to."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from node_scripts.agent.context import Context, make_folder
from node_scripts.agent.errors import StepError
from node_scripts.agent.jobs import supervising
from node_scripts.agent.release import current_release
from node_scripts.agent.slots import running_release
from node_scripts.agent.trial import SNAPSHOT_FILE, deploy_folder, now, read_object, write_object
from node_scripts.contracts import SCHEMA, Job, LoaderSpec
from node_scripts.files import write_atomically
from node_scripts.journals import Snapshot
from node_scripts.paths import NodePaths

FILES = ("etc/fleet.json", "etc/monitor.json")
"""What a snapshot has copies of. Never keys and secrets."""
PROXY_PREFIX = "proxy-"
LOADER_PREFIX = "loader-"
MONITOR = "monitor"


def take_snapshot(context: Context, deploy: str) -> Snapshot:
    """Write down what the node runs now as that before ``deploy``; one that is there stays as it is.

    A model whose active loader has no job is left out: this node did not serve it.
    """
    known = read_snapshot(context.paths, deploy)
    if known is not None:
        return known
    paths = context.paths
    folder = make_folder(deploy_folder(paths, deploy))
    files = {}
    for name in FILES:
        content = _content(paths.root / name)
        if content is not None:
            files[name] = hashlib.sha256(content).hexdigest()
            write_atomically(folder / Path(name).name, content)
    # After an interrupted upgrade the proxy that serves is not that of ``current``.
    release = running_release(context) or current_release(paths)
    jobs, slots = _jobs_and_slots(context, release)
    snapshot = Snapshot(schema=SCHEMA, taken=now(), release=release, jobs=jobs, slots=slots, files=files)
    write_object(folder / SNAPSHOT_FILE, asdict(snapshot))
    return snapshot


def read_snapshot(paths: NodePaths, deploy: str) -> Snapshot | None:
    """Return the snapshot before ``deploy``; ``None`` without one. Raises StepError (``damaged``)."""
    path = deploy_folder(paths, deploy) / SNAPSHOT_FILE
    found = read_object(path)
    if found is None:
        return None
    try:
        return Snapshot(
            schema=found["schema"],
            taken=found["taken"],
            release=found["release"],
            jobs=[Job(**job) for job in found["jobs"]],
            slots={model: LoaderSpec(**spec) for model, spec in found["slots"].items()},
            files=dict(found["files"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        remedy = "bring the node to the inventory with `garnet up`"
        raise StepError("damaged", f"{path} is damaged: {error}", remedy=remedy) from error


def file_copy(paths: NodePaths, deploy: str, name: str) -> bytes:
    """Return the copy of the file ``name`` that lies beside a snapshot. Raises OSError."""
    return (deploy_folder(paths, deploy) / Path(name).name).read_bytes()


def _jobs_and_slots(context: Context, release: str | None) -> tuple[list[Job], dict[str, LoaderSpec]]:
    """Return what runs; no loaders without a proxy, which nobody could reach."""
    with supervising(context) as supervisor:
        proxy = supervisor.definition(f"{PROXY_PREFIX}{release}") if release else None
        monitor = supervisor.definition(MONITOR)
        specs = active_slots(context.paths) if proxy is not None else {}
        loaders = {model: supervisor.definition(spec.name) for model, spec in sorted(specs.items())}
    jobs = [job for job in (proxy, monitor, *loaders.values()) if job is not None]
    return jobs, {model: specs[model] for model, job in loaders.items() if job is not None}


def active_slots(paths: NodePaths) -> dict[str, LoaderSpec]:
    """Return the active loader of each model that has one, as the proxy's table says. Raises StepError."""
    table = read_object(paths.slots_file) or {"slots": {}}
    found: dict[str, dict[str, Any]] = table["slots"]
    return {model: LoaderSpec(**slot["active"]) for model, slot in found.items() if slot.get("active")}


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
