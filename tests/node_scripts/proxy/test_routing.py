"""Where a request goes."""

from __future__ import annotations

from node_scripts.proxy.routing import OwnView, PeerView, Route, Verdict, choose


def own(*, usable: bool = True, doubtful: bool = False, free: bool = True, tried: bool = False) -> OwnView:
    """Make an own loader, well and free unless told otherwise."""
    return OwnView(usable=usable, doubtful=doubtful, free=free, tried=tried)


def peer(
    name: str = "two", *, ready: bool = True, load: float = 0.0, room: float = 9.0, tried: bool = False
) -> PeerView:
    """Make a peer, ready and idle unless told otherwise."""
    return PeerView(name=name, ready=ready, load=load, room=room, tried=tried)


def decide(
    mine: OwnView | None, *peers: PeerView, forwarded: bool = False, queue_full: bool = False
) -> Route:
    """Choose."""
    return choose(mine, peers, forwarded=forwarded, queue_full=queue_full)


def test_own_loader_with_a_free_place_comes_first() -> None:
    """No hop where none is needed."""
    assert decide(own(), peer()) == Route(Verdict.OWN)


def test_full_own_loader_sends_to_a_peer_with_a_free_place() -> None:
    """An idle peer beats the own queue."""
    assert decide(own(free=False), peer(load=0.5)) == Route(Verdict.PEER, "two")


def test_without_any_free_place_the_own_queue_is_used_before_a_peers() -> None:
    """Waiting here costs no hop."""
    assert decide(own(free=False), peer(load=1.0)) == Route(Verdict.WAIT)


def test_full_own_queue_overflows_to_a_peers_queue_with_room() -> None:
    """Room anywhere is used before anybody is sent away."""
    assert decide(own(free=False), peer(load=2.0), queue_full=True) == Route(Verdict.PEER, "two")


def test_everything_full_is_busy() -> None:
    """No place and no queue."""
    assert decide(own(free=False), peer(load=9.0), queue_full=True) == Route(Verdict.BUSY)


def test_least_loaded_ready_peer_is_chosen() -> None:
    """Unready peers do not count, however idle."""
    peers = peer("two", load=0.5), peer("three", load=0.25), peer("four", ready=False)
    assert decide(None, *peers) == Route(Verdict.PEER, "three")


def test_doubtful_own_loader_is_used_only_without_a_free_peer() -> None:
    """A failed probe is a reason to look elsewhere, not to refuse."""
    assert decide(own(doubtful=True), peer()) == Route(Verdict.PEER, "two")
    assert decide(own(doubtful=True), peer(load=1.0)) == Route(Verdict.OWN)


def test_places_where_it_failed_come_last() -> None:
    """Another place first; the same one again only if it is well and nobody else is there."""
    assert decide(own(tried=True), peer()) == Route(Verdict.PEER, "two")
    assert decide(own(tried=True), peer(tried=True)) == Route(Verdict.OWN)
    assert decide(None, peer(tried=True), peer("three", load=0.9)) == Route(Verdict.PEER, "three")


def test_forwarded_requests_stay_here() -> None:
    """One hop at most, and no waiting for a loader that does not answer."""
    assert decide(own(free=False), peer(), forwarded=True) == Route(Verdict.WAIT)
    assert decide(own(usable=False), peer(), forwarded=True) == Route(Verdict.UNAVAILABLE)
    assert decide(None, peer(), forwarded=True) == Route(Verdict.UNAVAILABLE)


def test_a_down_loader_is_waited_for_when_no_peer_is_ready() -> None:
    """It may be back before the deadline."""
    assert decide(own(usable=False), peer()) == Route(Verdict.PEER, "two")
    assert decide(own(usable=False)) == Route(Verdict.WAIT)
    assert decide(None, peer(ready=False)) == Route(Verdict.WAIT)


def test_nobody_able_is_unavailable() -> None:
    """No loader here and no peer that has one."""
    assert decide(None) == Route(Verdict.UNAVAILABLE)
