"""Where a request goes: a pure decision over plain data.

The own loader first, while it has a free place. When it is full, or a probe of it has just failed,
a peer with a free place. When nobody has one: the own queue, then a peer's. A request that was
forwarded once stays here, and is not kept waiting for a loader that does not answer: the node
that forwarded it knows better places.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class OwnView:
    """The node's own active loader of the model, as one request sees it."""

    usable: bool
    """It answers (``ready``), or did until its last probe (``suspect``)."""
    doubtful: bool
    """Its last probe failed."""
    free: bool
    """It has a place, and its isolation lane is free if the request is a suspect."""
    tried: bool
    """This request broke there before."""


@dataclass(frozen=True, slots=True)
class PeerView:
    """A reachable peer that lists the model."""

    name: str
    ready: bool
    load: float
    """(in flight + queued) / concurrency; 1 is full."""
    room: float
    """The load at which its queue is full."""
    tried: bool
    """This request failed there before."""


class Verdict(Enum):
    """What to do with the request now."""

    OWN = "own"
    PEER = "peer"
    WAIT = "wait"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Route:
    """A verdict, with the peer's name where it is PEER."""

    verdict: Verdict
    peer: str = ""


def _least_loaded(peers: Iterable[PeerView]) -> Route | None:
    best = min(peers, key=lambda peer: (peer.tried, peer.load, peer.name), default=None)
    return None if best is None else Route(Verdict.PEER, best.name)


def choose(  # noqa: PLR0911 -- one return a rule
    own: OwnView | None, peers: Sequence[PeerView], *, forwarded: bool, queue_full: bool
) -> Route:
    """Decide for one request; ``own`` is ``None`` without an active loader here."""
    if forwarded and (own is None or not own.usable):
        return Route(Verdict.UNAVAILABLE)
    reachable = [] if forwarded else peers
    able = own is not None and own.usable and own.free
    if able and own is not None and not own.doubtful and not own.tried:
        return Route(Verdict.OWN)
    ready = [peer for peer in reachable if peer.ready]
    if route := _least_loaded(peer for peer in ready if peer.load < 1 and not peer.tried):
        return route
    if able:
        return Route(Verdict.OWN)
    if route := _least_loaded(peer for peer in ready if peer.load < 1):
        return route
    own_queue = own is not None and own.usable and not queue_full
    if own_queue:
        return Route(Verdict.WAIT)
    if route := _least_loaded(peer for peer in ready if peer.load < peer.room):
        return route
    expected_back = own is not None or any(not peer.ready for peer in reachable)
    if expected_back and not queue_full:
        return Route(Verdict.WAIT)
    return Route(Verdict.BUSY if expected_back or ready else Verdict.UNAVAILABLE)
