"""Incidents as their events tell them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from node_scripts.records import Event

ID = re.compile(r"(?P<node>.+)-(?P<begin>\d{8}-\d{6})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Incident:
    """One incident, with the operator's last word on it."""

    id: str
    node: str
    """The node that it is about."""
    severity: str
    begin_unix: float
    end_unix: float | None = None
    """``None`` while it goes on."""
    causes: list[str] = field(default_factory=list)
    """Rules and ``restart``, the first first."""
    models: list[str] = field(default_factory=list)
    restarts: int = 0
    told_by: str = ""
    """The node whose monitor told it."""
    cause: str = ""
    """What an operator found to be the cause; empty without a note."""
    fix: str = ""
    """What an operator did; likewise."""
    noted_by: str = ""
    noted_unix: float | None = None


def incidents_of(events: Iterable[Event]) -> list[Incident]:
    """Return the incidents that ``events`` tell, the latest first; events may come in any order.

    The last note wins, for cause and fix apart. A note or an end without its begin is left out: the begin
    lies before the events.
    """
    found: dict[str, Incident] = {}
    told = [event for event in events if event.kind == "incident"]
    # Notes come last: the operator's clock is another than the nodes'.
    for event in sorted(told, key=lambda event: (event.action == "noted", event.time_unix, event.id)):
        before = found.get(event.subject)
        if event.action == "opened" and before is None:
            found[event.subject] = _opened(event)
        elif before is not None and event.action == "noted":
            found[event.subject] = _noted(before, event)
        elif before is not None:
            found[event.subject] = _changed(before, event)
    return sorted(found.values(), key=lambda one: (-one.begin_unix, one.id))


def begin_in(identifier: str) -> float | None:
    """Return the begin that an incident's identifier tells; ``None`` if it is none."""
    match = ID.fullmatch(identifier)
    if match is None:
        return None
    try:
        return datetime.strptime(match["begin"] + "+0000", "%Y%m%d-%H%M%S%z").astimezone(UTC).timestamp()
    except ValueError:
        return None


def _opened(event: Event) -> Incident:
    detail = event.detail
    return Incident(
        id=event.subject,
        node=str(detail.get("node", event.node)),
        severity=str(detail.get("severity", "")),
        begin_unix=float(detail.get("begin_unix", event.time_unix)),
        causes=_texts(detail, "causes"),
        models=_texts(detail, "models"),
        told_by=event.node,
    )


def _changed(before: Incident, event: Event) -> Incident:
    detail = event.detail
    after = replace(
        before,
        severity=str(detail.get("severity", before.severity)),
        causes=list(dict.fromkeys([*before.causes, *_texts(detail, "causes")])),
        models=list(dict.fromkeys([*before.models, *_texts(detail, "models")])),
    )
    if event.action != "closed":
        return after
    end_unix = float(detail.get("end_unix", event.time_unix))
    return replace(after, end_unix=end_unix, restarts=int(detail.get("restarts", 0)))


def _noted(before: Incident, event: Event) -> Incident:
    return replace(
        before,
        cause=str(event.detail.get("cause") or before.cause),
        fix=str(event.detail.get("fix") or before.fix),
        noted_by=event.who,
        noted_unix=event.time_unix,
    )


def _texts(detail: dict[str, Any], name: str) -> list[str]:
    value = detail.get(name)
    return [str(each) for each in value] if isinstance(value, list) else []
