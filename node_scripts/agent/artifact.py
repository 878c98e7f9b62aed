"""Steps on artifacts: the files that a model is served from."""

from __future__ import annotations

import json
import os
import re
import select
from collections import deque
from pathlib import Path, PurePosixPath
from typing import Any

from node_scripts.agent.context import Context, make_folder
from node_scripts.agent.environment import installer_environment
from node_scripts.agent.errors import StepError
from node_scripts.agent.payload import store_payload
from node_scripts.agent.release import current_release
from node_scripts.agent.wheels import file_sha256
from node_scripts.artifacts import (
    MANIFEST_NAME,
    ArtifactError,
    Manifest,
    read_manifest,
    safe_path,
    write_manifest,
)
from node_scripts.files import write_atomically
from node_scripts.paths import NodePaths

IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
HASHES = ".garnet-hashes.json"
CONFIG_KEYS = (
    "model_type",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "hidden_size",
    "sliding_window",
    "max_position_embeddings",
)
MAX_CONFIG_BYTES = 1024 * 1024


def artifacts(paths: NodePaths) -> dict[str, dict[str, Any]]:
    """Return the complete artifacts: their bytes, and what their config says of the KV cache."""
    if not paths.artifacts.is_dir():
        return {}
    found = {}
    for folder in sorted(paths.artifacts.iterdir()):
        if IDENTIFIER.fullmatch(folder.name) and (folder / MANIFEST_NAME).is_file():
            total = sum(entry["bytes"] for entry in _manifest(folder).values())
            found[folder.name] = {"bytes": total, "config": attention_config(folder)}
    return found


def attention_config(folder: Path) -> dict[str, Any]:
    """Return the part of ``config.json`` with the shape of the attention; empty where unreadable."""
    path = folder / "config.json"
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            return {}
        config = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(config, dict):
        return {}
    part: dict[str, Any] = {key: config[key] for key in CONFIG_KEYS if key in config}
    text = config.get("text_config")
    if isinstance(text, dict):
        part["text_config"] = {key: text[key] for key in CONFIG_KEYS if key in text}
    return part


def push_artifact_file(
    context: Context,
    *,
    artifact: str,
    path: str,
    bytes: int,  # noqa: A002 -- the wire says so
    sha256: str,
) -> dict[str, Any]:
    """Stream the payload to one file of a partial artifact; nothing is kept of a damaged one."""
    if context.payload.size != bytes:
        raise StepError("bad_arguments", f"{path}: {bytes} bytes announced, {context.payload.size} sent")
    partial = _partial(context.paths, artifact)
    target = partial / checked_path(path)
    make_folder(target.parent)
    store_payload(
        context.payload,
        target,
        sha256,
        lambda done: context.progress_sometimes({"done_bytes": done, "total_bytes": bytes}),
    )
    _remember(partial, {path: (target, sha256)})
    return {}


def have_artifact_files(context: Context, *, artifact: str) -> dict[str, str]:
    """Return the SHA-256 of each file that arrived whole; these need no push."""
    folder = context.paths.artifacts / _checked(artifact)
    if folder.is_dir():
        return {path: entry["sha256"] for path, entry in _manifest(folder).items()}
    partial = _partial(context.paths, artifact)
    return {
        path: entry["sha256"]
        for path, entry in _remembered(partial).items()
        if _stamp(partial / path) == entry["stamp"]
    }


def finish_artifact(context: Context, *, artifact: str, manifest: Manifest) -> dict[str, Any]:
    """Verify every file of the manifest, remove what is not in it, and rename the artifact into place.

    Error ``incomplete`` naming the files that are missing or differ.
    """
    folder = context.paths.artifacts / _checked(artifact)
    if folder.is_dir():
        return {"already": True}
    partial = _partial(context.paths, artifact)
    wrong = []
    for path, entry in sorted(manifest.items()):
        target = partial / checked_path(path)
        if not target.is_file() or target.stat().st_size != entry["bytes"]:
            wrong.append(path)
        elif _hash(context, target) != entry["sha256"]:
            target.unlink()
            wrong.append(path)
    if wrong:
        raise StepError(
            "incomplete",
            f"artifact {artifact} lacks {', '.join(wrong[:5])}{' …' if wrong[5:] else ''}",
            remedy="run the command again: only these are sent again",
        )
    for extra in partial.rglob("*"):
        if extra.is_file() and extra.relative_to(partial).as_posix() not in manifest:
            extra.unlink()
    write_manifest(partial, manifest)
    partial.replace(folder)
    return {"already": False}


def fetch_artifact(
    context: Context,
    *,
    artifact: str,
    repository: str,
    revision: str,
    environment: str,
    endpoint: str | None,
) -> dict[str, Any]:
    """Have the environment's Python fetch a repository from the hub, and rename it into place.

    Runs ``python -m node_scripts.artifacts fetch``: JSON lines of progress (``done_bytes`` and
    ``total_bytes``), or one line that says why it failed. What arrived before a failure is kept.
    """
    paths = context.paths
    folder = paths.artifacts / _checked(artifact)
    if folder.is_dir():
        return {"bytes": artifacts(paths)[artifact]["bytes"]}
    release = current_release(paths) or _newest_release(paths)
    python = paths.environments / environment / "bin" / "python"
    partial = make_folder(_partial(paths, artifact))
    command = [str(python), "-m", "node_scripts.artifacts", "fetch", "--into", str(partial)]
    command += ["--repository", repository, "--revision", revision]
    command += ["--endpoint", endpoint] if endpoint else []
    variables = installer_environment(os.environ) | _hub_variables()
    variables |= {"PYTHONPATH": str(paths.releases / release), "PYTHONUNBUFFERED": "1"}
    _run_fetch(context, command, variables)
    partial.replace(folder)
    return {"bytes": artifacts(paths)[artifact]["bytes"]}


def _run_fetch(context: Context, command: list[str], variables: dict[str, str]) -> None:
    last: deque[str] = deque(maxlen=15)
    latest: dict[str, Any] = {"done_bytes": 0, "total_bytes": None}
    with context.children.start(command, environment=variables) as process:
        stream = process.stdout
        if stream is None:
            raise StepError("internal", "the fetch has no output")
        rest = b""
        while True:
            readable, _, _ = select.select([stream], [], [], 1.0)
            data = os.read(stream.fileno(), 65536) if readable else None
            for raw in (rest + (data or b"")).split(b"\n")[:-1]:
                value = _json_object(raw)
                if "done_bytes" in value:
                    latest = value
                else:
                    last.append(raw.decode(errors="replace"))
            rest = (rest + (data or b"")).rsplit(b"\n", 1)[-1]
            context.progress_sometimes(latest)
            if data == b"":
                break
        status = process.wait()
    if status:
        raise StepError(
            "fetch_failed",
            last[-1] if last else f"the fetch ended with exit code {status}",
            remedy="run the command again: what has arrived is kept",
            detail="\n".join(last) or None,
        )
    context.progress(latest)


def checked_path(path: str) -> PurePosixPath:
    """Return ``path`` if it stays below its folder and is no hidden bookkeeping. Raises StepError."""
    if not safe_path(path) or any(part.startswith(".") for part in path.split("/")):
        raise StepError("bad_path", f"{path!r} cannot be a file of an artifact")
    return PurePosixPath(path)


def _checked(artifact: str) -> str:
    if not IDENTIFIER.fullmatch(artifact):
        raise StepError("bad_arguments", f"{artifact!r} is not an artifact's id")
    return artifact


def _partial(paths: NodePaths, artifact: str) -> Path:
    return paths.artifacts / f".partial-{_checked(artifact)}"


def _stamp(path: Path) -> list[int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return [status.st_size, status.st_mtime_ns]


def _remembered(partial: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((partial / HASHES).read_text()))
    except (FileNotFoundError, ValueError):
        return {}


def _remember(partial: Path, files: dict[str, tuple[Path, str]]) -> None:
    known = _remembered(partial)
    known |= {path: {"sha256": sha256, "stamp": _stamp(target)} for path, (target, sha256) in files.items()}
    write_atomically(partial / HASHES, json.dumps(known).encode())


def _hash(context: Context, path: Path) -> str:
    context.progress_sometimes({"message": f"checking {path.name}"})
    return file_sha256(path)


def _manifest(folder: Path) -> Manifest:
    try:
        return read_manifest((folder / MANIFEST_NAME).read_bytes())
    except (OSError, ArtifactError) as error:
        remedy = f"delete {folder} and run `garnet up` again"
        raise StepError("damaged", f"artifact {folder.name}: {error}", remedy=remedy) from error


def _newest_release(paths: NodePaths) -> str:
    from node_scripts.agent.release import releases  # noqa: PLC0415 -- only before the first link

    found = releases(paths)
    if not found:
        raise StepError("no_release", "no release is on this node", remedy="push one first")
    return found[0]


def _hub_variables() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("HF_")}


def _json_object(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
