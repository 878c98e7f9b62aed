"""`garnet logs --follow` where nodes are lost."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from garnet_cli.cli import logs
from garnet_cli.cli.main import run
from garnet_cli.cli.output import Output
from garnet_cli.errors import UnreachableError
from garnet_cli.fleet.channel import AgentChannel
from garnet_cli.fleet.connect import Connection

NODES = "".join(f'[[nodes]]\nname = "{name}"\nhost = "{name}"\nroot = "/g"\n' for name in "abc")


class Told(io.StringIO):
    """A stderr that says when something was written to it."""

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self.lines = threading.Semaphore(0)

    def write(self, text: str) -> int:
        """Count the lines."""
        written = super().write(text)
        for _ in range(text.count("\n")):
            self.lines.release()
        return written


class Node:
    """A node whose logs are followed until ``end`` returns; then its channel breaks, or the step ends."""

    def __init__(self, name: str, end: Callable[[], None], broken: str | None = None) -> None:
        """Say ``broken`` in the end."""
        self.name = name
        self._end = end
        self._broken = broken

    def ask(self, step: str, *, progress: Callable[[Any], None], **arguments: Any) -> Any:
        """Show one line, follow, break."""
        progress({"job": "proxy", "line": "hello"})
        self._end()
        if self._broken:
            raise UnreachableError(self._broken, node=self.name)
        return {}


def follow(
    nodes: Sequence[Node], stderr: Told, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str]:
    """Run the command on these nodes and on ``c``, which is not reached; return its code and stdout."""

    @contextmanager
    def connected(*_: object) -> Iterator[Connection]:
        yield Connection(nodes, {"c": UnreachableError("no route", node="c")})  # type: ignore[arg-type]

    monkeypatch.setattr(logs, "connected", connected)
    inventory = folder / "fleet.toml"
    inventory.write_text(f'[fleet]\nname = "f"\n{NODES}')
    output = Output(stdout=io.StringIO(), stderr=stderr, environment={})
    monkeypatch.setattr(Output, "of_process", lambda **_: output)
    code = run(["-i", str(inventory), "logs", "--follow"], output)
    return code, output.stdout.getvalue()  # type: ignore[attr-defined]


def test_a_lost_node_is_told_at_once_and_the_others_are_followed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``b`` goes on until both losses have been told."""
    stderr = Told()

    def until_both_are_told() -> None:
        assert all(stderr.lines.acquire(timeout=10) for _ in range(2))

    nodes = [Node("a", lambda: None, "the connection broke"), Node("b", until_both_are_told)]
    code, stdout = follow(nodes, stderr, tmp_path, monkeypatch)
    assert code == 4
    assert sorted(stdout.splitlines()) == ["a proxy | hello", "b proxy | hello"]
    assert stderr.getvalue().splitlines()[:2] == [
        "warning: c: no route (following the others)",
        "warning: a: the connection broke (following the others)",
    ]


def test_what_this_program_closes_itself_is_no_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At Ctrl-C every channel is closed; the words are the channel's own."""
    stderr = Told()
    nodes = [Node("a", lambda: None, logs.CLOSED_HERE), Node("b", lambda: None)]
    follow(nodes, stderr, tmp_path, monkeypatch)
    assert "a: the channel was closed (following" not in stderr.getvalue()
    assert logs.CLOSED_HERE in AgentChannel.close.__code__.co_consts
