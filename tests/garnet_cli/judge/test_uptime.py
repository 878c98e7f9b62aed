"""Uptime from minutes: own coverage first, then what peers saw, else unknown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from garnet_cli.judge.uptime import Uptime, uptime
from node_scripts.records import Minute, MonitorMinute, PeerMinute

NODES = ["a", "b", "c"]


def minute(
    node: str,
    number: int = 0,
    *,
    up_s: float = 60.0,
    down_s: float = 0.0,
    peers: dict[str, tuple[float, float]] | None = None,
    part: int = 0,
) -> Minute:
    """Return a minute; ``peers`` by name: seconds observed and seconds unreachable."""
    return Minute(
        fleet="rack",
        node=node,
        minute_unix=60 * number,
        part=part,
        sealed_unix=0,
        covered_s=up_s + down_s,
        monitor=MonitorMinute(proxy_up_s=up_s, proxy_down_s=down_s),
        peers={
            name: PeerMinute(observed_s=observed, unreachable_s=unreachable)
            for name, (observed, unreachable) in (peers or {}).items()
        },
    )


def of_a(*minutes: Minute) -> Uptime:
    """Return node a's uptime of the first minute."""
    return uptime(minutes, ["a"], 0, 60).nodes["a"]


def test_own_minute_counts_as_it_says() -> None:
    """Up while its proxy was."""
    assert of_a(minute("a", up_s=45, down_s=15)) == Uptime(up_s=45, down_s=15)


def test_node_that_says_nothing_is_what_its_peers_saw() -> None:
    """Missing minutes of a dead node are down, not unknown."""
    assert of_a(minute("b", peers={"a": (60, 60)})) == Uptime(down_s=60)
    assert of_a(minute("b", peers={"a": (60, 20)})) == Uptime(up_s=40, down_s=20)


def test_one_peer_that_reached_it_is_enough() -> None:
    """The other was cut off itself."""
    seen = [minute("b", peers={"a": (60, 60)}), minute("c", peers={"a": (60, 0)})]
    assert of_a(*seen) == Uptime(up_s=60)


def test_without_any_word_it_is_unknown() -> None:
    """Neither up nor down."""
    found = of_a(minute("b"))
    assert found == Uptime(unknown_s=60)
    assert (found.uptime_pct, found.complete_pct) == (None, 0.0)


def test_node_that_died_within_the_minute() -> None:
    """It was up for 20 s by its own word, and what peers missed is the rest."""
    assert of_a(minute("a", up_s=20), minute("b", peers={"a": (60, 37)})) == Uptime(
        up_s=23, down_s=37, unknown_s=0
    )


def test_what_the_node_says_of_its_proxy_explains_what_peers_missed() -> None:
    """Its 20 s without a proxy are the 20 s that the peer missed, not 20 more."""
    seen = [minute("a", up_s=0, down_s=20), minute("b", peers={"a": (60, 20)})]
    assert of_a(*seen) == Uptime(up_s=40, down_s=20)


def test_node_that_runs_but_that_no_peer_reaches_is_up_and_cut_off() -> None:
    """Both are told."""
    seen = [minute("a"), minute("b", peers={"a": (60, 50)}), minute("c", peers={"a": (60, 40)})]
    assert of_a(*seen) == Uptime(up_s=60, cut_off_s=40)


def test_parts_of_a_minute_add_up() -> None:
    """The clock went back: two parts are one minute, and never more than one."""
    assert of_a(minute("a", up_s=30), minute("a", up_s=20, down_s=10, part=1)) == Uptime(up_s=50, down_s=10)
    assert of_a(minute("a"), minute("a", part=1)) == Uptime(up_s=60)


def test_fleet_is_the_sum_and_serves_while_one_node_is_up() -> None:
    """One of two nodes down for a minute: half of the fleet, and no client noticed."""
    found = uptime([minute("a"), minute("b", peers={"a": (60, 0)}, up_s=0, down_s=60)], ["a", "b"], 0, 120)
    assert found.fleet == Uptime(up_s=60, down_s=60, unknown_s=120)
    assert found.fleet.uptime_pct == 50.0
    assert found.serving == Uptime(up_s=60, unknown_s=60)
    assert found.serving.complete_pct == 50.0


def test_window_must_consist_of_whole_minutes() -> None:
    """Half a minute cannot be told."""
    with pytest.raises(ValueError, match="full minute"):
        uptime([], NODES, 30, 90)


seconds = st.floats(0, 70)
generated = st.lists(
    st.builds(
        lambda node, number, up, down, peers: minute(node, number, up_s=up, down_s=down, peers=peers),
        st.sampled_from(NODES),
        st.integers(0, 5),
        seconds,
        seconds,
        st.dictionaries(
            st.sampled_from(NODES), seconds.flatmap(lambda most: st.tuples(st.just(most), st.floats(0, most)))
        ),
    ),
    max_size=20,
    unique_by=lambda each: (each.node, each.minute_unix),
)


@given(generated, st.randoms())
def test_every_second_is_up_down_or_unknown(minutes: list[Minute], random: object) -> None:
    """For every node and in any order of the minutes; what was cut off was up."""
    found = uptime(minutes, NODES, 0, 360)
    for part in (*found.nodes.values(), found.serving):
        assert part.up_s + part.down_s + part.unknown_s == pytest.approx(360)
        assert min(part.up_s, part.down_s, part.unknown_s, part.cut_off_s) >= 0
        assert part.cut_off_s <= part.up_s + 1e-9
        assert part.uptime_pct is None or 0 <= part.uptime_pct <= 100 + 1e-9
    assert found.fleet.up_s == pytest.approx(sum(part.up_s for part in found.nodes.values()))
    assert found.serving.up_s >= max(part.up_s for part in found.nodes.values()) - 1e-6
    random.shuffle(minutes)  # type: ignore[attr-defined]
    again = uptime(minutes, NODES, 0, 360)
    assert again.fleet.up_s == pytest.approx(found.fleet.up_s)


@given(generated, st.integers(0, 6))
def test_two_windows_are_their_sum(minutes: list[Minute], cut: int) -> None:
    """A month's uptime follows from its days'."""
    whole = uptime(minutes, NODES, 0, 360)
    first, second = uptime(minutes, NODES, 0, 60 * cut), uptime(minutes, NODES, 60 * cut, 360)
    for node in NODES:
        both = first.nodes[node] + second.nodes[node]
        assert (both.up_s, both.down_s) == pytest.approx((whole.nodes[node].up_s, whole.nodes[node].down_s))


@given(generated)
def test_a_peer_s_word_changes_nothing_that_the_node_itself_knows(minutes: list[Minute]) -> None:
    """Own coverage comes first: without peers' words the node's own seconds are the same or fewer."""
    alone = [replace(each, peers={}) for each in minutes]
    for node in NODES:
        bare, full = uptime(alone, NODES, 0, 360).nodes[node], uptime(minutes, NODES, 0, 360).nodes[node]
        assert full.up_s >= bare.up_s - 1e-6
        assert full.down_s >= bare.down_s - 1e-6
