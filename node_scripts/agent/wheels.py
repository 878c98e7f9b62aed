"""Steps on the wheelhouse: wheels for installs without internet."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from node_scripts.agent.context import Context, make_folder
from node_scripts.agent.errors import StepError
from node_scripts.agent.payload import store_payload

WHEEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+!-]{0,250}\.whl")


def push_wheel(context: Context, *, name: str, sha256: str) -> dict[str, Any]:
    """Store the payload as one wheel."""
    if not WHEEL.fullmatch(name):
        raise StepError("bad_arguments", f"{name!r} is not a wheel's name")
    folder = make_folder(context.paths.wheelhouse)
    store_payload(
        context.payload, folder / name, sha256, lambda done: context.progress_sometimes({"done_bytes": done})
    )
    return {}


def list_wheels(context: Context) -> dict[str, str]:
    """Return each wheel's SHA-256 by its name."""
    folder = context.paths.wheelhouse
    wheels = (
        sorted(path for path in folder.iterdir() if WHEEL.fullmatch(path.name)) if folder.is_dir() else []
    )
    return {path.name: file_sha256(path) for path in wheels}


def file_sha256(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
