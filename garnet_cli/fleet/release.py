"""What is pushed to nodes: the node's code and its lock file, named by their content."""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import node_scripts
from node_scripts.agent.environment import identifier

LOCK = "node_scripts/requirements.lock"

LOADER_FILES = (
    "node_scripts/__init__.py",
    "node_scripts/recent_evictions.py",
    "node_scripts/socket_path.py",
    LOCK,
)
"""What a loader runs on besides the files whose names begin with LOADER_PREFIXES."""

LOADER_PREFIXES = ("node_scripts/loader", "node_scripts/observers")


@dataclass(frozen=True)
class Release:
    """The files of one release: path relative to its folder → content."""

    files: dict[str, bytes]

    @cached_property
    def identifier(self) -> str:
        """First 12 hex digits of a SHA-256 over all paths and contents."""
        return _digest(self.files)[:12]

    def environment(self, python_version: str, system: str, machine: str) -> str:
        """Return the id of the environment that this release needs on one kind of node."""
        return identifier(self.files[LOCK], environment_kind(python_version, system, machine))

    def runtime(
        self, environment: str, context: int, concurrency: int, cache_bytes: int | None = None
    ) -> str:
        """Return the id of all that makes a running loader what it is, but for its artifact.

        A loader whose runtime is still the wanted one is left alone by ``up``, whatever else a
        release changed.
        """
        part = {path: content for path, content in self.files.items() if loader_runs_on(path)}
        arguments = f"{environment} {context} {concurrency}"
        if cache_bytes is not None:
            arguments += f" {cache_bytes}"
        return hashlib.sha256(f"{_digest(part)} {arguments}".encode()).hexdigest()[:12]

    @cached_property
    def tar(self) -> bytes:
        """The release as an uncompressed tar, equal bytes for equal content."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path, content in sorted(self.files.items()):
                entry = tarfile.TarInfo(path)
                entry.size = len(content)
                entry.mode = 0o644
                archive.addfile(entry, io.BytesIO(content))
        return buffer.getvalue()


def environment_kind(python_version: str, system: str, machine: str) -> str:
    """Return what an environment depends on besides its lock file, for ``identifier``."""
    return f"{'.'.join(python_version.split('.')[:2])} {system} {machine}"


def loader_runs_on(path: str) -> bool:
    """Say whether a change of this file of a release is a change of its loaders."""
    return path in LOADER_FILES or path.startswith(LOADER_PREFIXES)


def build(folder: Path | None = None) -> Release:
    """Read the node's code as installed beside this program (or from ``folder``)."""
    folder = folder or Path(node_scripts.__file__).parent
    files = {
        f"node_scripts/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (path.suffix == ".py" or path.name == "requirements.lock")
    }
    return Release(files=files)


def _digest(files: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for path, content in sorted(files.items()):
        digest.update(f"{path}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
