"""What a deploy hears of a node's requests while it is watched."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from garnet_cli.actions.deploy import observe
from garnet_cli.actions.deploy.observe import NodeLog, Observer
from garnet_cli.errors import NodeError, UnreachableError
from garnet_cli.judge.hard_gates import closed_gate
from node_scripts.contracts import ProxyStatus
from node_scripts.records import RequestRecord


class TalkingNode:
    """A node whose proxy answered ``requests``; ``pid`` changes when it is replaced."""

    def __init__(self) -> None:
        """Begin with none."""
        self.name = "one"
        self.pid = os.getpid()
        self.requests: list[RequestRecord] = []
        self.lost = self.silent = self.broken = False

    def answer(self, count: int, **more: Any) -> None:
        """Answer ``count`` requests."""
        values: dict[str, Any] = {"outcome": "answered", "served_by": "loader-1", **more}
        self.requests += [RequestRecord(end_unix=0.0, model="tiny", **values) for _ in range(count)]

    def replace_proxy(self) -> None:
        """Another proxy numbers anew."""
        self.pid, self.requests = self.pid + 1, []

    def ask(self, step: str, *, progress: Callable[[Any], None] | None = None, **arguments: Any) -> Any:
        """Answer the steps that a look is made of."""
        if self.lost:
            raise UnreachableError("the connection broke", node=self.name)
        if self.silent:
            raise NodeError("the proxy does not answer", node=self.name, code="proxy_down")
        if self.broken:
            return {"status": 200, "body": {"nonsense": True}}
        if step == "read_live":
            return {"throttle_pct_5m": 1.5, "sample": {"pressure": 2}}
        if arguments["path"] == "/control/status":
            status = ProxyStatus(
                node="one", pid=self.pid, release="r", started_unix=0, listen="", slots=[], peers=[],
                requests=0, failed=0, rejected=0, in_flight=0,
            )  # fmt: skip
            return {"status": 200, "body": msgspec.to_builtins(status)}
        after = int(arguments["path"].partition("after=")[2])
        body = {"pid": self.pid, "last": len(self.requests), "requests": self.requests[after:]}
        return {"status": 200, "body": msgspec.to_builtins(body)}


@pytest.fixture
def log() -> tuple[TalkingNode, NodeLog]:
    """Return a node, and its log with nothing in it."""
    node = TalkingNode()
    return node, NodeLog(node, ["tiny"])


def test_each_look_brings_what_is_new(log: tuple[TalkingNode, NodeLog]) -> None:
    """Marks tell apart what came before and after them."""
    node, seen = log
    node.answer(3)
    seen.look()
    mark = seen.mark()
    node.answer(2)
    seen.look()
    seen.look()
    assert (len(seen.between(0, mark)), len(seen.between(mark)), seen.mark()) == (3, 2, 5)


def test_a_proxy_that_was_replaced_is_heard_from_its_first_request_on(
    log: tuple[TalkingNode, NodeLog],
) -> None:
    """Also where it has answered fewer, or more, than the one before."""
    node, seen = log
    for count in (5, 2, 9):
        node.replace_proxy()
        node.answer(count)
        seen.look()
    assert seen.mark() == 16


def test_the_oldest_requests_are_dropped_and_marks_stay_right(
    log: tuple[TalkingNode, NodeLog], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded on a busy fleet."""
    monkeypatch.setattr(observe, "MOST_KEPT", 10)
    node, seen = log
    node.answer(8)
    seen.look()
    mark = seen.mark()
    node.answer(7)
    seen.look()
    assert (seen.mark(), len(seen.records)) == (15, 10)
    assert (len(seen.between(0, mark)), len(seen.between(mark))) == (3, 7)


def test_health_tells_of_failures_throttling_and_what_is_not_served(
    log: tuple[TalkingNode, NodeLog],
) -> None:
    """As the proxy and the monitor say."""
    node, seen = log
    node.answer(2, outcome="error", status=503)
    node.answer(1, outcome="error", status=400)
    seen.look()
    assert seen.health is not None
    assert (seen.health.failed, seen.health.throttle_pct, seen.health.memory_pressure) == (2, 1.5, 2)
    assert seen.health.unserved == ["tiny"]


def test_a_proxy_that_does_not_answer_is_down_and_not_as_it_was(
    log: tuple[TalkingNode, NodeLog], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last good look must not stand for it."""
    monkeypatch.setattr(observe, "PROXY_PATIENCE_S", 0.0)
    node, seen = log
    seen.look()
    first = seen.health
    node.silent = True
    seen.look_or_down()
    assert first is not None
    assert seen.health is not None
    assert closed_gate(first, seen.health) == "the proxy does not answer"


def test_words_of_a_proxy_that_cannot_be_read_are_an_error_of_the_node(
    log: tuple[TalkingNode, NodeLog],
) -> None:
    """A release may answer anything."""
    node, seen = log
    node.broken = True
    looks = iter([False, True])
    observer = Observer({"one": seen}, lambda _event, _seconds: next(looks))
    with observer:
        for thread in observer._threads:
            thread.join(5)
    assert "cannot be read" in str(observer.lost()["one"])


def test_a_lost_node_is_told_and_no_longer_looked_at(log: tuple[TalkingNode, NodeLog]) -> None:
    """Its channel is broken for good."""
    node, seen = log
    looks = iter([False, True])
    observer = Observer({"one": seen}, lambda _event, _seconds: next(looks))
    node.lost = True
    with observer:
        for thread in observer._threads:
            thread.join(5)
    assert list(observer.lost()) == ["one"]
