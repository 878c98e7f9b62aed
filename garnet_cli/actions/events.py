"""What operators do, for the audit log: noted on the node concerned, by the channel that is open anyway."""

from __future__ import annotations

from typing import Any

from node_scripts.records import EventKind


def act(kind: EventKind, subject: str, action: str, who: str, **detail: Any) -> dict[str, Any]:
    """Return one act as the agent's steps take it: as ``event``, or as the arguments of ``note_event``.

    ``detail`` holds figures and names that operators gave, never content and never a secret.
    """
    return {"kind": kind, "subject": subject, "action": action, "who": who, "detail": detail}
