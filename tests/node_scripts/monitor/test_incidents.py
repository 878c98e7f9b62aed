"""Incidents open, grow and close by alerts and restarts."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from node_scripts.events import new_event
from node_scripts.monitor.incidents import IncidentBook, IncidentState
from node_scripts.records import Event
from tests.node_scripts.monitor.alerts.simulation import (
    START_UNIX,
    Fleet,
    Simulation,
    config_of,
    model_sample,
)


class Book:
    """A book of node a, fed with events at given seconds."""

    def __init__(self) -> None:
        """Begin at second 0."""
        self.book = IncidentBook(config_of())
        self.second = 0.0

    def take(self, *events: Event, after_s: float = 5.0) -> list[Event]:
        """Take events in, ``after_s`` seconds after the last ones."""
        self.second += after_s
        return self.book.step(START_UNIX + self.second, after_s, events)

    def alert(self, action: str, rule: str = "disk", **detail: Any) -> Event:
        """Return an alert's event of now."""
        whole = {"node": "a", "subject": "", "severity": "critical", "since_unix": self.now, **detail}
        return self._event("alert", rule, action, whole)

    def restart(self, model: str = "m") -> Event:
        """Return a loader's restart of now."""
        return self._event("restart", "loader-3", "restarted", {"model": model})

    @property
    def now(self) -> float:
        """The time of the next events."""
        return START_UNIX + self.second

    def _event(self, kind: Any, subject: str, action: str, detail: dict[str, Any]) -> Event:
        return new_event(
            time_unix=self.now,
            fleet="rack",
            node="a",
            kind=kind,
            subject=subject,
            action=action,
            detail=detail,
        )


def test_critical_alert_opens_an_incident_and_its_end_closes_it() -> None:
    """With cause, node, begin and end."""
    book = Book()
    [opened] = book.take(book.alert("fired"))
    assert (opened.kind, opened.action) == ("incident", "opened")
    assert opened.subject.startswith("a-2026")
    assert opened.detail["cause"] == "disk"
    assert book.book.open_ids() == [opened.subject]
    [closed] = book.take(book.alert("resolved"), after_s=60)
    assert (closed.subject, closed.action) == (opened.subject, "closed")
    assert closed.detail["begin_unix"] == START_UNIX
    assert closed.detail["end_unix"] == START_UNIX + 5
    assert book.book.open_ids() == []


@pytest.mark.parametrize("action", ["resolved", "dropped", "handed back"])
def test_every_end_of_an_alert_counts(action: str) -> None:
    """Also of one that nobody was told of."""
    book = Book()
    book.take(book.alert("fired"))
    assert [event.action for event in book.take(book.alert(action))] == ["closed"]


def test_warnings_open_no_incident() -> None:
    """They are alerts only."""
    book = Book()
    assert book.take(book.alert("fired", severity="warning")) == []


def test_what_else_happens_to_the_node_joins_its_incident() -> None:
    """One incident with two causes and the model; closed when both are over."""
    book = Book()
    [opened] = book.take(book.alert("fired", "proxy-down"))
    [joined] = book.take(book.alert("fired", "model-down", subject="m"))
    assert (joined.subject, joined.action) == (opened.subject, "joined")
    assert (joined.detail["causes"], joined.detail["models"]) == (["proxy-down", "model-down"], ["m"])
    assert book.take(book.alert("resolved", "proxy-down")) == []
    assert [event.action for event in book.take(book.alert("resolved", "model-down", subject="m"))] == [
        "closed"
    ]


def test_incidents_of_two_nodes_are_two() -> None:
    """The one who speaks tells one for each missing node."""
    book = Book()
    opened = book.take(
        book.alert("fired", "node-missing", node="b", subject="b"),
        book.alert("fired", "node-missing", node="c", subject="c"),
    )
    assert [event.detail["node"] for event in opened] == ["b", "c"]
    assert all(event.detail["models"] == [] for event in opened)


def test_restarts_are_grouped_until_ten_minutes_pass_without_one() -> None:
    """Three restarts are one incident, which ended with the last of them."""
    book = Book()
    told = book.take(book.restart())
    for _ in range(2):
        told += book.take(book.restart(), after_s=300)
    assert len(book.book.open_ids()) == 1
    last_unix = book.now
    told += book.take(after_s=595)
    told += book.take()
    assert [event.action for event in told] == ["opened", "closed"]
    assert told[1].detail["restarts"] == 3
    assert told[1].detail["severity"] == "warning"
    assert told[1].detail["end_unix"] == last_unix - 300


def test_restarted_monitor_closes_what_it_had_opened() -> None:
    """The state goes through its encoding."""
    book = Book()
    [opened] = book.take(book.alert("fired"))
    state = msgspec.json.decode(msgspec.json.encode(book.book.state()), type=IncidentState)
    book.book = IncidentBook(config_of(), state)
    assert [event.subject for event in book.take(book.alert("resolved"))] == [opened.subject]
    with pytest.raises(ValueError, match="newer"):
        IncidentBook(config_of(), IncidentState(schema=99))


def test_engine_s_own_events_open_and_close_incidents() -> None:
    """A dead loader, from the samples on."""
    node = Simulation()
    book = IncidentBook(node.config)
    actions = []
    for state in ["ready"] * 12 + ["down"] * 40 + ["ready"] * 40:
        events = node.step(models={"m": model_sample(state)})
        told = book.step(START_UNIX + node.second, 5.0, events)
        actions += [(event.action, event.detail["models"]) for event in told]
    assert actions == [("opened", ["m"]), ("closed", ["m"])]


def test_missing_node_is_one_incident_of_the_fleet() -> None:
    """Told by the speaker, as its alert is."""
    fleet = Fleet("abc")
    fleet.run(30)
    fleet.dead = {"c"}
    fleet.run(120)
    fleet.dead = set()
    fleet.run(120)
    actions = []
    for name, node in fleet.nodes.items():
        book = IncidentBook(node.config)
        for event in node.raw_events:
            actions += [
                (name, told.action, told.detail["node"]) for told in book.step(event.time_unix, 5.0, [event])
            ]
    assert actions == [("a", "opened", "c"), ("a", "closed", "c")]
