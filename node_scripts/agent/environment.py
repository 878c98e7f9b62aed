"""Building an environment: one venv a lock file, shared by releases and by roots of one host."""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import os
import re
import select
import shutil
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from node_scripts.agent.context import Context, locked, make_folder
from node_scripts.agent.errors import StepError
from node_scripts.agent.uv import find_uv
from node_scripts.files import write_atomically

IDENTIFIER = re.compile(r"[0-9a-f]{16}")
MARKER = ".complete"
WAIT_FOR_OTHER_S = 3600.0
LAST_LINES = 15
CAUSES: Sequence[tuple[str, str, str]] = (
    (
        r"No space left on device|ENOSPC|os error 28",
        "no space is left on the disk",
        "free space on the node",
    ),
    (
        (
            r"no matching distribution|No matching distribution|no wheels with a matching|not find a version"
            r"|no version of|has no usable wheels|unsatisfiable"
        ),
        "a requirement has no matching wheel for this Python and machine",
        "check the node's Python version, or add the wheel to the wheelhouse",
    ),
    (
        r"hashes? (do|does) not match|DO NOT MATCH THE HASHES|Hash mismatch",
        "a wheel's hash differs from the lock file",
        "check what changed the wheel on its way: a mirror, a proxy, the wheelhouse",
    ),
    (
        (
            r"ConnectionError|NewConnectionError|Name or service not known|nodename nor servname|dns error"
            r"|Connection refused|timed out|Network is unreachable|error sending request|ConnectTimeout"
        ),
        "the package index cannot be reached",
        "give the node internet access, or push wheels with `wheelhouse` in the inventory",
    ),
)


def environments(folder: Path) -> list[str]:
    """Return the ids of the complete environments in ``folder``."""
    if not folder.is_dir():
        return []
    return sorted(
        path.name
        for path in folder.iterdir()
        if IDENTIFIER.fullmatch(path.name) and (path / MARKER).is_file()
    )


def identifier(lock: bytes, kind: str) -> str:
    """Return the id of the environment with the requirements of ``lock`` on nodes of one kind.

    ``kind`` is Python's version (``3.11``), system and machine, with a space between.
    """
    return hashlib.sha256(lock + b"\n" + kind.encode()).hexdigest()[:16]


def build_environment(
    context: Context, *, environment: str, release: str, wheelhouse: bool, python: str | None
) -> dict[str, Any]:
    """Build ``environment`` from the release's lock file; a complete one is left alone.

    Two agents may ask at once: the second waits for the first. Errors: ``environment_failed`` with the
    installer's last lines under ``detail``; ``no_release``.
    """
    if not IDENTIFIER.fullmatch(environment):
        raise StepError("bad_arguments", f"{environment!r} is not an environment's id")
    lock = context.paths.releases / release / "node_scripts" / "requirements.lock"
    if not lock.is_file():
        raise StepError("no_release", f"release {release} is not on this node", remedy="push it first")
    folder = make_folder(context.paths.environments) / environment
    if (folder / MARKER).is_file():
        return {"already": True}

    def waiting() -> None:
        context.progress_sometimes({"message": "another agent is building this environment"})

    lock_file = context.paths.environments / f".{environment}.lock"
    with locked(lock_file, waiting, patience_s=WAIT_FOR_OTHER_S) as descriptor:
        if (folder / MARKER).is_file():
            return {"already": True}
        shutil.rmtree(folder, ignore_errors=True)
        wheels = context.paths.wheelhouse if wheelhouse else None
        base = python or sys.executable
        commands = install_commands(find_uv(), base, folder, lock, wheels)
        for command in commands:
            _run(context, command, descriptor)
        write_atomically(folder / MARKER, b"", mode=0o644)
    return {"already": False}


def install_commands(
    uv: str | None, python: str, folder: Path, lock: Path, wheels: Path | None
) -> list[list[str]]:
    """Return the commands that make ``folder`` a venv of ``python`` with the locked requirements."""
    inside = str(folder / "bin" / "python")
    source = ["--no-index", "--find-links", str(wheels)] if wheels else []
    options = ["--require-hashes", *source, "--requirement", str(lock)]
    if uv:
        return [
            [uv, "venv", "--no-project", "--no-config", "--python", python, str(folder)],
            [uv, "pip", "install", "--no-config", "--python", inside, *options],
        ]
    pip = [inside, "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    return [
        [python, "-I", "-m", "venv", str(folder)],
        [*pip, "--only-binary", ":all:", *options],
    ]


def installer_environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for installers: a home for their caches, and the network's settings."""
    kept = {
        name: value
        for name, value in ours.items()
        if name in ("HOME", "USER", "TMPDIR", "LANG")
        or name.lower() in ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
        or name.startswith(("PIP_", "UV_", "SSL_CERT_"))
    }
    path = "/usr/bin:/bin:/usr/sbin:/sbin"
    return {"PATH": path, "NO_COLOR": "1", "UV_NO_PROGRESS": "1", **kept}


def explain(lines: Sequence[str]) -> tuple[str, str | None]:
    """Return the likely cause of a failed install and its remedy, from the installer's last lines."""
    text = "\n".join(lines)
    for pattern, message, remedy in CAUSES:
        if re.search(pattern, text):
            return message, remedy
    last = next((line.strip() for line in reversed(lines) if line.strip()), "no output")
    return last, None


def _run(context: Context, command: Sequence[str], lock_descriptor: int) -> None:
    """Run an installer, passing its lines on; its child keeps the lock if this agent is killed."""
    lines: deque[str] = deque(maxlen=LAST_LINES)
    variables = installer_environment(os.environ)
    with context.children.start(command, environment=variables, keep_open=[lock_descriptor]) as process:
        for line in _lines(process.stdout.fileno() if process.stdout else -1, context):
            lines.append(line)
            context.progress_sometimes({"message": line})
        status = process.wait()
    if status:
        message, remedy = explain(list(lines))
        raise StepError(
            "environment_failed",
            f"building the environment failed: {message}",
            remedy=remedy,
            detail="\n".join([" ".join(command), *lines]),
        )


def _lines(descriptor: int, context: Context) -> Any:
    """Yield the output's lines; a silent installer still shows life to the operator."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    rest = ""
    while True:
        readable, _, _ = select.select([descriptor], [], [], 1.0)
        if not readable:
            context.progress_sometimes({"message": "installing"})
            continue
        data = b""
        with contextlib.suppress(InterruptedError):
            data = os.read(descriptor, 65536)
        *whole, rest = (rest + decoder.decode(data)).split("\n")
        yield from (line.rstrip() for line in whole if line.strip())
        if not data:
            if rest.strip():
                yield rest.strip()
            return
