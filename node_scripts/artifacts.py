"""The files a model is served from: their manifest, their id, their check, and fetching them from a hub.

A manifest maps each relative path to its bytes and SHA-256. Its canonical JSON names a folder's
artifact by content; an artifact of a Hugging Face repository is named by repository and revision, so
that its id is known before it is fetched. Standard library only, but for fetching::

    python -m node_scripts.artifacts fetch --repository R --revision REV --into FOLDER
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TypedDict

from node_scripts.files import write_atomically

MANIFEST_NAME = "MANIFEST.json"
"""Written last: a folder without it is not complete."""

MODEL_FILES = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja", "*.tiktoken")
"""What mlx_lm reads. No code, no weights in a format that runs code when it is read."""


class ManifestEntry(TypedDict):
    """One file of an artifact."""

    bytes: int
    sha256: str


Manifest = dict[str, ManifestEntry]


class ArtifactError(Exception):
    """An artifact's files are not what its manifest says, or cannot be had."""


def manifest_of(folder: Path) -> Manifest:
    """Return the manifest of all regular files below ``folder``, links followed.

    The manifest itself and hidden files and folders (a download's own notes) do not count. Raises
    ArtifactError if there are none.
    """
    manifest: Manifest = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in relative.parts)
        if hidden or relative.as_posix() == MANIFEST_NAME or not path.is_file():
            continue
        manifest[relative.as_posix()] = {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
    if not manifest:
        raise ArtifactError(f"{folder} holds no files")
    return manifest


def sha256_of(path: Path) -> str:
    """Return the hex SHA-256 of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def canonical(manifest: Manifest) -> bytes:
    """Return the one JSON text of a manifest: keys sorted, no blanks, UTF-8."""
    return json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def artifact_id(manifest: Manifest) -> str:
    """Return the id of a folder's artifact: the first 16 hex digits of its manifest's SHA-256."""
    return hashlib.sha256(canonical(manifest)).hexdigest()[:16]


def hub_artifact_id(repository: str, revision: str) -> str:
    """Return the id of the artifact that a repository's revision becomes."""
    return "hf-" + hashlib.sha256(f"{repository}@{revision}".encode()).hexdigest()[:16]


def read_manifest(content: bytes) -> Manifest:
    """Return the manifest in ``content``.

    Raises ArtifactError if it is none, or if a path in it would lie outside the artifact's folder.
    """
    try:
        value = json.loads(content)
    except ValueError as error:
        raise ArtifactError(f"the manifest is not JSON: {error}") from None
    if not isinstance(value, dict) or not value:
        raise ArtifactError("the manifest names no files")
    for path, entry in value.items():
        if not safe_path(path):
            raise ArtifactError(f"the manifest names {path!r}, which is no path inside an artifact")
        wanted = isinstance(entry, dict) and entry.keys() == {"bytes", "sha256"}
        if not wanted or not isinstance(entry["bytes"], int) or not isinstance(entry["sha256"], str):
            raise ArtifactError(f"the manifest's entry of {path!r} is not bytes and sha256")
    return value


def safe_path(path: str) -> bool:
    """Tell whether ``path`` is relative, in its simplest form, and stays inside its folder."""
    parts = PurePosixPath(path).parts
    simple = bool(parts) and "/".join(parts) == path and "\\" not in path and "\0" not in path
    return simple and not path.startswith("/") and ".." not in parts and path != MANIFEST_NAME


def differences(folder: Path, manifest: Manifest) -> list[str]:
    """Return one line for each file that is missing or differs in size or content; none if all is well.

    Files that the manifest does not name are named too: they could change how a model is read.
    """
    found = []
    for name, entry in sorted(manifest.items()):
        path = folder / name
        if not path.is_file():
            found.append(f"{name} is missing")
        elif path.stat().st_size != entry["bytes"]:
            found.append(f"{name} has {path.stat().st_size} bytes, not {entry['bytes']}")
        elif sha256_of(path) != entry["sha256"]:
            found.append(f"{name} has other content")
    here = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    visible = {name for name in here if not any(part.startswith(".") for part in name.split("/"))}
    found.extend(
        f"{name} is not in the manifest" for name in sorted(visible - manifest.keys() - {MANIFEST_NAME})
    )
    return found


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write MANIFEST.json, which makes the artifact complete."""
    write_atomically(folder / MANIFEST_NAME, canonical(manifest), mode=0o644)


def fetch(
    repository: str, revision: str, folder: Path, endpoint: str | None, report: Callable[[int, int], None]
) -> Manifest:
    """Fetch a repository's model files at ``revision`` into ``folder`` and write their manifest last.

    What an earlier, interrupted fetch left in ``folder`` is gone on with. ``report`` is called with the
    bytes done and in total, after each file and while one is fetched. Needs huggingface_hub.
    Raises ArtifactError with the reason in one line.
    """
    from node_scripts.hub import fetch_files  # noqa: PLC0415 -- needs what a bare Python lacks

    folder.mkdir(parents=True, exist_ok=True)
    fetch_files(repository, revision, folder, endpoint, report)
    manifest = manifest_of(folder)
    if "config.json" not in manifest or not any(name.endswith(".safetensors") for name in manifest):
        raise ArtifactError(
            f"{repository}@{revision} holds no model: config.json or *.safetensors is missing"
        )
    write_manifest(folder, manifest)
    return manifest


def main(argv: list[str] | None = None) -> int:
    """Fetch from the command line; progress is one JSON line each on standard output."""
    parser = argparse.ArgumentParser(prog="node_scripts.artifacts")
    parser.add_argument("action", choices=["fetch"])
    parser.add_argument("--repository", required=True)
    parser.add_argument("--revision", required=True)
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--endpoint")
    given = parser.parse_args(argv)

    def report(done: int, total: int) -> None:
        sys.stdout.write(json.dumps({"done_bytes": done, "total_bytes": total}) + "\n")
        sys.stdout.flush()

    # Its retries would be logged with tracebacks; what ends a fetch is raised.
    os.environ.update(HF_HUB_DISABLE_PROGRESS_BARS="1", HF_HUB_VERBOSITY="error")
    try:
        fetch(given.repository, given.revision, given.into, given.endpoint, report)
    except ArtifactError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    # As __main__ this module's classes are not those that node_scripts.hub raises.
    from node_scripts.artifacts import main as imported_main

    sys.exit(imported_main())
