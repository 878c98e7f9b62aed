"""A deploy's plan: the difference in three kinds, and a digest by which to know it again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Literal

from garnet_cli.judge.difference import Change, ChangeKind

PlanKind = Literal["release", "configuration", "models"]

KINDS: dict[ChangeKind, PlanKind] = {
    "release": "release",
    "environment": "release",
    "supervisor": "release",
    "proxy": "release",
    "retire proxy": "release",
    "monitor": "release",
    "configuration": "configuration",
    "keys": "configuration",
    "secret": "configuration",
    "artifact": "models",
    "finish swap": "models",
    "start loader": "models",
    "swap loader": "models",
    "restart loader": "models",
    "stop loader": "models",
    "stray loader": "models",
}


def nodes_of(changes: Sequence[Change]) -> list[str]:
    """Return the nodes that change, in the order of their first change."""
    return list(dict.fromkeys(change.node for change in changes))


def plan_document(changes: Sequence[Change], notes: Sequence[str]) -> dict[str, Any]:
    """Return the plan as plain JSON."""
    return {
        "changes": [{**asdict(change), "plan": KINDS[change.kind]} for change in changes],
        "nodes": nodes_of(changes),
        "notes": list(notes),
        "digest": digest(changes),
    }


def digest(changes: Sequence[Change]) -> str:
    """Return what tells whether two plans are the same: of all changes but the words that explain them."""
    content = sorted(_key(change) for change in changes)
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def plan_difference(shown: Sequence[Change], found: Sequence[Change]) -> str:
    """Say in one line how the plan found now differs from the one that was shown; empty if it does not."""
    before = {_key(change): change for change in shown}
    now = {_key(change): change for change in found}
    parts = [
        f"{word} {change.kind} of {change.node} ({change.subject})"
        for word, here, there in (("new: the", now, before), ("gone: the", before, now))
        for key, change in sorted(here.items())
        if key not in there
    ]
    return "; ".join(parts)


def _key(change: Change) -> tuple[str, str, str, str]:
    return (change.node, change.kind, change.subject, change.content)
