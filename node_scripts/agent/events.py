"""Events of what operators do to this node: files that the monitor takes into its spool and ships."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from node_scripts.agent.context import Context, make_folder
from node_scripts.agent.errors import StepError
from node_scripts.events import new_event
from node_scripts.files import write_atomically
from node_scripts.paths import NodePaths
from node_scripts.records import EventKind

KINDS = get_args(EventKind)


def note_event(
    context: Context,
    *,
    kind: str,
    subject: str,
    action: str,
    who: str = "",
    detail: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Write one event for the monitor; a node that is in no fleet yet has nobody to tell.

    Each event is a file of its own, renamed in: a reader finds it whole, and may delete it at any time.
    """
    if kind not in KINDS:
        raise StepError("bad_arguments", f"{kind!r} is no kind of event")
    names = _names(context.paths)
    if names is None:
        return {"noted": False}
    fleet, node = names
    now = time.time()
    event = new_event(
        time_unix=now,
        fleet=fleet,
        node=node,
        kind=kind,  # type: ignore[arg-type]
        subject=subject,
        action=action,
        who=who,
        detail=detail,
    )
    line = json.dumps(asdict(event), separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    write_atomically(_free_name(make_folder(context.paths.event_journal), int(now * 1000)), line)
    return {"noted": True}


def _free_name(folder: Path, now_ms: int) -> Path:
    while (path := folder / f"{now_ms:013d}-{os.getpid()}.jsonl").exists():
        now_ms += 1
    return path


def _names(paths: NodePaths) -> tuple[str, str] | None:
    try:
        fleet = json.loads(paths.fleet_file.read_text())
        return str(fleet["fleet"]), str(fleet["node"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError) as error:
        raise StepError(
            "damaged", f"{paths.fleet_file} is damaged: {error}", remedy="run `garnet up`"
        ) from error
