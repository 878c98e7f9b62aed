"""`garnet down`: what it stops, what it deletes, and what it will not lose."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from garnet_cli.actions import down
from garnet_cli.cli import down as command
from garnet_cli.cli.main import run
from garnet_cli.cli.output import Output
from garnet_cli.fleet.connect import Connection

INVENTORY = """\
[fleet]
name = "f"
{store}
[[nodes]]
name = "one"
transport = "local"
root = "one"
[[nodes]]
name = "two"
transport = "local"
root = "two"
listen = "127.0.0.1:8081"
"""


class Node:
    """Answers what `down` asks, and remembers it."""

    def __init__(self, name: str, minutes: int | None, shipped: int = 0) -> None:
        """Hold ``minutes``, of which ``shipped`` go out when the monitor ends."""
        self.name = name
        self.minutes = minutes
        self.shipped = shipped
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def ask(self, step: str, **arguments: Any) -> Any:
        """Do one step."""
        self.asked.append((step, arguments))
        if step == "jobs":
            return [{"name": "monitor"}]
        if step == "spooled":
            return {"minutes": self.minutes}
        if step == "stop_all" and self.minutes is not None:
            self.minutes -= min(self.minutes, self.shipped)
        return {}

    @property
    def purged(self) -> bool:
        """Whether its files were deleted."""
        return ("stop_all", {"purge": True}) in self.asked


def garnet_down(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    nodes: Sequence[Node],
    *arguments: str,
    store: str = 'store = "s3://bucket"',
) -> tuple[int, str, str]:
    """Run the command on ``nodes``; return its exit code and what it wrote to each stream."""
    (folder / "fleet.toml").write_text(INVENTORY.format(store=store))

    @contextmanager
    def connected(*_: object) -> Iterator[Connection]:
        yield Connection(nodes, {})  # type: ignore[arg-type]

    monkeypatch.setattr(command, "connected", connected)
    stdout, stderr = io.StringIO(), io.StringIO()
    monkeypatch.setattr("sys.stdout", stdout)
    monkeypatch.setattr("sys.stderr", stderr)
    output = Output(stdout=stdout, stderr=stderr, environment={})
    code = run(["-i", str(folder / "fleet.toml"), "down", "--yes", *arguments], output)
    return code, stdout.getvalue(), stderr.getvalue()


def test_nodes_are_stopped_with_who_did_it_and_keep_their_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The act travels with the step that stops."""
    nodes = [Node("one", 3), Node("two", 0)]
    code, _, _ = garnet_down(tmp_path, monkeypatch, nodes)
    assert code == 0
    for node in nodes:
        step, arguments = node.asked[-1]
        assert (step, arguments["purge"]) == ("stop_all", False)
        event = arguments["event"]
        assert (event["kind"], event["subject"], event["action"]) == ("down", node.name, "stopped")
        assert "@" in event["who"]


def test_a_purge_that_would_lose_minutes_stops_short_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All are stopped, none is deleted, and the way on is told."""
    nodes = [Node("one", 12), Node("two", 5, shipped=5)]
    code, _, said = garnet_down(tmp_path, monkeypatch, nodes, "--purge")
    assert code == 1
    assert "one holds 12 minutes, two holds 5 minutes that the store does not have" in said
    assert "stopped, but not deleted: one holds 12 minutes that the store does not have" in said
    assert "--discard-minutes" in said
    assert not any(node.purged for node in nodes)


def test_a_purge_goes_on_once_everything_is_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The monitors ship what they have when they end."""
    nodes = [Node("one", 2, shipped=2), Node("two", 0)]
    code, out, _ = garnet_down(tmp_path, monkeypatch, nodes, "--purge", "--json")
    assert code == 0
    assert all(node.purged for node in nodes)
    assert json.loads(out)["minutes_lost"] == {}


def test_minutes_are_lost_only_where_that_was_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the flag; a fleet without a store has nowhere to keep them, and says so."""
    nodes = [Node("one", None), Node("two", 1)]
    code, out, _ = garnet_down(tmp_path, monkeypatch, nodes, "--purge", "--discard-minutes", "--json")
    assert (code, json.loads(out)["minutes_lost"]) == (0, {"one": None, "two": 1})
    nodes = [Node("one", 7), Node("two", 0)]
    code, _, said = garnet_down(tmp_path, monkeypatch, nodes, "--purge", store="")
    assert code == 0
    assert "one holds 7 minutes that no store has, since there is none" in said
    assert all(node.purged for node in nodes)


def test_a_spool_that_cannot_be_read_counts_as_full() -> None:
    """Nobody knows what it holds."""
    assert (
        down.describe({"one": None, "two": 1}) == "one holds an unknown number of minutes, two holds 1 minute"
    )
