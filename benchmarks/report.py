"""The monthly report, store to PDF: seconds and memory for a month of 8 and of 64 nodes.

python -m benchmarks.report [--nodes 8 64] [--days 92]

The store is a directory with compacted days. For up to 8 nodes all of them are simulated; for more, whose
days take seconds each, a week of them is, and it is repeated. The report is that of the store's last whole
month, with all that it reads of the time before: the month before, ninety days of scorecard, weeks of
history. Each run is a process of its own, as cron starts it: imports, reading, figures, PDF, picture of page
1, JSON and CSV. The first one has to fetch the store's files into its cache, the second one has them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from benchmarks.processes import MEBIBYTE, Ran, compile_everything, end_cleanly_on_signals, run
from benchmarks.results import publish
from tests.garnet_cli.report.fleets import inventory_text
from tests.simulated.repeated import simulate_repeated
from tests.simulated.spec import FleetSpec, ModelSpec, NodeSpec
from tests.simulated.store import simulate

END = date(2026, 11, 1)
MONTH = "2026-10"
MODELS = {8: 10, 64: 40}
PLACES = 2
"""Nodes that serve a model."""
NODES_SIMULATED = 8
"""Of larger fleets only some days are simulated."""
DAYS_SIMULATED = 7
COLUMNS = (
    "what",
    "nodes",
    "models",
    "minutes of the month",
    "seconds",
    "CPU seconds",
    "peak RSS MiB",
    "MB of files",
)


def main() -> None:
    """Measure each size and publish, or make one report for the process that measures it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report")
    parser.add_argument("--nodes", type=int, nargs="+", default=[8, 64])
    parser.add_argument("--days", type=int, default=92, help="days of telemetry up to the month's end")
    parser.add_argument("--folder", type=Path, help="where stores are made; a temporary folder otherwise")
    given = parser.parse_args()
    end_cleanly_on_signals()
    compile_everything()
    rows: list[tuple[object, ...]] = []
    notes: list[str] = []
    for nodes in given.nodes:
        with tempfile.TemporaryDirectory(prefix="garnet-bench-", dir=given.folder) as folder:
            rows += measured(Path(folder), nodes, given.days, notes)
    publish("report", COLUMNS, rows, notes)


def fleet(nodes: int, days: int) -> FleetSpec:
    """Return a fleet that does well, each model on two nodes."""
    names = [f"mini-{number + 1}" for number in range(nodes)]
    count = MODELS.get(nodes, max(2, nodes // 2))
    return FleetSpec(
        begin=END - timedelta(days=days),
        days=days,
        timezone="Europe/Berlin",
        nodes=tuple(NodeSpec(name=name) for name in names),
        models=tuple(
            ModelSpec(
                name=f"model-{number + 1}-{(8, 14, 32, 70)[number % 4]}b",
                nodes=tuple(names[(number * PLACES + place) % nodes] for place in range(PLACES)),
                requests_per_minute=2.0,
            )
            for number in range(count)
        ),
    )


def measured(folder: Path, nodes: int, days: int, notes: list[str]) -> list[tuple[object, ...]]:
    """Simulate a fleet and return the rows of its report."""
    spec = fleet(nodes, days)
    (folder / "store").mkdir()
    (folder / "inventory.toml").write_text(inventory_text(spec, folder / "store"))
    begin = time.perf_counter()
    told = f"{nodes} nodes: {days} days of telemetry"
    if nodes <= NODES_SIMULATED or days <= DAYS_SIMULATED:
        simulate(spec, folder / "store")
    else:
        simulate_repeated(spec, folder / "store", DAYS_SIMULATED)
        told += f", {DAYS_SIMULATED} of them simulated and these repeated"
    print(f"{told}, made in {time.perf_counter() - begin:.0f} s", file=sys.stderr)
    rows: list[tuple[object, ...]] = []
    for what in ("nothing cached", "cached"):
        ran = report(folder)
        size = sum(path.stat().st_size for path in (folder / "out" / MONTH).iterdir())
        rows.append(
            (
                what,
                nodes,
                len(spec.models),
                nodes * 745 * 60,
                ran.seconds,
                ran.cpu_seconds,
                ran.peak_rss_bytes / MEBIBYTE,
                size / 1e6,
            )
        )
        print(f"{nodes} nodes, {what}: {ran.seconds:.1f} s", file=sys.stderr)
    document = json.loads((folder / "out" / MONTH / "report.json").read_bytes())
    tokens = document["volume"]["tokens"]
    notes.append(f"{told}; {tokens:,} tokens in the month")
    return rows


def report(folder: Path) -> Ran:
    """Make the report by the command itself. Raises RuntimeError if it fails."""
    command = [sys.executable, "-c", "from garnet_cli.cli.main import main; main()"]
    arguments = ["-i", str(folder / "inventory.toml"), "report", "--month", MONTH, "--no-send"]
    environment = ["/usr/bin/env", f"GARNET_CACHE={folder / 'cache'}"]
    ran = run([*environment, *command, *arguments, "--out", str(folder / "out")])
    if ran.code:
        raise RuntimeError(f"exit status {ran.code}\n{ran.errors[-3000:]}")
    return ran


if __name__ == "__main__":
    main()
