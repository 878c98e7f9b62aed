"""Steps on alerts: silences, and a test message by this node's own way out."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from node_scripts.agent.context import Context, make_folder
from node_scripts.agent.environment import environments
from node_scripts.agent.errors import StepError
from node_scripts.agent.events import note_event
from node_scripts.files import write_atomically
from node_scripts.paths import NodePaths

SCHEMA = 1
KEPT_S = 24 * 3600.0
"""How long a silence that has ended stays in the file."""
FIELDS: dict[str, type | tuple[type, ...]] = {
    "id": str,
    "rule": str,
    "node": str,
    "until_unix": (int, float),
    "reason": str,
    "who": str,
    "created_unix": (int, float),
}


def read_silences(context: Context) -> dict[str, Any]:
    """Return this node's silences. Raises StepError (``damaged``)."""
    return {"silences": _silences(context.paths)}


def change_silences(
    context: Context,
    *,
    add: dict[str, Any] | None,
    end: list[str],
    now_unix: float,
    event: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Add a silence, end those of the identifiers ``end`` now, and return all; old ones are left out.

    ``event`` is what to note (see ``note_event``) where that changed anything.
    """
    if add is not None and not _is_silence(add):
        raise StepError("bad_arguments", "that is no silence")
    before = _silences(context.paths)
    known = [one for one in before if add is None or one["id"] != add["id"]] + ([add] if add else [])
    ended = [
        {**one, "until_unix": now_unix} if one["id"] in end and one["until_unix"] > now_unix else one
        for one in known
    ]
    after = [one for one in ended if one["until_unix"] > now_unix - KEPT_S]
    if after != before:
        content = json.dumps({"schema": SCHEMA, "silences": after}, indent=2, ensure_ascii=False)
        make_folder(context.paths.state)
        write_atomically(context.paths.silences_file, f"{content}\n".encode())
        if event is not None:
            note_event(context, **event)
    return {"silences": after}


def try_route(context: Context, *, route: str) -> dict[str, Any]:
    """Send a marked test message on a route with this node's release, environment and secrets.

    Returns how each URL took it. Errors: ``no_release``, ``no_environment``, ``failed``.
    """
    paths = context.paths
    if not paths.current.is_dir():
        raise StepError("no_release", "this node has no release yet", remedy="run `garnet up`")
    built = [paths.environments / name for name in environments(paths.environments)]
    if not built:
        raise StepError("no_environment", "this node has no environment yet", remedy="run `garnet up`")
    python = max(built, key=lambda folder: folder.stat().st_mtime) / "bin" / "python"
    command = [str(python), "-m", "node_scripts.monitor.alerts", "--root", str(paths.root), "--route", route]
    variables = {**os.environ, "PYTHONPATH": str(paths.current), "PYTHONWARNINGS": "ignore"}
    with context.children.start(command, environment=variables) as process:
        output = process.stdout.read().decode(errors="replace") if process.stdout else ""
        process.wait()
    lines = output.strip().splitlines() or ["no output"]
    try:
        return dict(json.loads(lines[-1]))
    except (ValueError, TypeError):
        raise StepError("failed", f"the test message failed: {lines[-1][:200]}", detail=output) from None


def _silences(paths: NodePaths) -> list[dict[str, Any]]:
    path: Path = paths.silences_file
    try:
        found = json.loads(path.read_bytes())
        silences = [one for one in found["silences"] if _is_silence(one)]
        if found["schema"] > SCHEMA:
            raise StepError("damaged", f"{path} was written by a newer Garnet", remedy="use that one")
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError) as error:
        raise StepError("damaged", f"{path} is damaged: {error}", remedy=f"delete {path} there") from error
    return silences


def _is_silence(one: Any) -> bool:
    return isinstance(one, dict) and all(isinstance(one.get(name), kind) for name, kind in FIELDS.items())
