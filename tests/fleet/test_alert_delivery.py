"""A real monitor tells a real webhook what fires and what ended, once each, also when killed between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from node_scripts.monitor.config import AlertSettings, MonitorConfig
from node_scripts.paths import NodePaths
from node_scripts.store.objects import StoreAddress
from tests.conftest import ROOT
from tests.node_scripts.monitor.alerts.receivers import Received, http_receiver

pytestmark = pytest.mark.fleet

TOKEN = "t0ken-of-the-route"


@contextmanager
def monitor(root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a monitor on ``root``."""
    command = [sys.executable, "-m", "node_scripts.monitor", "--root", str(root)]
    with (root / "log" / "monitor.log").open("ab") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def wait_for(condition: Callable[[], object], what: str, timeout_s: float = 120.0) -> None:
    """Wait until ``condition`` holds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(0.1)


def prepare(root: Path, received: Received, store: Path) -> NodePaths:
    """Write a node's settings: a store that is not there, and a route to the webhook."""
    paths = NodePaths.at(root)
    paths.make()
    config = MonitorConfig(
        fleet="rack",
        node="mini-1",
        nodes=["mini-1"],
        store=StoreAddress(str(store)),
        sample_s=0.5,
        minute_s=2,
        alerts=AlertSettings(store_unreachable_s=1.0, disk_free_pct=0.0),
    )
    paths.monitor_file.write_bytes(msgspec.json.encode(config))
    paths.monitor_secrets_file.write_text(f"GARNET_ROUTE_ALERTS=json://127.0.0.1:{received.port}/{TOKEN}\n")
    paths.monitor_secrets_file.chmod(0o600)
    return paths


def test_alert_is_told_once_over_a_kill_of_the_monitor_and_its_end_once(tmp_path: Path) -> None:
    """The webhook hears that the store is out of reach, and that it is back; nothing twice, no token kept."""
    store = tmp_path / "store"
    with http_receiver() as received:
        paths = prepare(tmp_path / "node", received, store)

        def told() -> list[str]:
            titles = [str(document["title"]) for document in received.documents]
            return [title for title in titles if "store" in title]

        def firing() -> bool:
            live = json.loads(paths.monitor_live_file.read_bytes())
            return [alert["rule"] for alert in live["alerts"] if alert["told"]] == ["store-unreachable"]

        def looks(count: int, process: subprocess.Popen[bytes]) -> None:
            """Wait until this monitor has looked ``count`` times more."""
            seen: set[float] = set()

            def enough() -> bool:
                live = json.loads(paths.monitor_live_file.read_bytes())
                if live["pid"] == process.pid:
                    seen.add(live["time_unix"])
                return len(seen) > count

            wait_for(enough, f"{count} looks")

        with monitor(paths.root) as process:
            wait_for(told, "an alert")
            wait_for(firing, "the alert in the live file")
            looks(2, process)  # the next look keeps what was told
            process.send_signal(signal.SIGKILL)
            process.wait(10)
        with monitor(paths.root) as process:
            looks(8, process)
            assert told() == ["FIRING: mini-1 cannot reach the store"]
            store.mkdir()
            wait_for(lambda: len(told()) > 1, "its end")
            assert told()[1:] == ["RESOLVED: mini-1 cannot reach the store"]
            process.terminate()
            assert process.wait(20) == 0
    for path in tmp_path.rglob("*"):
        if path.is_file() and path != paths.monitor_secrets_file:
            assert TOKEN.encode() not in path.read_bytes(), path
