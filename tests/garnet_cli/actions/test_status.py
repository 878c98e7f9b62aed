"""Looking at nodes again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from garnet_cli.actions.status import Looks
from garnet_cli.errors import NodeError, UnreachableError
from tests.garnet_cli.judge.test_difference import facts
from tests.garnet_cli.judge.test_down import proxy


class Handle:
    """A node's handle: once its channel broke it stays so."""

    def __init__(self, name: str, *, reached: bool = True, proxy_runs: bool = True) -> None:
        """Answer unless not ``reached``."""
        self.name = name
        self.reached = reached
        self.proxy_runs = proxy_runs
        self.closed = False

    def ask(self, step: str, *, progress: Callable[[Any], None] | None = None, **arguments: Any) -> Any:
        """Do one step."""
        if not self.reached:
            raise UnreachableError("the channel was cut", node=self.name)
        if step == "facts":
            return msgspec.to_builtins(facts())
        if not self.proxy_runs:
            raise NodeError("no proxy answers", node=self.name, code="proxy_down")
        return {"status": 200, "body": msgspec.to_builtins(proxy())}

    def close(self) -> None:
        """End."""
        self.closed = True


def test_a_node_whose_channel_broke_is_reached_anew_at_the_next_look() -> None:
    """The others keep theirs; in the end all are closed."""
    made: list[Handle] = []

    def connect(name: str) -> Handle:
        made.append(Handle(name))
        return made[-1]

    looks = Looks(["one", "two"], connect)
    assert [one.unreachable for one in looks.look()] == [False, False]
    made[0].reached = False
    seen = looks.look()
    assert [(one.node, one.unreachable, one.error) for one in seen] == [
        ("one", True, "the channel was cut"),
        ("two", False, None),
    ]
    assert made[0].closed
    assert [one.unreachable for one in looks.look()] == [False, False]
    assert [handle.name for handle in made] == ["one", "two", "one"]
    looks.close()
    assert all(handle.closed for handle in made)


def test_a_proxy_that_is_down_is_no_reason_to_connect_anew() -> None:
    """The node answers."""
    made: list[Handle] = []

    def connect(name: str) -> Handle:
        made.append(Handle(name, proxy_runs=False))
        return made[-1]

    looks = Looks(["one"], connect)
    for _ in range(2):
        (seen,) = looks.look()
        assert (seen.unreachable, seen.proxy, seen.error) == (False, None, "no proxy answers")
    assert len(made) == 1
