"""Steps on the few small files that an operator may write."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from node_scripts.agent.context import Context, make_folder
from node_scripts.agent.errors import StepError
from node_scripts.agent.events import note_event
from node_scripts.files import write_atomically

ALLOWED = re.compile(
    r"etc/(fleet\.json|keys\.json|secrets\.env|monitor\.json)|state/swap-[A-Za-z0-9][A-Za-z0-9._-]{0,63}\.json"
)
MODES = (0o600, 0o644)
SECRET = re.compile(r"^GARNET_FLEET_SECRET=([0-9a-f]+)$", re.MULTILINE)


def write_file(
    context: Context, *, path: str, content: str, mode: int, event: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Write one of the allowed files; equal content and mode change nothing.

    ``event`` is what to note (see ``note_event``) where that changed the file.
    """
    target = _allowed(context, path)
    if mode not in MODES:
        raise StepError("bad_arguments", f"mode {mode:o} is not one of 600 and 644")
    data = content.encode()
    if _same(target, data, mode):
        return {"changed": False}
    make_folder(target.parent)
    write_atomically(target, data, mode)
    if event is not None:
        note_event(context, **event)
    return {"changed": True}


def delete_file(context: Context, *, path: str, event: dict[str, Any] | None = None) -> dict[str, Any]:
    """Delete one of the allowed files; one that is not there is fine. ``event`` as in ``write_file``."""
    target = _allowed(context, path)
    existed = target.exists()
    if existed and event is not None:
        note_event(context, **event)
    target.unlink(missing_ok=True)
    return {"existed": existed}


def read_secret(context: Context) -> dict[str, Any]:
    """Return the fleet's secret, for a node that is to join it."""
    return {"secret": secret_of(context.paths.secrets_file)}


def secret_of(path: Path) -> str | None:
    """Return the secret in ``path``; ``None`` without one."""
    try:
        found = SECRET.search(path.read_text())
    except FileNotFoundError:
        return None
    return found.group(1) if found else None


def _allowed(context: Context, path: str) -> Path:
    if not ALLOWED.fullmatch(path):
        raise StepError("bad_path", f"{path!r} is not a file that an operator writes")
    return context.paths.root / path


def _same(path: Path, data: bytes, mode: int) -> bool:
    try:
        return path.read_bytes() == data and path.stat().st_mode & 0o777 == mode
    except FileNotFoundError:
        return False
