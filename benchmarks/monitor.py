"""What watching a node costs it: python -m benchmarks.monitor [--seconds 240] [--rate 5].

At the same time, on one machine: the monitor as a node runs it, beside a proxy with some traffic, once with
a directory for a store and once with an S3 server; a loop of psutil over the same host figures; and
Prometheus' node_exporter, where it is installed, scraped as often as the monitor looks.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import psutil

from benchmarks.client import Load, Target, measure
from benchmarks.gateways import MODEL, SYSTEM_PATH, garnet, stub_loader
from benchmarks.processes import (
    MEBIBYTE,
    answers,
    compile_everything,
    cpu_seconds,
    end_cleanly_on_signals,
    free_ports,
    rss_bytes,
    running,
)
from benchmarks.results import publish
from node_scripts.monitor.config import ACCESS_KEY_NAME, SECRET_KEY_NAME, MonitorConfig
from node_scripts.paths import NodePaths
from node_scripts.records import Minute
from node_scripts.store.directory import DirectoryStore
from node_scripts.store.layout import minutes_prefix
from node_scripts.store.objects import StoreAddress
from tests.store_servers import address_of, rclone_s3

FLEET = "benchmark"
SAMPLE_S = 5.0
MINUTE_S = 60
WARM_UP_S = 15.0
"""Until every process has loaded what it loads at its first look."""
EXPORTER = "prometheus-node-exporter"
EXPORTER_NAMES = (EXPORTER, "node_exporter")
COLUMNS = ("what", "% of a core", "cpu ms a sample", "RSS MiB, mean", "RSS MiB, peak")


@dataclass(slots=True)
class Watched:
    """One process that is weighed."""

    process: psutil.Process
    cpu_before_s: float = 0.0
    rss: list[int] = field(default_factory=list)

    def row(self, name: str, seconds: float) -> tuple[object, ...]:
        """Return its figures over ``seconds``."""
        used = cpu_seconds(self.process) - self.cpu_before_s
        mean = sum(self.rss) / len(self.rss)
        samples = seconds / SAMPLE_S
        return (
            name,
            100 * used / seconds,
            1000 * used / samples,
            mean / MEBIBYTE,
            max(self.rss) / MEBIBYTE,
        )


def main() -> None:
    """Start everything, wait until it has warmed up, weigh, publish."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.monitor")
    parser.add_argument("--seconds", type=float, default=240.0, help="how long all are weighed")
    parser.add_argument("--rate", type=float, default=5.0, help="requests a second through the proxy")
    given = parser.parse_args()
    end_cleanly_on_signals()
    compile_everything()
    notes = [
        f"{given.seconds:.0f} s at the same time, a look or a scrape every {SAMPLE_S:.0f} s",
    ]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gm", dir="/tmp")))
        stub = stack.enter_context(stub_loader(folder))
        watched: dict[str, Watched] = {}
        asked = []
        for name, (secrets, store) in stores(folder, stack).items():
            gateway = stack.enter_context(garnet(folder / name, stub.spec))
            asked.append(stack.enter_context(traffic(gateway.target, given.rate)))
            process = stack.enter_context(monitor(folder / name, store, secrets))
            watched[f"garnet's monitor, store: {name}"] = Watched(process)
        loop = ["-m", "benchmarks.host_loop", "--sample-s", str(SAMPLE_S), "--disk", str(folder)]
        lines = folder / "loop"
        process = stack.enter_context(
            running([sys.executable, *loop], lines, lambda: lines.stat().st_size > 0)
        )
        watched["psutil loop, host figures only"] = Watched(process)
        exporter = stack.enter_context(node_exporter(folder))
        if isinstance(exporter, str):
            notes.append(exporter)
        else:
            watched["node_exporter, host figures only"] = Watched(exporter)
        time.sleep(WARM_UP_S)
        before = [one() for one in asked]
        weigh(watched, given.seconds)
        rows = [one.row(name, given.seconds) for name, one in watched.items()]
        answered = [one() - first for one, first in zip(asked, before, strict=True)]
        notes.append(f"through each monitor's proxy meanwhile, requests: {answered}")
        notes.append(f"minutes in the directory at the end: {shipped(folder / 'minutes')}")
    tick_ms = 1000 / os.sysconf("SC_CLK_TCK")
    notes.append(f"processor time is counted in steps of {tick_ms:.0f} ms in all")
    notes.append("the monitor also keeps requests, minutes, a spool and alerts, and ships; the others do not")
    publish("monitor", COLUMNS, rows, notes)


def weigh(watched: Mapping[str, Watched], seconds: float) -> None:
    """Look at the memory of all every half second, for so long."""
    for one in watched.values():
        one.cpu_before_s = cpu_seconds(one.process)
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for one in watched.values():
            one.rss.append(rss_bytes(one.process))
        time.sleep(min(0.5, left))


def stores(folder: Path, stack: ExitStack) -> dict[str, tuple[str, StoreAddress]]:
    """Return, by the name of the node that uses it, each store and the secrets it takes."""
    (folder / "minutes").mkdir()
    (folder / "bucket").mkdir()
    endpoint, keys, bucket = stack.enter_context(rclone_s3(folder / "bucket"))
    secrets = f"{ACCESS_KEY_NAME}={keys.access_key_id}\n{SECRET_KEY_NAME}={keys.secret_access_key}\n"
    return {
        "directory": ("", StoreAddress(str(folder / "minutes"))),
        "S3": (secrets, address_of(endpoint, bucket)),
    }


@contextmanager
def monitor(root: Path, store: StoreAddress, secrets: str) -> Iterator[psutil.Process]:
    """Run the monitor of the node on ``root``."""
    paths = NodePaths.at(root)
    config = MonitorConfig(
        fleet=FLEET,
        node=root.name,
        nodes=[root.name],
        store=store,
        sample_s=SAMPLE_S,
        minute_s=MINUTE_S,
    )
    paths.monitor_file.write_bytes(msgspec.json.encode(config))
    paths.monitor_secrets_file.touch(mode=0o600)
    paths.monitor_secrets_file.write_text(secrets)
    command = [sys.executable, "-m", "node_scripts.monitor", "--root", str(paths.root)]
    with running(command, paths.log / "monitor.log", paths.monitor_live_file.exists) as process:
        yield process


@contextmanager
def traffic(target: Target, rate: float) -> Iterator[Callable[[], int]]:
    """Ask the proxy so often a second from a thread; yield how many answers were whole so far."""
    stop = threading.Event()
    counted = [0]
    load = Load(model=MODEL, requests=1, workers=1, tokens=32, stream=True)

    def ask() -> None:
        while not stop.wait(1 / rate):
            counted[0] += len(measure(target, load).latencies_ms)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield lambda: counted[0]
    finally:
        stop.set()
        thread.join()


@contextmanager
def node_exporter(folder: Path) -> Iterator[psutil.Process | str]:
    """Run node_exporter as it is installed, and scrape it; yield the reason where it cannot run."""
    path = os.pathsep.join((os.environ.get("PATH", ""), SYSTEM_PATH))
    program = next((found for name in EXPORTER_NAMES if (found := shutil.which(name, path=path))), None)
    if program is None:
        yield f"node_exporter skipped: not installed (Debian: {EXPORTER})"
        return
    (port,) = free_ports(1)
    command = [program, f"--web.listen-address=127.0.0.1:{port}"]
    stop = threading.Event()

    def scrape() -> None:
        while not stop.wait(SAMPLE_S - time.time() % SAMPLE_S):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SAMPLE_S)
            connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
            connection.getresponse().read()
            connection.close()

    with running(command, folder / "exporter.log", lambda: answers(("127.0.0.1", port))) as process:
        thread = threading.Thread(target=scrape)
        thread.start()
        try:
            yield process
        finally:
            stop.set()
            thread.join()


def shipped(root: Path) -> int:
    """Count the minutes in the store; raises MsgspecError for one that cannot be read."""
    store = DirectoryStore(root)
    found = [store.get(one.key) for one in store.list(minutes_prefix(FLEET))]
    for content in found:
        msgspec.json.decode(gzip.decompress(content), type=Minute)
    return len(found)


if __name__ == "__main__":
    main()
