"""Totals of a month and of a quarter: seconds and memory of reading, and of making such fleets.

python -m benchmarks.totals [--days 30 90] [--nodes 8]

The fleet is simulated from a seed, with three models; its days are compacted Parquet in a directory store.
Each reading is of a process of its own, after one that filled its cache of Parquet files; seconds include
starting Python.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path

from benchmarks.processes import MEBIBYTE, Ran, compile_everything, end_cleanly_on_signals, run
from benchmarks.results import publish
from garnet_cli.store.cache import ParquetCache
from garnet_cli.store.totals import Span
from garnet_cli.store.totals_query import read_totals
from node_scripts.store.directory import DirectoryStore
from tests.simulated.spec import FleetSpec, ModelSpec, NodeSpec
from tests.simulated.store import simulate
from tests.simulated.totals import simulate_totals

COLUMNS = ("what", "nodes", "minutes", "rows", "seconds", "CPU seconds", "peak RSS MiB")
READINGS = ("window", "day", "day, no histograms", "hour, no histograms")
WEEKS = 100


def main() -> None:
    """Measure and publish, or do one phase for the process that measures it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.totals")
    parser.add_argument("--days", type=int, nargs="+", default=[30, 90])
    parser.add_argument("--nodes", type=int, default=8)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--phase", choices=("make", "weeks", *READINGS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.phase:
        print(json.dumps({"rows": done(given.phase, spec_of(given.nodes, given.days[0]), given.folder)}))
        return
    end_cleanly_on_signals()
    compile_everything()
    rows: list[tuple[object, ...]] = []
    for days in given.days:
        with tempfile.TemporaryDirectory(prefix="garnet-bench-") as folder:
            minutes = given.nodes * days * 1440
            steps = [
                ("make", f"{days} days made and compacted"),
                ("window", f"{days} days by window, nothing cached"),
                *((name, f"{days} days by {name}") for name in READINGS),
            ]
            for name, what in steps:
                ran = phase(name, given.nodes, days, folder)
                rows.append((what, given.nodes, minutes, *figures(ran)))
    ran = phase("weeks", 4, 7, "unused")
    rows.append((f"{WEEKS} weeks in memory", 4, WEEKS * 4 * 10_080, *figures(ran)))
    publish(
        "totals", COLUMNS, rows, ["peak RSS is of the reading process alone; simulated fleets of 3 models"]
    )


def figures(ran: Ran) -> tuple[int, float, float, float]:
    """Return rows, seconds, seconds of all cores and MiB."""
    rows = json.loads(ran.output)["rows"]
    return rows, ran.seconds, ran.cpu_seconds, ran.peak_rss_bytes / MEBIBYTE


def spec_of(nodes: int, days: int) -> FleetSpec:
    """Return a fleet whose three models are on three eighths of its nodes each."""
    names = [f"mini-{number + 1}" for number in range(nodes)]
    share = max(1, 3 * nodes // 8)
    models = tuple(
        ModelSpec(
            name=name,
            nodes=tuple(names[(start + number) % nodes] for number in range(share)),
            requests_per_minute=nodes * 4.0,
        )
        for name, start in (("llama-3.3-70b", 0), ("qwen3-32b", nodes // 3), ("gemma-3-27b", 2 * nodes // 3))
    )
    return FleetSpec(
        begin=date(2026, 7, 6),
        days=days,
        timezone="Europe/Berlin",
        nodes=tuple(NodeSpec(name=name) for name in names),
        models=models,
    )


def phase(name: str, nodes: int, days: int, folder: str) -> Ran:
    """Run one phase in a process of its own. Raises RuntimeError if it fails."""
    arguments = ["--phase", name, "--nodes", str(nodes), "--days", str(days), "--folder", folder]
    ran = run([sys.executable, "-m", "benchmarks.totals", *arguments])
    if ran.code:
        raise RuntimeError(f"{name}: exit status {ran.code}\n{ran.errors[-3000:]}")
    print(f"{name}: {ran.seconds:.1f} s, {ran.peak_rss_bytes / MEBIBYTE:.0f} MiB", file=sys.stderr)
    return ran


def done(name: str, spec: FleetSpec, folder: Path) -> int:
    """Do one phase and return how many rows came of it."""
    if name == "make":
        return len(simulate(spec, folder / "store").models)
    if name == "weeks":
        return sum(len(simulate_totals(replace(spec, seed=seed)).models) for seed in range(WEEKS))
    bucket, _, bare = name.partition(", ")
    span = Span(
        begin_unix=spec.begin_unix,
        end_unix=spec.end_unix,
        bucket="window" if bucket == "window" else "day" if bucket == "day" else "hour",
        timezone=spec.timezone,
    )
    cache = ParquetCache(folder / "cache")
    found = read_totals(DirectoryStore(folder / "store"), spec.fleet, span, histograms=not bare, cache=cache)
    return len(found.models) + len(found.nodes) + len(found.keys)


if __name__ == "__main__":
    main()
