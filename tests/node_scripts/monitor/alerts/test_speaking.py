"""A missing node is raised once, by one of the living, whoever else comes or goes."""

from __future__ import annotations

import pytest

from node_scripts.monitor.alerts.speaking import Hearsay
from tests.node_scripts.monitor.alerts.simulation import Fleet


def test_missing_node_is_raised_once_by_the_first_of_the_living() -> None:
    """Within 60 s of its death, and its return once."""
    fleet = Fleet("abcd")
    fleet.run(60)
    fleet.dead = {"c"}
    fleet.run(600)
    [(speaker, second, kind, subject)] = fleet.told()
    assert (speaker, kind, subject) == ("a", "firing", "c")
    assert second - 60 <= 30
    fleet.dead = set()
    fleet.run(300)
    assert fleet.brief()[1:] == [("a", "resolved", "c")]


def test_first_node_s_death_is_raised_by_the_second() -> None:
    """The speaker itself can die."""
    fleet = Fleet("abc")
    fleet.run(60)
    fleet.dead = {"a"}
    fleet.run(300)
    fleet.dead = set()
    fleet.run(300)
    assert fleet.brief() == [("b", "firing", "a"), ("b", "resolved", "a")]


def test_new_speaker_does_not_raise_again_and_tells_the_return() -> None:
    """The raiser dies after it has raised: the next one takes over and says when the missing is back."""
    fleet = Fleet("abcd")
    fleet.run(30)
    fleet.dead = {"d"}
    fleet.run(120)
    fleet.dead = {"d", "a"}
    fleet.run(300)
    assert fleet.brief() == [("a", "firing", "d"), ("b", "firing", "a")]
    fleet.dead = {"a"}
    fleet.run(120)
    assert fleet.brief()[2:] == [("b", "resolved", "d")]


def test_speaker_that_comes_back_does_not_raise_what_another_has() -> None:
    """The first in order returns while the second has raised a node."""
    fleet = Fleet("abc")
    fleet.run(30)
    fleet.dead = {"a"}
    fleet.run(120)
    fleet.dead = {"a", "c"}
    fleet.run(120)
    fleet.dead = {"c"}
    fleet.run(300)
    assert fleet.brief() == [("b", "firing", "a"), ("b", "firing", "c"), ("b", "resolved", "a")]
    fleet.dead = set()
    fleet.run(300)
    assert fleet.brief()[3:] == [("b", "resolved", "c")]


def test_return_of_the_raiser_ends_what_was_taken_over() -> None:
    """The end is told once, by the one that told the beginning."""
    fleet = Fleet("abcd")
    fleet.run(30)
    fleet.dead = {"d"}
    fleet.run(120)
    fleet.dead = {"d", "a"}
    fleet.run(120)
    fleet.dead = {"d"}
    fleet.run(120)
    fleet.dead = set()
    fleet.run(120)
    assert [told for told in fleet.brief() if told[2] == "d"] == [
        ("a", "firing", "d"),
        ("a", "resolved", "d"),
    ]


def test_fleet_cut_in_two_halves_speaks_for_each_other_once() -> None:
    """Each half has a speaker; when it heals, each says once what it said before."""
    fleet = Fleet("abcd")
    fleet.run(30)
    fleet.reaches = lambda one, other: (one in "ab") == (other in "ab")
    fleet.run(600)
    assert sorted(fleet.brief()) == [
        ("a", "firing", "c"),
        ("a", "firing", "d"),
        ("c", "firing", "a"),
        ("c", "firing", "b"),
    ]
    grouped = [len(message.items) for name in "ac" for message in fleet.nodes[name].messages]
    assert grouped == [2, 2]
    fleet.reaches = lambda _one, _other: True
    fleet.run(300)
    assert sorted(fleet.brief()[4:]) == [
        ("a", "resolved", "c"),
        ("a", "resolved", "d"),
        ("c", "resolved", "a"),
        ("c", "resolved", "b"),
    ]


def test_node_cut_off_with_its_route_tells_nothing_when_it_is_back() -> None:
    """It found all others missing, could not say so, and they are there again."""
    fleet = Fleet("abc")
    fleet.run(30)
    fleet.reaches = lambda one, other: "c" not in (one, other)
    fleet.nodes["c"].down = True
    fleet.run(100)
    fleet.reaches = lambda _one, _other: True
    fleet.nodes["c"].down = False
    fleet.run(600)
    assert fleet.brief() == [("a", "firing", "c"), ("a", "resolved", "c")]
    actions = [(action, subject) for _, action, _, subject in fleet.nodes["c"].events]
    assert actions == [("fired", "a"), ("fired", "b"), ("dropped", "a"), ("dropped", "b")]


def test_second_speaks_when_the_first_cannot_deliver() -> None:
    """Still within a minute, and once."""
    fleet = Fleet("abcd")
    fleet.run(60)
    fleet.nodes["a"].down = True
    fleet.dead = {"d"}
    fleet.run(300)
    [(speaker, second, kind, subject)] = fleet.told()
    assert (speaker, kind, subject) == ("b", "firing", "d")
    assert second - 60 <= 55
    fleet.nodes["a"].down = False
    fleet.run(600)
    fleet.dead = set()
    fleet.run(120)
    assert fleet.brief()[1:] == [("b", "resolved", "d")]
    assert [action for _, action, _, _ in fleet.nodes["a"].events] == ["fired", "dropped"]


def test_flapping_node_is_not_told_each_time() -> None:
    """Two hours of coming and going: a few messages, then it just stays missing."""
    fleet = Fleet("abc")
    for _ in range(60):
        fleet.dead = {"c"}
        fleet.run(60)
        fleet.dead = set()
        fleet.run(60)
    assert len(fleet.told()) <= 5
    fleet.run(1800)
    assert fleet.brief()[-1] == ("a", "resolved", "c")


@pytest.mark.parametrize("gone_s", [5, 10])
def test_heartbeat_missed_for_a_moment_is_nothing(gone_s: float) -> None:
    """A proxy's upgrade or a lost packet raises nothing."""
    fleet = Fleet("abc")
    fleet.run(30)
    fleet.dead = {"c"}
    fleet.run(gone_s)
    fleet.dead = set()
    fleet.run(120)
    assert fleet.told() == []


def test_restarted_monitor_of_the_speaker_goes_on() -> None:
    """In the middle of an alert: not raised again, ended once."""
    fleet = Fleet("abc")
    fleet.run(30)
    fleet.dead = {"c"}
    fleet.run(120)
    fleet.nodes["a"].restart()
    fleet.run(300)
    fleet.dead = set()
    fleet.run(120)
    assert fleet.brief() == [("a", "firing", "c"), ("a", "resolved", "c")]


def test_node_that_was_never_seen_has_ten_minutes_to_come_up() -> None:
    """A fleet's first `up` raises nothing; a node that never comes is raised after all."""
    fleet = Fleet("abc")
    fleet.dead = {"c"}
    fleet.run(500)
    assert fleet.told() == []
    fleet.nodes["a"].restart()
    fleet.run(600)
    assert fleet.brief() == [("b", "firing", "c")]


def test_node_that_was_seen_before_the_monitor_s_restart_is_missed_at_once() -> None:
    """After a power cut one node does not come back."""
    fleet = Fleet("abc")
    fleet.run(30)
    for node in fleet.nodes.values():
        node.restart()
    fleet.dead = {"c"}
    fleet.run(60)
    assert fleet.brief() == [("a", "firing", "c")]


def test_own_proxy_down_says_nothing_of_peers() -> None:
    """Without a proxy a node knows of no peer: unknown is not missing."""
    fleet = Fleet("ab")
    node = fleet.nodes["a"]
    node.run(30, peers={"b": True})
    node.run(300, peers={}, proxy_up=False)
    assert node.firing() == [("proxy-down", "")]


def test_what_a_living_peer_takes_back_is_not_remembered() -> None:
    """It could not deliver: another has to speak."""
    hearsay = Hearsay()
    peers = {"a": True, "c": False}
    hearsay.hear(["c"], ["a", "b"], peers)
    assert "c" in hearsay
    hearsay.hear([], ["a", "b"], peers)
    assert "c" not in hearsay


def test_what_a_peer_had_raised_is_remembered_when_it_goes() -> None:
    """Until the missing one is back, however long, and over a restart."""
    hearsay = Hearsay()
    hearsay.hear(["c"], ["a", "b"], {"a": True, "c": False})
    for _ in range(3):
        hearsay.hear([], ["b"], {"a": False, "c": False})
    again = Hearsay(hearsay.all())
    again.hear([], ["b"], {"a": False, "c": False})
    assert "c" in again
    again.hear([], ["b"], {"a": False, "c": True})
    assert "c" not in again
