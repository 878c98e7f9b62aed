"""Steps on releases: the node's code, one folder each, named by content."""

from __future__ import annotations

import os
import re
import shutil
import tarfile
from pathlib import Path
from typing import Any

from node_scripts.agent.context import Context, make_folder
from node_scripts.agent.errors import StepError
from node_scripts.agent.payload import store_payload
from node_scripts.agent.trial import protected_snapshots
from node_scripts.paths import NodePaths

IDENTIFIER = re.compile(r"[0-9a-f]{12,64}")
KEPT = 5


def push_release(context: Context, *, release: str, sha256: str) -> dict[str, Any]:
    """Unpack the payload, a tar, as ``releases/<release>``; one that is there is left alone."""
    folder = context.paths.releases / _checked(release)
    if folder.is_dir():
        return {"already": True}
    if not hasattr(tarfile, "data_filter"):
        raise StepError(
            "python_too_old",
            "this Python unpacks tars without checking their paths",
            remedy="use Python 3.11.4 or newer on the node",
        )
    make_folder(context.paths.releases)
    archive = context.paths.releases / f".{release}.tar"
    partial = context.paths.releases / f".{release}.partial"
    try:
        store_payload(context.payload, archive, sha256)
        shutil.rmtree(partial, ignore_errors=True)
        with tarfile.open(archive) as tar:
            tar.extractall(partial, filter="data")
        _sync_tree(partial)
        partial.replace(folder)
    except tarfile.TarError as error:
        raise StepError("bad_release", f"the release cannot be unpacked: {error}") from error
    finally:
        archive.unlink(missing_ok=True)
        shutil.rmtree(partial, ignore_errors=True)
    return {"already": False}


def link_release(context: Context, *, release: str) -> dict[str, Any]:
    """Point ``current`` at ``release``, then remove releases beyond the last five that no job uses."""
    paths = context.paths
    folder = paths.releases / _checked(release)
    if not folder.is_dir():
        raise StepError("no_release", f"release {release} is not on this node", remedy="push it first")
    changed = current_release(paths) != release
    if changed:
        staged = paths.root / ".current"
        staged.unlink(missing_ok=True)
        staged.symlink_to(Path("releases") / release)
        staged.replace(paths.current)
        os.utime(folder)
    return {"changed": changed, "removed": _remove_old(paths)}


def current_release(paths: NodePaths) -> str | None:
    """Return the id that ``current`` points at; ``None`` without one."""
    return paths.current.readlink().name if paths.current.is_symlink() else None


def releases(paths: NodePaths) -> list[str]:
    """Return the complete releases, the one linked last first."""
    if not paths.releases.is_dir():
        return []
    folders = [path for path in paths.releases.iterdir() if IDENTIFIER.fullmatch(path.name)]
    return [path.name for path in sorted(folders, key=lambda path: path.stat().st_mtime, reverse=True)]


def _remove_old(paths: NodePaths) -> list[str]:
    kept = [*releases(paths)[:KEPT], current_release(paths)]
    old = [release for release in releases(paths) if release not in kept]
    if not old:
        return []
    used = job_files(paths)
    removed = []
    for release in old:
        if release not in used:
            shutil.rmtree(paths.releases / release)
            removed.append(release)
    return removed


def job_files(paths: NodePaths) -> str:
    """Return the text of all that names a release in use: supervisors' files and kept snapshots."""
    root = str(paths.root)
    folders = [paths.etc / "supervisor" / "jobs", paths.etc / "supervisor", Path("/Library/LaunchDaemons")]
    folders.append(Path.home() / "Library" / "LaunchAgents")
    files = [path for folder in folders if folder.is_dir() for path in folder.iterdir() if path.is_file()]
    texts = list(protected_snapshots(paths))
    for path in files:
        if path.parent.name not in ("jobs", "supervisor") and not path.name.startswith("com.garnet."):
            continue
        text = path.read_text(errors="replace")
        if root in text:
            texts.append(text)
    return "\n".join(texts)


def _checked(release: str) -> str:
    if not IDENTIFIER.fullmatch(release):
        raise StepError("bad_arguments", f"{release!r} is not a release's id")
    return release


def _sync_tree(folder: Path) -> None:
    """Flush every file: a rename must not outlive its content through a power cut."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
