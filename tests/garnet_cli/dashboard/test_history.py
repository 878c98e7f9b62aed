"""Alerts and incidents from events."""

from __future__ import annotations

from garnet_cli.dashboard.history import episodes, log_lines
from tests.garnet_cli.dashboard.simulated import NOON, event, events


def test_what_goes_on_stands_first() -> None:
    """A day's events: one alert goes on, two alerts and an incident are over."""
    found = episodes(events(NOON))
    assert [(one.subject, one.end_unix is None) for one in found] == [
        ("clock", True),
        ("throttle", False),
        ("latency", False),
        ("mini-6-20261103-062500", False),
    ]
    assert found[0].summary == "2.6 s, threshold 2 s"
    assert (found[2].node, found[2].about) == ("mini-1", "llama-3.3-70b")
    assert found[2].end_unix == NOON - 14_000
    assert (found[3].node, found[3].summary) == ("mini-6", "a fuse blew")
    assert found[3].end_unix is not None
    assert found[3].end_unix - found[3].begin_unix == 4300


def test_an_alert_handed_from_peer_to_peer_is_one() -> None:
    """Two nodes tell of the same missing one: it is one alert, resolved by the second."""
    about = {"node": "mini-6", "subject": "mini-6", "value": 61.0, "unit": "s", "threshold": 15.0}
    found = episodes(
        [
            event(NOON, "alert", "node-missing", "fired", about, by="mini-1"),
            event(NOON + 60, "alert", "node-missing", "taken over", about, by="mini-2"),
            event(NOON + 90, "alert", "node-missing", "resolved", about, by="mini-2"),
        ]
    )
    assert [(one.node, one.about, one.begin_unix, one.end_unix) for one in found] == [
        ("mini-6", "", NOON, NOON + 90)
    ]


def test_an_end_without_its_begin_is_left_out() -> None:
    """It began before the window; nothing is made up about it."""
    assert episodes([event(NOON, "alert", "latency", "resolved")]) == []


def test_log_has_changes_and_restarts_only_latest_first() -> None:
    """Alerts and evictions are not changes."""
    found = log_lines(events(NOON))
    assert [(one.kind, one.action) for one in found] == [("swap", "flip"), ("restart", "restarted")]
    assert found[0].who == "ana@office"


def test_what_was_over_before_the_window_is_left_out_and_what_goes_on_is_not() -> None:
    """An alert that began days ago and still fires is shown."""
    old = [
        event(NOON - 90_000, "alert", "disk", "fired"),
        event(NOON - 90_000, "alert", "swap", "fired"),
        event(NOON - 80_000, "alert", "swap", "resolved"),
        event(NOON - 80_000, "restart", "loader-1", "restarted"),
    ]
    assert [one.subject for one in episodes(old, NOON - 3600)] == ["disk"]
    assert log_lines(old, NOON - 3600) == []


def test_an_incident_shows_what_joined_it_until_a_person_noted_its_cause() -> None:
    """Its causes are rules; an operator's word replaces them."""
    opened = event(
        NOON, "incident", "i-1", "opened", {"node": "b", "causes": ["disk"], "begin_unix": NOON - 9}
    )
    joined = event(NOON + 1, "incident", "i-1", "joined", {"node": "b", "causes": ["disk", "restart"]})
    noted = event(NOON + 2, "incident", "i-1", "noted", {"cause": "a log ran wild"}, by="")
    assert episodes([opened, joined])[0].summary == "disk, restart"
    assert episodes([opened, joined])[0].begin_unix == NOON - 9
    assert episodes([noted, joined, opened])[0].summary == "a log ran wild"
    assert episodes([joined, noted]) == []
