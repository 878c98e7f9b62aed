"""A node is cut off: the living tell it once, and its return once; a flapping link makes no spam."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from node_scripts.contracts import SCHEMA, ClientKey, FleetConfig, Keys, PeerConfig, ProxyConfig
from node_scripts.monitor.alerts.rules import NODE_MISSING
from node_scripts.monitor.alerts.speaking import RANK_S
from node_scripts.monitor.config import AlertSettings, MonitorConfig, route_name
from node_scripts.paths import NodePaths
from node_scripts.proxy.settings import SECRET_NAME
from tests.conftest import ROOT
from tests.fleet.network import SWITCH_ADDRESS, Network, network
from tests.fleet.rack import eventually
from tests.node_scripts.monitor.alerts.receivers import http_receiver

pytestmark = pytest.mark.fleet

NODES = ("mini-1", "mini-2", "mini-3")
CUT = "mini-1"
"""The first of the fleet: it would speak for the others, and the second has to speak for it."""
LIVING = ("mini-2", "mini-3")
PORT = 8080
SAMPLE_S = 0.5
MISSING_S = 2.0
TELL_WITHIN_S = 60.0
GIVEN_UP_S = 5.0
"""Until the cut node's own message, that the others are missing, has failed for want of a way to anybody."""


class Site:
    """Three nodes with a real proxy and a real monitor each, on a network of their own."""

    def __init__(self, folder: Path, net: Network) -> None:
        """Have the nodes' roots below ``folder``."""
        self.folder = folder
        self.net = net

    def paths(self, name: str) -> NodePaths:
        """Return a node's paths."""
        return NodePaths.at(self.folder / name)

    def configure(self, name: str, webhook: str) -> None:
        """Write a node's settings as `garnet up` would."""
        paths = self.paths(name)
        paths.make()
        addresses = self.net.addresses
        fleet = FleetConfig(
            schema=SCHEMA,
            fleet="rack",
            node=name,
            peers=[PeerConfig(name=one, host=addresses[one], port=PORT) for one in NODES if one != name],
            models=[],
            proxy=ProxyConfig(listen_host=addresses[name], listen_port=PORT),
        )
        digest = hashlib.sha256(b"of a client").hexdigest()
        key = ClientKey(name="team", sha256=digest, created="2026-01-01T00:00:00Z")
        monitor = MonitorConfig(
            fleet="rack",
            node=name,
            nodes=list(NODES),
            sample_s=SAMPLE_S,
            alerts=AlertSettings(node_missing_s=MISSING_S, disk_free_pct=0.0),
        )
        paths.fleet_file.write_bytes(msgspec.json.encode(fleet))
        paths.keys_file.write_bytes(msgspec.json.encode(Keys(schema=SCHEMA, keys=[key])))
        paths.secrets_file.write_text(f"{SECRET_NAME}={'5e' * 32}\n")
        paths.monitor_file.write_bytes(msgspec.json.encode(monitor))
        paths.monitor_secrets_file.write_text(f"{route_name('alerts')}={webhook}\n")

    @contextmanager
    def running(self, name: str, module: str) -> Iterator[None]:
        """Run a node's proxy or monitor in its namespace."""
        root = self.paths(name).root
        command = self.net.command(
            name, [sys.executable, "-m", f"node_scripts.{module}", "--root", str(root)]
        )
        with (root / "log" / f"{module}.log").open("ab") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": str(ROOT)}
            )
        try:
            yield
        finally:
            process.kill()
            process.wait(10)

    def live(self, name: str) -> dict[str, Any]:
        """Return what a node's monitor saw last; raises KeyError before its first look."""
        try:
            found: dict[str, Any] = json.loads(self.paths(name).monitor_live_file.read_bytes())
        except FileNotFoundError as error:
            raise KeyError(name) from error
        return found

    def sees(self, name: str) -> list[str]:
        """Return the peers that a node's monitor sees alive."""
        return sorted(peer for peer, alive in self.live(name)["sample"]["peers"].items() if alive)

    def missing_s(self, name: str) -> float:
        """Return for how long, by a node's word, the cut one has been missing; 0 while it is not told."""
        alerts = [one for one in self.live(name)["alerts"] if one["rule"] == NODE_MISSING]
        return max((float(one["value"]) for one in alerts if one["subject"] == CUT), default=0.0)

    def logs(self) -> str:
        """Return the end of every log, for a failure's message."""
        return "\n".join(
            f"--- {path}\n{path.read_text()[-2000:]}" for path in sorted(self.folder.glob("*/log/*"))
        )


def others(name: str) -> list[str]:
    """Return a node's peers."""
    return [one for one in NODES if one != name]


def test_a_cut_node_is_told_once_and_so_is_its_return_and_a_flapping_link_makes_no_spam() -> None:
    """By the second node alone; the cut one, that finds all others missing, tells nobody."""
    with ExitStack() as stack:
        net = stack.enter_context(network(NODES))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="g", dir="/tmp")))
        with net.at_switch():
            received = stack.enter_context(http_receiver(host=SWITCH_ADDRESS))
        site = Site(folder, net)
        for name in NODES:
            site.configure(name, f"json://{SWITCH_ADDRESS}:{received.port}/")
        for module in ("proxy", "monitor"):
            for name in NODES:
                stack.enter_context(site.running(name, module))

        def titles() -> list[str]:
            return [str(document["title"]) for document in received.documents]

        def gone_for(least_s: float) -> bool:
            return site.missing_s("mini-2") > least_s

        def wait(condition: Callable[[], Any], what: str) -> None:
            eventually(condition, f"{what}: {titles()}\n{site.logs()}", TELL_WITHIN_S)

        firing = f"FIRING: {CUT} missed its heartbeat"
        resolved = f"RESOLVED: {CUT} missed its heartbeat"
        wait(lambda: all(site.sees(name) == others(name) for name in NODES), "each sees the others")

        net.pull(CUT)
        wait(titles, "the alert")
        assert titles() == [firing]
        assert "told by mini-2" in received.documents[0]["message"]
        # The third one would have spoken by now, if it had not heard that the second did.
        wait(partial(gone_for, MISSING_S + RANK_S + 2.0), "it stays away")
        net.plug(CUT)
        wait(lambda: len(titles()) > 1, "its return")
        assert titles() == [firing, resolved]

        for given_up_s in (GIVEN_UP_S, 0.0, 0.0):
            net.pull(CUT)
            wait(partial(gone_for, MISSING_S + given_up_s), "it goes")
            net.plug(CUT)
            wait(lambda: all(CUT in site.sees(name) for name in LIVING), "it comes")
        wait(lambda: site.sees(CUT) == others(CUT), "it sees the others")
        time.sleep(2.0)  # whatever was still to be told
        assert titles() == [firing, resolved, firing], site.logs()
