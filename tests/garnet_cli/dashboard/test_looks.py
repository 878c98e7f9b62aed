"""Looking at nodes: side by side, and none waits for another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec

from garnet_cli.dashboard.looks import Look, Watch, aged, look, look_once, watching
from garnet_cli.errors import NodeError, UnreachableError
from tests.garnet_cli.dashboard.simulated_looks import NOW, live, proxy_status


class Fake:
    """A node that answers what it is told to."""

    def __init__(
        self, name: str, *, fail: Exception | None = None, hold: threading.Event | None = None
    ) -> None:
        """Answer as a node that is well, or fail, or wait for ``hold`` first."""
        self.name = name
        self.fail = fail
        self.hold = hold
        self.closed = 0
        self.asked: list[str] = []

    def ask(self, step: str, *, progress: Callable[[Any], None] | None = None, **arguments: Any) -> Any:
        """Answer one step."""
        self.asked.append(step)
        if self.hold is not None:
            self.hold.wait(30)
        if self.fail is not None:
            raise self.fail
        if step == "read_live":
            return live(self.name, ["m"])
        return {"status": 200, "body": msgspec.to_builtins(proxy_status(self.name, ["m"]))}

    def close(self) -> None:
        """Count."""
        self.closed += 1


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def test_a_look_has_the_proxy_and_the_live_file() -> None:
    """Two small steps a look: no survey of the node every two seconds."""
    node = Fake("a")
    seen = look(node, NOW)
    assert seen.proxy is not None
    assert seen.live is not None
    assert seen.live_age_s == 1.5
    assert node.asked == ["control", "read_live"]


def test_a_proxy_that_is_down_is_part_of_the_look() -> None:
    """The live file is still asked for."""

    class Down(Fake):
        """Its proxy does not answer."""

        def ask(self, step: str, **arguments: Any) -> Any:
            """Fail for the proxy only."""
            if step == "control":
                raise NodeError("the proxy does not answer", node=self.name, code="proxy_down")
            return super().ask(step, **arguments)

    seen = look(Down("a"), NOW)
    assert (seen.proxy, seen.proxy_error) == (None, "the proxy does not answer")
    assert seen.live is not None


def test_an_agent_without_the_step_is_a_node_without_figures() -> None:
    """An older release."""

    class Older(Fake):
        """It does not know read_live."""

        def ask(self, step: str, **arguments: Any) -> Any:
            """Refuse the step."""
            if step == "read_live":
                raise NodeError("no step read_live", node=self.name)
            return super().ask(step, **arguments)

    seen = look(Older("a"), NOW)
    assert (seen.live, seen.live_error) == (None, "no step read_live")


def test_looking_once_names_the_lost_and_closes_all() -> None:
    """In the order asked for."""
    nodes = {"a": Fake("a", fail=UnreachableError("no route", node="a")), "b": Fake("b")}
    found = look_once(["b", "a"], nodes.__getitem__)
    assert [(one.node, one.error) for one in found] == [("b", None), ("a", "no route")]
    assert [node.closed for node in nodes.values()] == [1, 1]


def test_a_node_that_hangs_does_not_freeze_the_others() -> None:
    """The living one is looked at while the other says nothing."""
    hold = threading.Event()
    nodes = {"a": Fake("a", hold=hold), "b": Fake("b")}
    try:
        with watching(["a", "b"], nodes.__getitem__) as watch:
            until(lambda: watch.looks()[1].seen_unix is not None)
            assert watch.looks()[0] == Look(node="a")
    finally:
        hold.set()


def test_a_lost_node_keeps_what_was_seen_and_comes_back_by_a_fresh_handle() -> None:
    """A broken channel is closed; the next try makes another."""
    made: list[Fake] = []

    def connect(name: str) -> Fake:
        made.append(Fake(name, fail=UnreachableError("gone", node=name) if not made else None))
        return made[-1]

    watch = Watch(["a"], connect, every_s=0.01)
    watch.start()
    try:
        until(lambda: watch.looks()[0].error == "gone")
        until(lambda: watch.looks()[0].proxy is not None)
        assert watch.looks()[0].error is None
        assert made[0].closed == 1
    finally:
        watch.stop()
    until(lambda: made[1].closed == 1)


def test_age_of_figures_follows_their_change_not_two_clocks() -> None:
    """A node whose clock is ten minutes behind is fresh as long as its file changes."""
    far = {**live("a", []), "time_unix": NOW - 600}
    first = Look(node="a", seen_unix=NOW, live=far, live_age_s=600.0)
    moved = aged(
        first, Look(node="a", seen_unix=NOW + 2, live={**far, "time_unix": NOW - 598}, live_age_s=600.0)
    )
    assert moved.live_age_s == 0.0
    still = aged(moved, Look(node="a", seen_unix=NOW + 42, live=moved.live, live_age_s=640.0))
    assert still.live_age_s == 40.0


def test_a_fault_of_the_program_is_raised_not_shown_as_a_frozen_node() -> None:
    """Whoever draws the screen hears of it."""
    with watching(["a"], lambda name: Fake(name, fail=ZeroDivisionError("oops"))) as watch:

        def raised() -> bool:
            try:
                watch.looks()
            except ZeroDivisionError:
                return True
            return False

        until(raised)
