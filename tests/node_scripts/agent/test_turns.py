"""Nodes that each have to take a model out for a while do it one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from node_scripts.agent import slots
from node_scripts.agent.context import Context
from node_scripts.agent.turns import may_leave, wait_for_turn
from tests.node_scripts.agent.local_agent import context_at

TURN_S = 3.0


def peer(name: str, *, ready: bool = False, away: bool = False, reachable: bool = True) -> dict[str, Any]:
    """Return a peer of the control socket's status."""
    return {
        "name": name,
        "reachable": reachable,
        "models": ["m"] if ready else [],
        "away": ["m"] if away else [],
    }


def status(*peers: dict[str, Any], state: str | None = "ready") -> dict[str, Any]:
    """Return what the proxy of node ``c`` says; ``state`` is its own loader's."""
    active = None if state is None else {"state": state}
    return {"node": "c", "slots": [{"model": "m", "active": active}], "peers": list(peers)}


def test_with_nobody_else_who_has_the_model_there_is_nobody_to_wait_for() -> None:
    """A peer without it, and one that is unreachable."""
    assert may_leave(status(), "m", 0, TURN_S)
    assert may_leave(status(peer("a"), peer("b", ready=True, reachable=False)), "m", 0, TURN_S)


def test_the_first_by_name_begins_at_once() -> None:
    """While a peer serves."""
    assert may_leave(status(peer("d", ready=True)), "m", 0, TURN_S)


def test_the_others_let_those_before_them_be_seen_first() -> None:
    """One turn for each."""
    served = status(peer("a", ready=True), peer("b", ready=True))
    assert not may_leave(served, "m", 2 * TURN_S - 0.1, TURN_S)
    assert may_leave(served, "m", 2 * TURN_S, TURN_S)


def test_while_the_only_other_one_is_away_it_is_waited_for() -> None:
    """Away is not gone: it starts its loader; of two others one is enough."""
    assert not may_leave(status(peer("d", away=True)), "m", 100, TURN_S)
    assert may_leave(status(peer("d", away=True), peer("e", ready=True)), "m", 0, TURN_S)


@pytest.mark.parametrize("state", [None, "down"])
def test_a_node_that_serves_nobody_waits_for_nobody(state: str | None) -> None:
    """Its loader crashed, or is out already."""
    assert may_leave(status(peer("d", away=True), state=state), "m", 0, TURN_S)


def test_a_proxy_of_an_older_release_says_nothing_of_those_that_are_away() -> None:
    """Its status has no such key."""
    older = peer("d")
    del older["away"]
    assert may_leave(status(older), "m", 0, TURN_S)


def test_it_waits_until_the_peer_is_back_and_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says what it waits for."""
    monkeypatch.setattr("node_scripts.agent.turns.LOOK_EVERY_S", 0.001)
    away, back = status(peer("d", away=True)), status(peer("d", ready=True))
    answers = iter([away, away, back])
    monkeypatch.setattr(slots, "proxy_status", lambda _: next(answers))
    context: Context = context_at(tmp_path)
    wait_for_turn(context, "m")
    assert next(answers, None) is None
    monkeypatch.setattr(slots, "proxy_status", lambda _: away)
    wait_for_turn(context, "m", patience_s=0.01)
