"""`garnet alerts watch|test` and `garnet incidents` against a store in a directory."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from garnet_cli.cli.main import run
from garnet_cli.cli.output import Output
from node_scripts.monitor.config import MonitorConfig
from node_scripts.monitor.incidents import IncidentBook
from node_scripts.store.directory import DirectoryStore
from node_scripts.store.layout import events_key, minute_key
from tests.node_scripts.monitor.alerts.receivers import http_receiver

INVENTORY = """\
[fleet]
name = "rack"
store = "{store}"
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


@pytest.fixture
def fleet(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a way to run `garnet` with an inventory whose store is a directory."""
    monkeypatch.setenv("GARNET_CACHE", str(tmp_path / "cache"))
    store = tmp_path / "store"
    store.mkdir()
    inventory = tmp_path / "fleet.toml"
    inventory.write_text(INVENTORY.format(store=store))

    def garnet(*arguments: str) -> tuple[int, str, str]:
        output = Output(stdout=sys.stdout, stderr=sys.stderr, environment={})
        code = run(["-i", str(inventory), *arguments], output)
        streams = capsys.readouterr()
        return code, streams.out, streams.err

    return garnet


def report(tmp_path: Path, node: str, ago_s: float) -> None:
    """Have a node's minute in the store that ended so long ago."""
    begin = int(time.time() - ago_s - 60)
    DirectoryStore(tmp_path / "store").put(minute_key("rack", node, begin // 60 * 60), b"")


def test_watch_succeeds_while_every_node_reports(fleet: Any, tmp_path: Path) -> None:
    """Exit code 0, for cron."""
    report(tmp_path, "one", 30)
    report(tmp_path, "two", 90)
    code, out, err = fleet("alerts", "watch")
    assert (code, err) == (0, "")
    assert out.count("reports") == 2


def test_watch_fails_naming_the_nodes_that_are_silent(fleet: Any, tmp_path: Path) -> None:
    """One that never reported, and one that stopped; --json has the same on stdout."""
    report(tmp_path, "one", 1000)
    code, _, err = fleet("alerts", "watch")
    assert code == 1
    assert "one (" in err
    assert "two (none of today or yesterday)" in err
    code, out, _ = fleet("alerts", "watch", "--max-age", "2000", "--json")
    assert (code, json.loads(out)["silent"]) == (1, ["two"])


def test_watch_of_a_store_that_cannot_be_read_is_exit_code_four(fleet: Any, tmp_path: Path) -> None:
    """Which is not the nodes' silence."""
    (tmp_path / "store").rmdir()
    code, out, err = fleet("alerts", "watch")
    assert (code, out) == (4, "")
    assert "store" in err


def test_test_message_from_here_uses_the_operator_s_secrets(
    fleet: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outcome of each URL, and never the URL."""
    with http_receiver() as good, http_receiver(status=500) as bad:
        monkeypatch.setenv("GARNET_ROUTE_ALERTS", f"json://127.0.0.1:{good.port}/t0ken")
        code, out, err = fleet("alerts", "test", "--here")
        assert (code, err) == (0, "")
        assert "taken" in out
        monkeypatch.setenv("GARNET_ROUTE_THERMAL", f"json://127.0.0.1:{bad.port}/t0ken")
        code, out, err = fleet("alerts", "test", "--here", "--route", "thermal")
    assert code == 1
    assert "HTTP 500" in err
    assert "t0ken" not in out + err
    assert good.documents[0]["title"].startswith("TEST")


def test_test_of_a_route_without_urls_says_what_to_set(fleet: Any) -> None:
    """Nothing was sent, and that is told."""
    code, _, err = fleet("alerts", "test", "--here", "--route", "monthly")
    assert code == 2
    assert "GARNET_ROUTE_MONTHLY" in err
    assert fleet("alerts", "test", "--route", "nope")[0] == 2


@pytest.mark.parametrize(
    "arguments",
    [("--for", "1h"), ("disk",), ("disk", "--for", "1h", "--end"), ("--end",)],
)
def test_silence_wants_either_a_duration_or_an_end(fleet: Any, arguments: tuple[str, ...]) -> None:
    """Before any node is asked."""
    assert fleet("alerts", "silence", *arguments)[0] == 2


def ship_incident(tmp_path: Path) -> str:
    """Have an incident in the store, as a node's monitor tells it, and return its identifier."""
    import gzip  # noqa: PLC0415 -- for the fixture only

    import msgspec  # noqa: PLC0415 -- likewise

    from node_scripts.events import new_event  # noqa: PLC0415 -- likewise

    now_unix = time.time() - 600
    book = IncidentBook(MonitorConfig(fleet="rack", node="one", nodes=["one", "two"]))
    detail = {"node": "two", "subject": "two", "severity": "critical", "since_unix": now_unix}
    told = []
    for action in ("fired", "resolved"):
        alert = new_event(
            time_unix=now_unix,
            fleet="rack",
            node="one",
            kind="alert",
            subject="node-missing",
            action=action,
            detail=detail,
        )
        told += book.step(now_unix, 5.0, [alert])
    lines = b"".join(msgspec.json.encode(event) + b"\n" for event in told)
    key = events_key("rack", "one", told[0].time_unix, told[0].id)
    DirectoryStore(tmp_path / "store").put(key, gzip.compress(lines))
    return told[0].subject


def test_incident_is_listed_and_noted_and_the_last_note_wins(fleet: Any, tmp_path: Path) -> None:
    """From the store and into it."""
    identifier = ship_incident(tmp_path)
    code, out, err = fleet("incidents", "list", "--json")
    assert code == 0, err
    [found] = json.loads(out)["incidents"]
    assert (found["id"], found["node"], found["causes"]) == (identifier, "two", ["node-missing"])
    assert fleet("incidents", "note", identifier, "--cause", "power", "--fix", "plugged in")[0] == 0
    code, out, err = fleet("incidents", "note", identifier, "--cause", "a loose plug")
    assert code == 0, err
    [found] = json.loads(fleet("incidents", "list", "--json")[1])["incidents"]
    assert (found["cause"], found["fix"]) == ("a loose plug", "plugged in")
    assert "a loose plug" in fleet("incidents", "list")[1]


def test_note_on_an_unknown_incident_writes_nothing(fleet: Any, tmp_path: Path) -> None:
    """A mistyped identifier, or a note without content."""
    identifier = ship_incident(tmp_path)
    for arguments in (("two-20200101-000000", "--cause", "x"), ("nonsense", "--fix", "x"), (identifier,)):
        code, _, err = fleet("incidents", "note", *arguments)
        assert code == 2, err
    [found] = json.loads(fleet("incidents", "list", "--json")[1])["incidents"]
    assert found["noted_unix"] is None


def test_no_incident_is_an_empty_list(fleet: Any) -> None:
    """And exit code 0."""
    code, out, _ = fleet("incidents", "list", "--json")
    assert (code, json.loads(out)) == (0, {"incidents": []})
