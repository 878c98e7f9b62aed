"""Make events: lines of the audit log with identifiers that sort by time."""

from __future__ import annotations

import secrets
from typing import Any

from node_scripts.records import Event, EventKind


def event_id(time_unix: float) -> str:
    """Return an identifier as records.Event wants it: microseconds as 16 hex digits, 8 random ones."""
    return f"{max(0, int(time_unix * 1e6)):016x}-{secrets.token_hex(4)}"


def new_event(
    *,
    time_unix: float,
    fleet: str,
    node: str,
    kind: EventKind,
    subject: str,
    action: str,
    who: str = "",
    detail: dict[str, Any] | None = None,
) -> Event:
    """Return an event with an identifier of its own."""
    return Event(
        id=event_id(time_unix),
        time_unix=time_unix,
        fleet=fleet,
        node=node,
        kind=kind,
        subject=subject,
        action=action,
        who=who,
        detail=detail or {},
    )
