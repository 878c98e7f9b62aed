"""`garnet dashboard` from a store in a directory: file, static files, figures."""

from __future__ import annotations

import gzip
import io
import json
import time
from pathlib import Path

import msgspec
import pytest

from garnet_cli.cli.main import run
from garnet_cli.cli.output import Output
from node_scripts.store.directory import DirectoryStore
from node_scripts.store.layout import events_key, minute_key
from tests.garnet_cli.dashboard import simulated


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an inventory of two nodes with a store that holds their last hour."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "store").mkdir()
    store = DirectoryStore(tmp_path / "store")
    last = int(time.time()) // 60 * 60 - 60
    for minute in simulated.minutes(last - 3600, last + 60, ("mini-1", "mini-2"), ("m",)):
        content = gzip.compress(msgspec.json.encode(minute), mtime=0)
        store.put(minute_key("office", minute.node, minute.minute_unix), content)
    fired = simulated.event(last - 600.0, "alert", "throttle", "fired", {"node": "mini-2", "subject": ""})
    content = gzip.compress(msgspec.json.encode(fired) + b"\n", mtime=0)
    store.put(events_key("office", "mini-2", fired.time_unix, fired.id), content)
    path = tmp_path / "inventory.toml"
    nodes = "".join(
        f'[[nodes]]\nname = "mini-{number}"\ntransport = "local"\nroot = "n{number}"\nprice_usd = 1999\n'
        f'listen = "127.0.0.1:808{number}"\n'
        for number in (1, 2)
    )
    model = f'[models.m]\nsource = "org/model@{"a" * 40}"\nnodes = "all"\n'
    path.write_text(f'[fleet]\nname = "office"\nstore = "{tmp_path / "store"}"\n{nodes}{model}')
    return path


def ran(inventory: Path, *arguments: str) -> tuple[int, str, str]:
    """Run `garnet dashboard` in this process."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", stdout)
        patch.setattr("sys.stderr", stderr)
        code = run(["-i", str(inventory), "dashboard", *arguments], Output.of_process())
    return code, stdout.getvalue(), stderr.getvalue()


def test_without_options_a_file_is_written(inventory: Path) -> None:
    """dashboard.html, with the store's figures in it; nothing on stdout."""
    code, stdout, stderr = ran(inventory)
    assert (code, stdout) == (0, "")
    assert "wrote dashboard.html" in stderr
    page = Path("dashboard.html").read_text(encoding="utf-8")
    assert "<title>office" in page
    assert '"refresh_s":null' in page


def test_json_has_the_figures_of_every_minute_in_the_store(inventory: Path) -> None:
    """Requests of both nodes, the alert that fires, a cost."""
    code, stdout, _ = ran(inventory, "--json", "--hours", "2")
    assert code == 0
    data = json.loads(stdout)
    assert [node["state"] for node in data["nodes"]] == ["serving", "serving"]
    assert data["completeness"]["covered_minutes"] >= 115
    assert data["totals"]["requests"] > 0
    assert data["episodes"][0]["subject"] == "throttle"
    assert data["episodes"][0]["end_unix"] is None
    assert data["cost"]["hardware_usd"] > 0
    assert not Path("dashboard.html").exists()


def test_out_and_publish_write_both(inventory: Path, tmp_path: Path) -> None:
    """The published page renews itself from data.json beside it."""
    code, _, stderr = ran(inventory, "--publish", "--out", "x.html")
    assert code == 0
    folder = tmp_path / "store" / "account" / "cluster" / "office"
    assert sorted(path.name for path in folder.iterdir()) == ["data.json", "index.html"]
    assert json.loads((folder / "data.json").read_text())["refresh_s"] == 60
    assert "published account/cluster/office/index.html" in stderr
    assert Path("x.html").exists()
    assert ran(inventory, "--publish")[0] == 0, "again: it is replaced"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--hours", "0"), 2, "--hours"),
        (("--serve", "--publish"), 2, "--serve goes alone"),
        (("--serve", "--port", "99999"), 2, "cannot listen on port 99999"),
        (("--out", "none/x.html"), 1, "cannot write none/x.html"),
    ],
)
def test_mistakes_are_one_line(inventory: Path, arguments: tuple[str, ...], code: int, says: str) -> None:
    """With the code of their kind."""
    found, _, stderr = ran(inventory, *arguments)
    assert found == code
    assert says in stderr.splitlines()[-1]


def test_a_store_that_is_not_there_is_said(inventory: Path, tmp_path: Path) -> None:
    """An unmounted share is no empty fleet."""
    inventory.write_text(inventory.read_text().replace(str(tmp_path / "store"), str(tmp_path / "gone")))
    code, _, stderr = ran(inventory)
    assert code in (1, 4)
    assert "store" in stderr.splitlines()[-1]
    assert not Path("dashboard.html").exists()


def test_an_inventory_without_a_store_is_said(inventory: Path) -> None:
    """With the line to write."""
    text = "\n".join(line for line in inventory.read_text().splitlines() if not line.startswith("store"))
    inventory.write_text(text)
    code, _, stderr = ran(inventory)
    assert code == 2
    assert "names no store" in stderr
