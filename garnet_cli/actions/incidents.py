"""Incidents in the store: read them, and add the operator's notes."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable

import msgspec

from garnet_cli.errors import UsageError
from garnet_cli.judge.incidents import Incident, begin_in, incidents_of
from node_scripts.events import new_event
from node_scripts.records import Event
from node_scripts.store.layout import events_key
from node_scripts.store.objects import ObjectStore

OPERATOR = "operator"
"""The node under whose name the operator's side writes events."""
AROUND_S = 86400.0
LONGEST_NOTE = 2000

ReadEvents = Callable[[float, float], Iterable[Event]]
"""Returns the fleet's events from one time up to another."""


def incidents(read: ReadEvents, begin_unix: float, now_unix: float) -> list[Incident]:
    """Return the incidents that were told since ``begin_unix``, the latest first."""
    return incidents_of(read(begin_unix, now_unix))


def note(
    store: ObjectStore,
    read: ReadEvents,
    *,
    fleet: str,
    identifier: str,
    cause: str,
    fix: str,
    who: str,
    now_unix: float,
) -> Incident:
    """Write a note on an incident into the store and return the incident with it.

    Raises UsageError for an incident that the store does not know, and for a note without content or
    one that is too long.
    """
    if not cause and not fix:
        raise UsageError("a note needs --cause, --fix or both")
    if max(len(cause), len(fix)) > LONGEST_NOTE:
        raise UsageError(f"a note takes at most {LONGEST_NOTE} characters each")
    begin_unix = begin_in(identifier)
    known = [] if begin_unix is None else list(read(begin_unix - AROUND_S, now_unix))
    if identifier not in {one.id for one in incidents_of(known)}:
        raise UsageError(f'no incident "{identifier}" in the store', remedy="see `garnet incidents list`")
    event = new_event(
        time_unix=now_unix,
        fleet=fleet,
        node=OPERATOR,
        kind="incident",
        subject=identifier,
        action="noted",
        who=who,
        detail={name: text for name, text in (("cause", cause), ("fix", fix)) if text},
    )
    content = gzip.compress(msgspec.json.encode(event) + b"\n", mtime=0)
    store.put(events_key(fleet, OPERATOR, event.time_unix, event.id), content)
    return next(one for one in incidents_of([*known, event]) if one.id == identifier)
