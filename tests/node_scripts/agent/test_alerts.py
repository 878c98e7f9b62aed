"""The agent's steps on silences and test messages."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from node_scripts.agent.alerts import KEPT_S, change_silences, read_silences, try_route
from node_scripts.agent.errors import StepError
from node_scripts.monitor.alerts.silences import Silence, SilenceFile, encode_silences
from node_scripts.monitor.config import MonitorConfig
from tests.node_scripts.agent.local_agent import context_at
from tests.node_scripts.monitor.alerts.receivers import http_receiver

ROOT = Path(__file__).resolve().parents[3]


def silence(name: str = "one", until_unix: float = 2000.0) -> dict[str, Any]:
    """Return a silence as the operator sends it."""
    whole = Silence(
        id=name, rule="disk", until_unix=until_unix, reason="cleaning", who="ann@desk", created_unix=1000.0
    )
    return dict(msgspec.to_builtins(whole))


def test_silence_written_by_the_agent_is_read_by_the_monitor(tmp_path: Path) -> None:
    """One file, mode 0600; both sides agree on it."""
    context = context_at(tmp_path)
    file = SilenceFile(context.paths.silences_file)
    assert file.current() == []
    change_silences(context, add=silence(), end=[], now_unix=1000.0)
    [found] = file.current()
    assert (found.id, found.rule, found.node, found.until_unix) == ("one", "disk", "*", 2000.0)
    assert context.paths.silences_file.stat().st_mode & 0o777 == 0o600
    assert read_silences(context)["silences"] == [silence()]


def test_ending_a_silence_ends_it_now_and_again_changes_nothing(tmp_path: Path) -> None:
    """It stays in the file for a day, so that one sees that there was one."""
    context = context_at(tmp_path)
    change_silences(context, add=silence(), end=[], now_unix=1000.0)
    for now_unix in (1500.0, 1600.0):
        [ended] = change_silences(context, add=None, end=["one"], now_unix=now_unix)["silences"]
        assert ended["until_unix"] == 1500.0
    later = change_silences(context, add=silence("two", 1e9), end=[], now_unix=1501.0 + KEPT_S)
    assert [one["id"] for one in later["silences"]] == ["two"]


def test_adding_the_same_silence_twice_is_one(tmp_path: Path) -> None:
    """Running the command again is harmless."""
    context = context_at(tmp_path)
    for _ in range(2):
        found = change_silences(context, add=silence(), end=[], now_unix=1000.0)["silences"]
    assert len(found) == 1


def test_change_notes_an_event_where_it_changed_anything(tmp_path: Path) -> None:
    """Who silenced what is in the audit log."""
    context = context_at(tmp_path)
    context.paths.etc.mkdir(parents=True)
    context.paths.fleet_file.write_text('{"fleet": "rack", "node": "a"}')
    event = {"kind": "alert", "subject": "disk", "action": "silenced", "who": "ann@desk", "detail": {}}
    for _ in range(2):
        change_silences(context, add=silence(), end=[], now_unix=1000.0, event=event)
    [file] = context.paths.event_journal.iterdir()
    assert json.loads(file.read_text())["action"] == "silenced"


@pytest.mark.parametrize("content", ["{", "[]", '{"schema": 9, "silences": []}'])
def test_damaged_file_is_an_error_and_silences_nothing(tmp_path: Path, content: str) -> None:
    """It is never written over: a newer Garnet's silences stay."""
    context = context_at(tmp_path)
    context.paths.state.mkdir()
    context.paths.silences_file.write_text(content)
    with pytest.raises(StepError, match=r"silences\.json"):
        change_silences(context, add=silence(), end=[], now_unix=1000.0)
    file = SilenceFile(context.paths.silences_file)
    assert file.current() == []
    assert "silences.json" in file.error
    assert context.paths.silences_file.read_text() == content


def test_what_is_no_silence_is_refused(tmp_path: Path) -> None:
    """Before anything is written."""
    with pytest.raises(StepError, match="no silence"):
        change_silences(context_at(tmp_path), add={"id": 1}, end=[], now_unix=0.0)


def test_silence_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """And forgotten when it is gone."""
    path = tmp_path / "silences.json"
    file = SilenceFile(path)
    path.write_bytes(encode_silences([msgspec.convert(silence(), Silence)]))
    assert len(file.current()) == 1
    path.write_bytes(encode_silences([]))
    os.utime(path, (1, 1))
    assert file.current() == []
    path.unlink()
    assert (file.current(), file.error) == ([], "")


def installed(tmp_path: Path, route_urls: str) -> Path:
    """Return a node's root whose environment is this one."""
    context = context_at(tmp_path)
    environment = context.paths.environments / "0123456789abcdef"
    (environment / "bin").mkdir(parents=True)
    (environment / ".complete").touch()
    python = environment / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o700)
    context.paths.current.symlink_to(ROOT)
    context.paths.etc.mkdir()
    config = MonitorConfig(fleet="rack", node="mini-1", nodes=["mini-1"])
    context.paths.monitor_file.write_bytes(msgspec.json.encode(config))
    context.paths.monitor_secrets_file.write_text(f"GARNET_ROUTE_ALERTS={route_urls}\n")
    return tmp_path


def test_test_message_goes_out_by_the_node_s_own_release_and_secrets(tmp_path: Path) -> None:
    """To a real server; each URL's outcome comes back, without the URL."""
    with http_receiver() as good, http_receiver(status=403) as bad:
        urls = f"json://127.0.0.1:{good.port}/t0ken json://127.0.0.1:{bad.port}/t0ken"
        found = try_route(context_at(installed(tmp_path, urls)), route="alerts")
    assert [(one["number"], one["ok"], one["why"]) for one in found["outcomes"]] == [
        (1, True, ""),
        (2, False, "it answered HTTP 403"),
    ]
    assert "t0ken" not in json.dumps(found)
    assert good.documents[0]["title"] == "TEST: garnet, fleet rack"
    assert "told by mini-1" in good.documents[0]["message"]


def test_node_that_is_not_up_yet_says_so(tmp_path: Path) -> None:
    """With what to do."""
    with pytest.raises(StepError, match="no release"):
        try_route(context_at(tmp_path), route="alerts")
    root = installed(tmp_path, "")
    (root / "etc" / "monitor.json").unlink()
    with pytest.raises(StepError, match="garnet up"):
        try_route(context_at(root), route="alerts")
