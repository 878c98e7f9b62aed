"""Steps on what a deploy compares with: a node's requests before its change, kept for one that is resumed."""

from __future__ import annotations

from typing import Any

from node_scripts.agent.context import Context, make_folder
from node_scripts.agent.trial import deploy_folder, read_object, write_object

EVIDENCE_FILE = "evidence.json"
MOST_REQUESTS = 2000


def keep_evidence(context: Context, *, deploy: str, requests: list[dict[str, Any]]) -> dict[str, Any]:
    """Keep figures of requests beside the deploy's snapshot, unless some are kept already."""
    path = make_folder(deploy_folder(context.paths, deploy)) / EVIDENCE_FILE
    if not path.exists():
        write_object(path, {"requests": requests[-MOST_REQUESTS:]})
    return {}


def read_evidence(context: Context, *, deploy: str) -> list[dict[str, Any]]:
    """Return what ``keep_evidence`` kept; nothing where it kept nothing."""
    found = read_object(deploy_folder(context.paths, deploy) / EVIDENCE_FILE)
    return list(found["requests"]) if found else []
