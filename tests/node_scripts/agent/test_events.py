"""Events that agents note for the monitor."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from node_scripts.agent.context import Context
from node_scripts.agent.errors import StepError
from node_scripts.agent.events import note_event
from node_scripts.agent.jobs import stop_all
from node_scripts.agent.read_write import delete_file, write_file
from node_scripts.paths import NodePaths
from node_scripts.records import Event
from tests.node_scripts.agent.local_agent import context_at

ACT: dict[str, Any] = {
    "kind": "swap",
    "subject": "llama",
    "action": "flip",
    "who": "me@here",
    "detail": {"to": "./b"},
}


@pytest.fixture
def context() -> Iterator[Context]:
    """Yield an agent of a node that belongs to a fleet."""
    with tempfile.TemporaryDirectory(prefix="g", dir="/tmp") as folder:
        context = context_at(Path(folder))
        write_file(context, path="etc/fleet.json", content='{"fleet": "f", "node": "one"}', mode=0o600)
        yield context


def events(context: Context) -> list[Event]:
    """Return what the monitor would find, in the order of the files' names."""
    files = sorted(context.paths.event_journal.glob("*.jsonl"))
    lines = [line for file in files for line in file.read_bytes().splitlines(keepends=True)]
    assert all(line.endswith(b"\n") for line in lines)
    return [msgspec.json.decode(line, type=Event) for line in lines]


def test_an_event_has_all_that_its_record_wants(context: Context) -> None:
    """Fleet and node come from the node's own configuration; files are the owner's only."""
    assert note_event(context, **ACT) == {"noted": True}
    (event,) = events(context)
    assert (event.fleet, event.node, event.kind, event.subject) == ("f", "one", "swap", "llama")
    assert (event.action, event.who, event.detail) == ("flip", "me@here", {"to": "./b"})
    assert int(event.id.split("-")[0], 16) == int(event.time_unix * 1_000_000)
    (file,) = context.paths.event_journal.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_events_of_one_moment_lose_none_of_each_other(context: Context) -> None:
    """Each is a file of its own, whatever the clock says."""
    for number in range(20):
        note_event(context, **{**ACT, "subject": str(number)})
    assert sorted(int(event.subject) for event in events(context)) == list(range(20))


def test_a_node_of_no_fleet_has_nobody_to_tell(context: Context) -> None:
    """Keys may be added before the first `up`."""
    context.paths.fleet_file.unlink()
    assert note_event(context, **ACT) == {"noted": False}
    assert not context.paths.event_journal.exists()


def test_a_damaged_configuration_and_an_unknown_kind_are_told(context: Context) -> None:
    """Neither ends as an event that nobody can read."""
    with pytest.raises(StepError) as caught:
        note_event(context, **{**ACT, "kind": "gossip"})
    assert caught.value.code == "bad_arguments"
    context.paths.fleet_file.write_text("[")
    with pytest.raises(StepError) as caught:
        note_event(context, **ACT)
    assert caught.value.code == "damaged"


def test_an_event_rides_on_the_file_that_it_is_about(context: Context) -> None:
    """Noted when the file changes, and not when it is as it was."""
    journal: dict[str, Any] = {"path": "state/swap-llama.json", "content": "{}", "mode": 0o600, "event": ACT}
    write_file(context, **journal)
    write_file(context, **journal)
    assert [event.action for event in events(context)] == ["flip"]
    done = {**ACT, "action": "done"}
    delete_file(context, path="state/swap-llama.json", event=done)
    delete_file(context, path="state/swap-llama.json", event=done)
    assert [event.action for event in events(context)] == ["flip", "done"]


def test_a_purge_leaves_no_folder_behind(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the empty one of environments that lie elsewhere either; the shared ones stay."""
    shared = context.paths.root.with_name(context.paths.root.name + "-shared")
    (shared / "e").mkdir(parents=True)
    context.paths.environments.mkdir()
    monkeypatch.setattr("node_scripts.agent.jobs.supervisor_for", lambda _paths: Nothing())
    elsewhere = replace(context, paths=NodePaths.at(context.paths.root, shared))
    stop_all(elsewhere, purge=True)
    assert not context.paths.root.exists()
    assert (shared / "e").is_dir()
    shutil.rmtree(shared)
    context.paths.root.mkdir()


class Nothing:
    """A supervisor without jobs."""

    def statuses(self) -> list[Any]:
        """Return none."""
        return []

    def shut_down(self, report: object) -> None:
        """Do nothing."""


def test_the_end_of_a_node_is_noted_before_its_jobs_end(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxies end first, loaders then, the monitor last: it ships the event, too."""
    ended: list[Any] = []

    class Supervisor:
        def statuses(self) -> list[Any]:
            names = ("loader-2", "monitor", "proxy-b", "loader-10", "proxy-a")
            return [type("Status", (), {"name": name})() for name in names]

        def remove(self, name: str, report: object) -> bool:
            ended.append((name, len(events(context))))
            return True

        def shut_down(self, report: object) -> None:
            ended.append("supervisor")

    monkeypatch.setattr("node_scripts.agent.jobs.supervisor_for", lambda _paths: Supervisor())
    stop_all(context, purge=False, event={**ACT, "kind": "down"})
    order = ["proxy-b", "proxy-a", "loader-2", "loader-10", "monitor"]
    assert ended == [*((name, 1) for name in order), "supervisor"]
    assert json.loads(context.paths.fleet_file.read_text())["fleet"] == "f"
