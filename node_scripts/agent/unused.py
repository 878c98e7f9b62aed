"""The step that removes what a node no longer needs: old artifacts, environments and wheels."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from node_scripts.agent import artifact, environment
from node_scripts.agent.context import Context
from node_scripts.agent.release import current_release, job_files, releases
from node_scripts.agent.trial import protected_snapshots
from node_scripts.agent.wheels import WHEEL, file_sha256
from node_scripts.paths import NodePaths
from node_scripts.supervision.processes import run

PS = ["/bin/ps", "-axww", "-o", "args="]
SPARE_ARTIFACTS = 2
"""Artifacts that nothing names and that are kept: those used last, for a swap back."""
PARTIAL_DAYS = 7.0
HASH = re.compile(r"sha256:([0-9a-f]{64})")


def remove_unused(context: Context, *, artifacts: list[str], kind: str) -> dict[str, dict[str, int]]:
    """Remove what neither runs, nor is named by a slot or a journal, nor is one of ``artifacts``.

    ``kind`` is the node's in the id of an environment. Environments that other roots may share are
    left, and all of them where ``ps`` does not say what runs. Returns ``count`` and ``bytes`` by what
    was removed.
    """
    paths = context.paths
    listed = run(PS)
    running = listed.output + job_files(paths)
    if listed.status:
        context.progress({"message": "old environments are left: ps does not say what runs from them"})
    found: dict[str, list[Path]] = {
        "artifacts": list(unused_artifacts(paths, {*artifacts, *named_artifacts(paths)})),
        "environments": [] if listed.status else list(unused_environments(paths, kind, running)),
        "wheels": list(unused_wheels(paths)),
    }
    done = {}
    for what, targets in found.items():
        sizes = [_remove(context, target) for target in targets]
        done[what] = {"count": len(sizes), "bytes": sum(sizes)}
    return done


def named_artifacts(paths: NodePaths) -> set[str]:
    """Return the artifacts that slots, unfinished swaps, loaders' folders and kept snapshots name."""
    named = {link.readlink().name for link in paths.served.glob("*/*") if link.is_symlink()}
    files = [path for path in (paths.slots_file, *paths.state.glob("swap-*.json")) if path.exists()]
    for text in [*(path.read_text() for path in files), *protected_snapshots(paths)]:
        named |= set(_values(json.loads(text), "artifact"))
    return named


def unused_artifacts(paths: NodePaths, used: set[str]) -> Iterator[Path]:
    """Yield folders of artifacts not in ``used``, but for the last two, and partial ones of a week ago."""
    if not paths.artifacts.is_dir():
        return
    whole = []
    for folder in paths.artifacts.iterdir():
        if folder.name.startswith(".partial-"):
            old = time.time() - folder.stat().st_mtime > PARTIAL_DAYS * 86400
            if old and folder.name.removeprefix(".partial-") not in used:
                yield folder
        elif artifact.IDENTIFIER.fullmatch(folder.name) and folder.name not in used:
            whole.append(folder)
    yield from sorted(whole, key=lambda each: each.stat().st_mtime, reverse=True)[SPARE_ARTIFACTS:]


def unused_environments(paths: NodePaths, kind: str, running: str) -> Iterator[Path]:
    """Yield the environments of none of the releases here that ``running``, a text, does not name."""
    if paths.environments != paths.root / "envs" or not paths.environments.is_dir():
        return
    locks = [paths.releases / release / "node_scripts" / "requirements.lock" for release in releases(paths)]
    needed = {environment.identifier(lock.read_bytes(), kind) for lock in locks if lock.is_file()}
    for folder in paths.environments.iterdir():
        if environment.IDENTIFIER.fullmatch(folder.name) and folder.name not in needed | _named(running):
            yield folder


def unused_wheels(paths: NodePaths) -> Iterator[Path]:
    """Yield the wheels that the lock of the release in use does not name by their hash."""
    release = current_release(paths)
    if release is None or not paths.wheelhouse.is_dir():
        return
    locked = set(HASH.findall((paths.releases / release / "node_scripts" / "requirements.lock").read_text()))
    for wheel in paths.wheelhouse.iterdir():
        if WHEEL.fullmatch(wheel.name) and file_sha256(wheel) not in locked:
            yield wheel


def _named(text: str) -> set[str]:
    return set(re.findall(r"\b[0-9a-f]{16}\b", text))


def _values(value: Any, key: str) -> Iterable[str]:
    """Yield every value of ``key`` at any depth."""
    if isinstance(value, dict):
        if isinstance(value.get(key), str):
            yield value[key]
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _values(part, key)


def _remove(context: Context, target: Path) -> int:
    """Delete a file or a folder and return its bytes; half of a folder is never taken for a whole one."""
    context.progress_sometimes({"message": f"deleting {target}"})
    if target.is_file():
        size = target.stat().st_size
        target.unlink()
        return size
    size = sum(path.lstat().st_size for path in target.rglob("*") if not path.is_dir())
    (target / environment.MARKER).unlink(missing_ok=True)
    if target.parent == context.paths.artifacts and not target.name.startswith("."):
        partial = target.with_name(f".partial-{target.name}")
        if partial.exists():
            shutil.rmtree(partial)
        target = target.rename(partial)
    shutil.rmtree(target)
    return size
