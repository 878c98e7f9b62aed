"""A model's artifact as the operator's side knows it: its content id, and its files if they are here."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from garnet_cli.errors import UsageError
from garnet_cli.fleet.source import ModelSource
from node_scripts.artifacts import ManifestEntry, artifact_id, hub_artifact_id, manifest_of
from node_scripts.files import write_atomically


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """The files of one source. A repository's are fetched by the nodes; a folder's are pushed."""

    identifier: str
    source: str
    repository: str | None = None
    revision: str | None = None
    folder: Path | None = None
    manifest: Mapping[str, ManifestEntry] | None = None
    """Relative path → ``{"bytes", "sha256"}``; set for a folder."""


def resolve(source: ModelSource, report: Callable[[str], None]) -> Artifact:
    """Return the artifact of ``source``; a folder is hashed, once for each change of its files.

    Raises :class:`UsageError` for a folder that cannot be read.
    """
    if source.path is None:
        repository, revision = source.repository or "", source.revision or ""
        return Artifact(
            identifier=hub_artifact_id(repository, revision),
            source=source.text,
            repository=repository,
            revision=revision,
        )
    try:
        manifest = _manifest(source.path, report)
    except OSError as error:
        raise UsageError(f"cannot read the model in {source.path}: {error.strerror or error}") from error
    return Artifact(
        identifier=artifact_id(manifest), source=source.text, folder=source.path, manifest=manifest
    )


def _manifest(folder: Path, report: Callable[[str], None]) -> dict[str, ManifestEntry]:
    """Hash the folder, or take the manifest of an earlier run if no file's size or time changed."""
    stamp = hashlib.sha256(str(folder).encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            state = path.stat()
            stamp.update(f"{path}\0{state.st_size}\0{state.st_mtime_ns}\0{state.st_ino}\n".encode())
    cached = _cache_folder() / f"{stamp.hexdigest()[:32]}.json"
    if cached.exists():
        found: dict[str, ManifestEntry] = json.loads(cached.read_bytes())
        return found
    report(f"hashing {folder}")
    manifest = manifest_of(folder)
    cached.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(cached, json.dumps(manifest).encode())
    return manifest


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "garnet" / "manifests"
