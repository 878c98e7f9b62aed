"""`garnet weekly` over two nodes with real loaders: its figures are those that the clients counted."""

from __future__ import annotations

import csv
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from garnet_cli.store.weeks import week_of
from node_scripts.store.directory import DirectoryStore
from tests.fleet.asking import ready_loader
from tests.fleet.rack import Rack, eventually
from tests.fleet.test_telemetry import CANARY, MODEL, Counted, load, sums_in
from tests.node_scripts.monitor.running import minutes_in

pytestmark = pytest.mark.fleet

MINUTE_S = 4
WORKERS = 2
NAMES = ("one", "two")
FILES = {
    *(
        f"{name}.{kind}"
        for name in ("placement-diff", "cost-diff", "eviction-log")
        for kind in ("md", "json", "csv")
    ),
    *("summary.md", "summary.json"),
}


@dataclass
class Ran:
    """A fleet that was under load, with its store, and what its clients counted together."""

    rack: Rack
    store: Path
    counted: dict[str, Any]
    week: str


@pytest.fixture(scope="module")
def ran(tiny_model_a: Path) -> Iterator[Ran]:
    """Have two nodes answer for a while, and wait until all of it is in the store."""
    with Rack(NAMES) as rack:
        store = rack.folder / "store"
        store.mkdir()
        rack.store = str(store)
        rack.telemetry = {"minute_s": MINUTE_S, "sample_s": 0.5}
        rack.serve(MODEL, tiny_model_a)
        rack.up()
        eventually(lambda: all(ready_loader(node, MODEL) for node in rack.nodes), "loaders are ready")
        counted = {node.name: Counted() for node in rack.nodes}
        stop = threading.Event()
        threads = [
            threading.Thread(target=load, args=(node, counted[node.name], stop))
            for node in rack.nodes
            for _ in range(WORKERS)
        ]
        for thread in threads:
            thread.start()
        time.sleep(4 * MINUTE_S)
        stop.set()
        for thread in threads:
            thread.join()
        directory = DirectoryStore(store)
        for name, one in counted.items():
            expected = one.sums()
            eventually(
                lambda n=name, e=expected: sums_in(minutes_in(directory, "test"), n) == e,  # type: ignore[misc]
                f"all of {name}'s requests are in the store",
                40,
            )
        sums = {
            name: sum(one.sums()[name] for one in counted.values())
            for name in ("requests", "answered", "prompt_tokens", "completion_tokens")
        }
        sums["errors"] = dict(sum((one.errors for one in counted.values()), Counter()))
        # What was shipped last is in a minute that has ended.
        time.sleep(MINUTE_S)
        yield Ran(rack, store, sums, week_of(time.time(), "UTC").name)


def test_the_running_week_counts_what_the_clients_counted(ran: Ran) -> None:
    """Requests, prompt and completion tokens of the fleet, and those of the loaders, exactly."""
    found = json.loads(ran.rack.garnet("weekly", "--week", "current", "--json", "--dry-run").stdout)
    assert (found["week"], found["over"]) == (ran.week, False)
    traffic = found["traffic"]
    assert {name: traffic[name] for name in ran.counted} == ran.counted
    assert traffic["unknown_model_requests"] == ran.counted["errors"]["model_not_found"] > 0
    fleet = found["costs"]["this"]["fleet"]
    assert fleet["requests"] == ran.counted["requests"] - traffic["unknown_model_requests"]
    for name in ("prompt_tokens", "completion_tokens"):
        assert fleet[name] == ran.counted[name], name
    nodes = found["costs"]["this"]["nodes"]
    for name in ("prompt_tokens", "completion_tokens"):
        assert sum(node[name] for node in nodes) == ran.counted[name], name
    assert set(found["completeness"]) == set(NAMES)
    assert not (ran.store / "fleets" / "test" / "weekly").exists()


def test_its_files_are_in_the_store_and_in_the_folder_and_agree(ran: Ran) -> None:
    """Running it twice leaves one set of files; no word of clients is in any of them."""
    out = ran.rack.folder / "out"
    for _ in range(2):
        done = ran.rack.garnet("weekly", "--week", "current", "--out", str(out))
    assert "WHAT TO DO NEXT" in done.stdout
    assert "no summary was sent: route alerts has no URL here" in done.stderr
    stored = ran.store / "fleets" / "test" / "weekly" / ran.week
    assert {path.name for path in (out / ran.week).iterdir()} == FILES
    assert {path.name for path in stored.iterdir()} == FILES
    for name in FILES:
        content = (stored / name).read_bytes()
        assert content == (out / ran.week / name).read_bytes()
        assert CANARY.encode() not in content
    with (stored / "cost-diff.csv").open(newline="") as stream:
        rows = {(row["scope"], row["name"]): row for row in csv.DictReader(stream)}
    fleet = next(row for (scope, _), row in rows.items() if scope == "fleet")
    unknown = ran.counted["errors"]["model_not_found"]
    assert int(fleet["requests_this"]) == ran.counted["requests"] - unknown
    assert int(fleet["completion_tokens_this"]) == ran.counted["completion_tokens"]


def test_a_week_that_the_store_lacks_is_refused(ran: Ran) -> None:
    """Exit code 1 and one line."""
    failed = ran.rack.garnet("weekly", "--week", "2024-W10", code=1)
    assert "the store has no minute of week 2024-W10" in failed.stderr
