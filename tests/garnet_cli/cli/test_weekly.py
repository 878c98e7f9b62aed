"""`garnet weekly` against a simulated fleet's store in a directory: what it writes, sends and changes."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from garnet_cli.cli.main import run
from garnet_cli.cli.output import Output
from tests.node_scripts.monitor.alerts.receivers import http_receiver
from tests.simulated.spec import FleetSpec, Injected, ModelSpec, NodeSpec
from tests.simulated.store import simulate

NODES = ("mini-1", "mini-2", "mini-3")
SPEC = FleetSpec(
    begin=date(2026, 10, 26),
    days=14,
    nodes=tuple(NodeSpec(name=name) for name in NODES),
    models=(ModelSpec(name="llama", nodes=("mini-1",), requests_per_minute=4.0),),
    injected=(Injected(kind="missing_minutes", node="mini-3", begin_day=7.0, end_day=8.0),),
)
INVENTORY = """\
[fleet]
name = "simulated"
store = "{store}"
{nodes}
[models.llama]  # the one that all ask for
source = "{folder}/llama"
nodes = ["mini-1"]  # alone for now
context = 4096
"""
CONFIG = {"num_hidden_layers": 16, "num_attention_heads": 16, "num_key_value_heads": 4, "head_dim": 64}
FILES = 11

Garnet = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a store of two weeks in it."""
    folder = tmp_path_factory.mktemp("simulated")
    (folder / "store").mkdir()
    simulate(SPEC, folder / "store")
    return folder


@pytest.fixture
def folder(simulated: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may change, with an inventory and a model's files."""
    shutil.copytree(simulated / "store", tmp_path / "store")
    (tmp_path / "llama").mkdir()
    (tmp_path / "llama" / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "llama" / "model.safetensors").write_bytes(b"\0" * 1024)
    nodes = "\n".join(
        f'[[nodes]]\nname = "{name}"\nhost = "{name}.example"\nroot = "/opt/garnet"\nmemory_gb = 64'
        for name in NODES
    )
    text = INVENTORY.format(store=tmp_path / "store", nodes=nodes, folder=tmp_path)
    (tmp_path / "fleet.toml").write_text(text)
    return tmp_path


@pytest.fixture
def garnet(
    folder: Path, simulated: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Garnet:
    """Return a way to run `garnet` in that folder."""
    monkeypatch.setenv("GARNET_CACHE", str(simulated / "cache"))
    monkeypatch.delenv("GARNET_ROUTE_ALERTS", raising=False)

    def call(*arguments: str, summary: Path | None = None) -> tuple[int, str, str]:
        environment = {"GITHUB_STEP_SUMMARY": str(summary)} if summary else {}
        output = Output(stdout=sys.stdout, stderr=sys.stderr, environment=environment)
        monkeypatch.setattr(
            Output,
            "of_process",
            classmethod(
                lambda cls, *, as_json=False: cls(
                    stdout=sys.stdout, stderr=sys.stderr, environment=environment, as_json=as_json
                )
            ),
        )
        code = run(["-i", str(folder / "fleet.toml"), *arguments], output)
        streams = capsys.readouterr()
        return code, streams.out, streams.err

    return call


def stored(folder: Path) -> list[str]:
    """Return the names of the week's files in the store."""
    place = folder / "store" / "fleets" / "simulated" / "weekly" / "2026-W45"
    return sorted(path.name for path in place.iterdir()) if place.exists() else []


def test_it_shows_writes_and_says_that_nobody_was_told(garnet: Garnet, folder: Path) -> None:
    """Steps first, then costs, placement, evictions; the summary is GitHub's, too."""
    summary = folder / "summary.md"
    code, out, err = garnet("weekly", "--week", "2026-W45", "--out", str(folder / "out"), summary=summary)
    assert code == 0, err
    order = [out.index(words) for words in ("WHAT TO DO NEXT", "COST DIFF", "PLACEMENT DIFF", "EVICTION LOG")]
    assert order == sorted(order)
    assert "mini-3 has 85.7 % (1,440 minutes missing)" in out
    assert "1. Find out why mini-3 shipped too little" in out
    assert "$ garnet weekly --week 2026-W45 --apply --no-send" in out
    assert "no summary was sent: route alerts has no URL here; set GARNET_ROUTE_ALERTS" in err
    assert len(stored(folder)) == FILES
    assert sorted(path.name for path in (folder / "out" / "2026-W45").iterdir()) == stored(folder)
    assert summary.read_text() == (folder / "out" / "2026-W45" / "summary.md").read_text()


def test_a_dry_run_writes_sends_and_changes_nothing(
    garnet: Garnet, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --apply it shows what the inventory would become."""
    before = (folder / "fleet.toml").read_text()
    with http_receiver() as receiver:
        monkeypatch.setenv("GARNET_ROUTE_ALERTS", f"json://127.0.0.1:{receiver.port}")
        code, out, err = garnet(
            "weekly", "--week", "2026-W45", "--dry-run", "--apply", "--out", str(folder / "out"), "--json"
        )
    document = json.loads(out)
    assert (code, receiver.documents, stored(folder)) == (0, [], [])
    assert not (folder / "out").exists()
    assert (folder / "fleet.toml").read_text() == before
    assert (document["files"], document["sent"]) == ([], [])
    assert document["applied"]["changed"] is False
    assert "+nodes" in document["applied"]["diff"]
    assert "was not changed" in err


def test_the_summary_goes_to_the_alerts_route_and_a_route_that_fails_is_told(
    garnet: Garnet, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written stays written; --no-send sends nothing."""
    with http_receiver() as receiver:
        monkeypatch.setenv("GARNET_ROUTE_ALERTS", f"json://127.0.0.1:{receiver.port}")
        assert garnet("weekly", "--week", "2026-W45", "--no-send")[0] == 0
        assert receiver.documents == []
        code, _, err = garnet("weekly", "--week", "2026-W45")
    assert (code, len(receiver.documents)) == (0, 1)
    assert "the summary was taken by 1 of 1 URLs of route alerts" in err
    sent = receiver.documents[0]
    assert sent["title"].startswith("Week 2026-W45 of fleet simulated")
    assert "$ garnet check mini-3" in sent["message"]
    with http_receiver(status=500) as receiver:
        monkeypatch.setenv("GARNET_ROUTE_ALERTS", f"json://127.0.0.1:{receiver.port}")
        code, _, err = garnet("weekly", "--week", "2026-W45")
    assert code == 1
    assert "the summary was not taken by URL 1 (JSON): it answered HTTP 500; the files are written" in err
    assert str(receiver.port) not in err
    assert len(stored(folder)) == FILES


def test_apply_writes_the_placement_and_keeps_the_comments(garnet: Garnet, folder: Path) -> None:
    """It asks nobody without a terminal, deploys nothing, and finds nothing to do the second time."""
    assert garnet("weekly", "--week", "2026-W45", "--apply")[0] == 2
    assert stored(folder) == []
    code, _, err = garnet("weekly", "--week", "2026-W45", "--apply", "--yes")
    text = (folder / "fleet.toml").read_text()
    assert code == 0, err
    assert "bring it to the fleet with `garnet deploy`" in err
    assert "# the one that all ask for" in text
    assert "# alone for now" in text
    assert 'nodes = ["mini-1", "mini-' in text
    code, out, err = garnet("weekly", "--week", "2026-W45", "--apply", "--yes")
    assert code == 0
    assert "The placement stays as it is" in out
    assert "the inventory stays as it is" in err


@pytest.mark.parametrize(
    ("week", "code", "words"),
    [
        ("2026-45", 2, '"2026-45" is no week; write it as 2026-W47'),
        ("2026-W60", 2, "2026 has weeks 2026-W01 to 2026-W53"),
        ("2126-W10", 2, "is not yet; the running week is"),
        ("2025-W10", 1, "the store has no minute of week 2025-W10"),
    ],
)
def test_a_week_that_cannot_be_told_of_is_one_line(garnet: Garnet, week: str, code: int, words: str) -> None:
    """What is wrong, and what to write instead."""
    found, out, err = garnet("weekly", "--week", week)
    assert (found, out) == (code, "")
    assert words in err
