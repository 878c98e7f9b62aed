"""Incidents as read from events."""

from __future__ import annotations

from typing import Any

import pytest

from garnet_cli.judge.incidents import begin_in, incidents_of
from node_scripts.events import new_event
from node_scripts.records import Event

BEGIN_UNIX = 1_795_246_200.0
ID = "mini-1-20261121-073000"


def event(action: str, after_s: float, *, node: str = "mini-1", who: str = "", **detail: Any) -> Event:
    """Return an incident's event."""
    return new_event(
        time_unix=BEGIN_UNIX + after_s,
        fleet="rack",
        node=node,
        kind="incident",
        subject=ID,
        action=action,
        who=who,
        detail=detail,
    )


OPENED = event(
    "opened", 5, node="mini-2", severity="critical", causes=["disk"], begin_unix=BEGIN_UNIX, models=[]
)
JOINED = event("joined", 60, severity="critical", causes=["disk", "model-down"], models=["llama"])
CLOSED = event(
    "closed", 300, severity="critical", causes=["disk", "model-down"], end_unix=BEGIN_UNIX + 240, restarts=2
)


def test_events_tell_an_incident_from_begin_to_end_in_any_order() -> None:
    """With all its causes and models."""
    [found] = incidents_of([CLOSED, JOINED, OPENED])
    assert (found.id, found.causes, found.models) == (ID, ["disk", "model-down"], ["llama"])
    assert (found.begin_unix, found.end_unix, found.restarts) == (BEGIN_UNIX, BEGIN_UNIX + 240, 2)
    assert found.told_by == "mini-2"


def test_incident_without_an_end_goes_on() -> None:
    """Its end is unknown."""
    assert incidents_of([OPENED])[0].end_unix is None


def test_last_note_wins_for_cause_and_fix_apart() -> None:
    """Also a note whose writer's clock is behind the nodes'."""
    notes = [
        event("noted", -500, who="ann@desk", cause="log files", fix="deleted them"),
        event("noted", -400, who="bob@desk", cause="a core dump"),
    ]
    [found] = incidents_of([*reversed(notes), OPENED, CLOSED])
    assert (found.cause, found.fix, found.noted_by) == ("a core dump", "deleted them", "bob@desk")
    assert found.end_unix is not None


def test_end_and_note_without_a_begin_are_left_out() -> None:
    """It lies before the events that were read."""
    assert incidents_of([CLOSED, event("noted", 1, cause="x")]) == []


@pytest.mark.parametrize(("text", "begin"), [(ID, BEGIN_UNIX), ("a-b-20261121-073000", BEGIN_UNIX)])
def test_identifier_tells_its_begin(text: str, begin: float) -> None:
    """Nodes' names may hold hyphens."""
    assert begin_in(text) == begin


@pytest.mark.parametrize("text", ["", "x", "-20261121-073000", "a-20261321-073000", "a-20261121"])
def test_what_is_no_identifier_tells_none(text: str) -> None:
    """A mistyped one is found out."""
    assert begin_in(text) is None
