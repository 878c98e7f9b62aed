"""`garnet report` from a simulated store: files, store, messages, and what is refused."""

from __future__ import annotations

import io
import json
import shutil
from datetime import date
from pathlib import Path

import pytest

from garnet_cli.cli.main import run
from garnet_cli.cli.output import Output
from node_scripts.store.directory import DirectoryStore
from tests.garnet_cli.report.fleets import inventory_text
from tests.node_scripts.monitor.alerts.receivers import http_receiver, smtp_receiver
from tests.simulated.fleets import quiet_fleet
from tests.simulated.store import simulate

FILES = {
    "report.pdf",
    "page-1.png",
    "report.json",
    "volume-models.csv",
    "costs-models.csv",
    "uptime-nodes.csv",
}
"""Some of those that a report consists of."""
SPEC = quiet_fleet(begin=date(2026, 10, 24), days=3, nodes=2)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a store of three days in October 2026, clocks changing in them."""
    folder = tmp_path_factory.mktemp("report")
    (folder / "store").mkdir()
    simulate(SPEC, folder / "store")
    return folder


@pytest.fixture
def inventory(simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an inventory with a copy of that store; no route is set."""
    shutil.copytree(simulated / "store", tmp_path / "store")
    monkeypatch.setenv("GARNET_CACHE", str(simulated / "cache"))
    monkeypatch.delenv("GARNET_ROUTE_MONTHLY", raising=False)
    path = tmp_path / "inventory.toml"
    path.write_text(inventory_text(SPEC, tmp_path / "store"))
    return path


def ran(inventory: Path, *arguments: str) -> tuple[int, str, str]:
    """Run `garnet report` in this process."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", stdout)
        patch.setattr("sys.stderr", stderr)
        code = run(["-i", str(inventory), "report", *arguments], Output.of_process())
    return code, stdout.getvalue(), stderr.getvalue()


def in_store(inventory: Path) -> dict[str, bytes]:
    """Return the store's reports by key."""
    store = DirectoryStore(inventory.parent / "store")
    return {one.key: store.get(one.key) for one in store.list("fleets/simulated/monthly/")}


def test_files_are_kept_here_and_in_the_store_twice_the_same(inventory: Path, tmp_path: Path) -> None:
    """A second run changes no byte; stdout has the figures, stderr what was done."""
    code, stdout, stderr = ran(inventory, "--month", "2026-10", "--out", str(tmp_path / "out"))
    assert code == 0, stderr
    assert "Tokens served" in stdout
    assert "note: " in stdout  # most of October is missing
    assert "route monthly has no URL" in stderr
    here = {path.name: path.read_bytes() for path in (tmp_path / "out" / "2026-10").iterdir()}
    assert here.keys() >= FILES
    kept = in_store(inventory)
    assert kept == {f"fleets/simulated/monthly/2026-10/{name}": content for name, content in here.items()}
    DirectoryStore(inventory.parent / "store").put("fleets/simulated/monthly/2026-10/old.csv", b"")
    assert ran(inventory, "--month", "2026-10", "--no-send")[0] == 0
    assert in_store(inventory) == kept


def test_json_is_the_reports_data_and_dry_run_leaves_nothing(inventory: Path) -> None:
    """The same document that lies in the store, and what was done with it."""
    code, stdout, _ = ran(inventory, "--month", "2026-10", "--json", "--dry-run")
    document = json.loads(stdout)
    assert (code, document["files"], document["sent"]) == (0, [], [])
    assert in_store(inventory) == {}
    assert ran(inventory, "--month", "2026-10", "--no-send")[0] == 0
    kept = json.loads(in_store(inventory)["fleets/simulated/monthly/2026-10/report.json"])
    assert {key: value for key, value in document.items() if key not in ("files", "sent")} == kept


def test_mail_gets_the_pdf_and_discord_the_picture_too(
    inventory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each by its own protocol to a server of its own."""
    plugin = pytest.importorskip("apprise.plugins.discord")
    with smtp_receiver() as mailbox, http_receiver(status=204) as received:
        monkeypatch.setattr(
            plugin.NotifyDiscord, "notify_url", f"http://127.0.0.1:{received.port}/api/webhooks"
        )
        mail = f"mailto://127.0.0.1:{mailbox.port}?to=ceo@example.com&from=garnet@example.com&mode=insecure"
        monkeypatch.setenv("GARNET_ROUTE_MONTHLY", f"{mail} discord://1234567890/t0ken")
        code, _, stderr = ran(inventory, "--month", "2026-10")
    assert (code, "taken by 2 of 2 URLs" in stderr) == (0, True), stderr
    [message] = mailbox.mails
    assert message["Subject"] == "simulated: inference report, October 2026"
    [attached] = list(message.iter_attachments())
    assert attached.get_filename() == "garnet-simulated-2026-10.pdf"
    kept = in_store(inventory)
    assert attached.get_content() == kept["fleets/simulated/monthly/2026-10/report.pdf"]
    body = message.get_body(("html", "plain"))
    assert body is not None
    assert "Tokens served" in body.get_content()
    files = [name for document in received.documents for name in document.get("files", [])]
    assert files == ["garnet-simulated-2026-10.png", "garnet-simulated-2026-10.pdf"]


def test_a_route_that_refuses_is_a_failure_after_the_files_are_kept(
    inventory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so without showing the URL."""
    with http_receiver(status=500) as received:
        monkeypatch.setenv("GARNET_ROUTE_MONTHLY", f"json://127.0.0.1:{received.port}/s3cret")
        code, _, stderr = ran(inventory, "--month", "2026-10")
    assert code == 1
    assert "the report was not taken by URL 1 (JSON)" in stderr
    assert "s3cret" not in stderr
    assert in_store(inventory)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--month", "october"), "is no month"),
        (("--month", "2026-10", "--quarter", "2026-Q3"), "do not go together"),
        (("--month", "2026-10", "--paper", "a5"), "there are a4, letter"),
        (("--month", "2026-10", "--language", "xx"), "there are en"),
        (("--month", "2026-10", "--logo", "nowhere.png"), "nowhere.png"),
        (("--month", "2026-10", "--catalogue", "nowhere.toml"), "nowhere.toml"),
        (("--month", "2199-10"), "has not begun"),
    ],
)
def test_nonsense_is_refused_before_anything_is_read(
    inventory: Path, arguments: tuple[str, ...], says: str
) -> None:
    """With exit code 2 and nothing kept."""
    code, _, stderr = ran(inventory, *arguments)
    assert (code, says in stderr) == (2, True), stderr
    assert in_store(inventory) == {}


def test_a_month_without_a_minute_is_an_error(inventory: Path) -> None:
    """A report of nothing would look like one of a dead fleet."""
    code, _, stderr = ran(inventory, "--month", "2025-01", "--no-send")
    assert (code, "no minute of 2025-01" in stderr) == (1, True), stderr


def test_quarter_adds_its_pages(inventory: Path) -> None:
    """Under its own name, with proposals from the catalogue; nothing changes against no data."""
    code, stdout, _ = ran(inventory, "--quarter", "2026-Q4", "--preview", "--json", "--dry-run")
    document = json.loads(stdout)
    assert (code, document["period"]["name"], document["period"]["preview"]) == (0, "2026-Q4", True)
    assert document["quarter"]["tiers"]
    assert document["quarter"]["catalogue_date"]
    assert {one["change"] for one in document["key_figures"]} == {None}
