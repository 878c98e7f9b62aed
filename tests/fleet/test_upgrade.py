"""A new release on a fleet that serves: `garnet up` with changed node code."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from garnet_cli.demo.traffic import Traffic
from node_scripts.contracts import Job
from tests.conftest import ROOT
from tests.fleet.asking import local_agent
from tests.fleet.rack import GARNET, Rack

pytestmark = pytest.mark.fleet


@pytest.fixture
def rack(tiny_model_a: Path) -> Iterator[Rack]:
    """Return one local node that serves a model."""
    with Rack(["one"]) as rack:
        rack.serve("tiny", tiny_model_a)
        rack.up()
        yield rack


def up_from(folder: Path, rack: Rack) -> str:
    """Run ``garnet up --yes`` with the node's code from ``folder``."""
    done = subprocess.run(
        [
            str(Path(GARNET).with_name("python")),
            "-m",
            "garnet_cli.cli.main",
            "-i",
            str(rack.inventory),
            "up",
            "--yes",
        ],
        env=dict(rack.environment, PYTHONPATH=str(folder)),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{rack.logs()}"
    return done.stdout


def changed_copy(folder: Path, path: str) -> Path:
    """Return a copy of the program in which one file of the node's code differs."""
    for package in ("garnet_cli", "node_scripts"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    changed = folder / path
    changed.write_text(changed.read_text() + "\n# Another release.\n")
    return folder


def test_a_new_release_of_the_proxy_refuses_no_connection(rack: Rack, tmp_path: Path) -> None:
    """The new proxy takes the sockets over; clients that connect anew for each request notice nothing."""
    before = rack.status()["one"]["proxy"]
    traffic = Traffic([rack.node("one").url], "tiny", workers=4, max_tokens=(4, 64), keep_alive=False)
    traffic.start()
    try:
        traffic.wait_for(20)
        difference = up_from(changed_copy(tmp_path / "next", "node_scripts/proxy/app.py"), rack)
        traffic.wait_for(len(traffic.seen) + 20)
        back = rack.up().stdout
        traffic.wait_for(len(traffic.seen) + 20)
    finally:
        traffic.stop()
    assert [one for one in traffic.seen if one.outcome != "answered"] == []
    assert "retire proxy" in difference
    assert "retire proxy" in back
    assert "swap loader" not in difference, "the loader's own code did not change"
    after = rack.status()["one"]["proxy"]
    assert after["pid"] != before["pid"]
    assert after["release"] == before["release"]
    jobs = [job["name"] for job in rack.status()["one"]["facts"]["jobs"]]
    assert sorted(jobs) == ["loader-1", "monitor", f"proxy-{after['release']}"]


def test_a_new_release_of_the_loader_is_swapped_in(rack: Rack, tmp_path: Path) -> None:
    """Where a loader's own code changed, `up` swaps it under traffic."""
    traffic = Traffic([rack.node("one").url], "tiny", workers=2, max_tokens=(4, 64))
    traffic.start()
    try:
        traffic.wait_for(10)
        difference = up_from(changed_copy(tmp_path / "next", "node_scripts/loader.py"), rack)
        traffic.wait_for(len(traffic.seen) + 10)
    finally:
        traffic.stop()
    assert "swap loader" in difference
    assert [one for one in traffic.seen if one.outcome != "answered"] == []
    assert rack.active("one", "tiny")["spec"]["name"] == "loader-2"
    assert [path.name for path in (rack.node("one").root / "served").iterdir()] == ["loader-2"]


def test_a_release_and_another_host_come_in_one_up(rack: Rack, tmp_path: Path) -> None:
    """The new proxy cannot bind the port before the old one has let go of it."""
    rack.garnet("keys", "add", "web")
    port = rack.node("one").port
    inventory = rack.inventory.read_text()
    assert f'listen = "127.0.0.1:{port}"' in inventory
    rack.inventory.write_text(inventory.replace(f"127.0.0.1:{port}", f"0.0.0.0:{port}"))
    difference = up_from(changed_copy(tmp_path / "next", "node_scripts/proxy/app.py"), rack)
    assert "retire proxy" in difference
    seen = rack.status()["one"]
    assert seen["proxy"]["listen"] == f"0.0.0.0:{port}"
    assert [job["name"] for job in seen["facts"]["jobs"]] == [
        "loader-1",
        "monitor",
        f"proxy-{seen['proxy']['release']}",
    ]


def test_no_loader_is_swapped_while_an_older_proxy_is_not_retired(rack: Rack) -> None:
    """As an `up` that was interrupted leaves it: only the old proxy knows of its own streams."""
    node = rack.node("one")
    older = Job(
        name="proxy-000000000000",
        argv=["/bin/sleep", "600"],
        working_directory=str(node.root),
        log=str(node.root / "log" / "older.log"),
    )
    with local_agent(node) as agent:
        agent.ask("ensure_job", job=asdict(older))
    refused = rack.garnet("swap", "one", "tiny", code=1)
    assert "one: proxy-000000000000 of another release is not retired yet" in refused.stderr
    assert "run `garnet up one` first" in refused.stderr
    assert rack.active("one", "tiny")["spec"]["name"] == "loader-1"
    assert "retire proxy" in rack.up("one").stdout
    rack.garnet("swap", "one", "tiny", "--watch", "0")
    assert rack.active("one", "tiny")["spec"]["name"] == "loader-2"


def test_a_taken_port_is_told_before_anything_is_changed() -> None:
    """Not as a proxy that does not come, half a minute later."""
    with Rack(["one"]) as bare:
        bare.write()
        node = bare.node("one")
        with socket.create_server(("127.0.0.1", node.port)):
            refused = bare.garnet("up", "--yes", code=1)
        assert f"one: port: 127.0.0.1:{node.port} is taken by something else" in refused.stderr
        assert not node.root.exists()
