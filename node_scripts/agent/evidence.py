"""Steps on what a deploy compares with: a node's requests before its change, kept for one that is resumed."""

from __future__ import annotations

from typing import Any

from node_scripts.agent.context import Context, make_folder
from node_scripts.agent.trial import deploy_folder, read_object, write_object

EVIDENCE_FILE = "evidence.json"
MOST_REQUESTS = 5000


def keep_evidence(
    context: Context, *, deploy: str, requests: list[dict[str, Any]], scope: dict[str, Any]
) -> dict[str, Any]:
    """Keep figures of requests beside the deploy's snapshot, unless some are kept already.

    ``scope`` is what a resumed deploy must have in common with this one: its release, its nodes.
    """
    path = make_folder(deploy_folder(context.paths, deploy)) / EVIDENCE_FILE
    if not path.exists():
        write_object(path, {"requests": requests[-MOST_REQUESTS:], "scope": scope})
    return {}


def read_evidence(context: Context, *, deploy: str) -> dict[str, Any]:
    """Return what ``keep_evidence`` kept, ``requests`` and ``scope``; both empty where it kept nothing."""
    found = read_object(deploy_folder(context.paths, deploy) / EVIDENCE_FILE) or {}
    return {"requests": list(found.get("requests", [])), "scope": dict(found.get("scope", {}))}
