"""A month of telemetry: compaction and a month's query against reading raw objects.

python -m benchmarks.telemetry [--scale 1 10 100] [--raw-days N]

The store is a directory. At scale 1 the month is 8 nodes in 30 days = 345,600 minutes, all of them shipped as
raw objects. At larger scales one day of at most 80 nodes is; the other days are that day's rows at other
dates, and further nodes its rows under other names, so that compaction's time is that day's, times what is
missing; the notes say so. Each figure is of a process of its own.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import zlib
from datetime import timedelta
from pathlib import Path

from benchmarks.month import DAYS, FIRST, FLEET, MINUTES_A_DAY, MODELS, NODES, days, fill, ship
from benchmarks.processes import MEBIBYTE, Ran, compile_everything, end_cleanly_on_signals, run
from benchmarks.results import publish
from garnet_cli.store.cache import ParquetCache
from garnet_cli.store.compaction import compact_day
from garnet_cli.store.days import begin_of
from garnet_cli.store.query import telemetry
from node_scripts.store.directory import DirectoryStore
from node_scripts.store.layout import minutes_prefix

SQL_TOKENS = (
    "SELECT model, sum(prompt_tokens), sum(completion_tokens), sum(requests) FROM models GROUP BY model"
)
SQL_P95 = "SELECT grp, requests, value FROM quantiles(latency_ms, 0.95, per := model)"
MOST_RAW_NODES = 80
COLUMNS = ("what", "nodes", "minutes", "seconds", "peak RSS MiB", "MB on disk")


def main() -> None:
    """Measure every scale and publish, or do one phase of one scale for the process that measures it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.telemetry")
    parser.add_argument("--scale", type=int, nargs="+", default=[1], choices=(1, 10, 100))
    parser.add_argument("--raw-days", type=int, help="days shipped as raw objects; 30 at scale 1, else 1")
    parser.add_argument("--folder", type=Path, help="where the store is made; a temporary folder otherwise")
    parser.add_argument("--phase", choices=tuple(PHASES), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.phase:
        print(json.dumps(PHASES[given.phase](given.folder)))
        return
    end_cleanly_on_signals()
    compile_everything()
    rows: list[tuple[object, ...]] = []
    notes: list[str] = []
    for scale in given.scale:
        raw_days = given.raw_days or (DAYS if scale == 1 else 1)
        with tempfile.TemporaryDirectory(prefix="garnet-bench-", dir=given.folder) as folder:
            rows += measured(Path(folder), scale, raw_days, notes)
    publish("telemetry", COLUMNS, rows, notes)


def measured(folder: Path, scale: int, raw_days: int, notes: list[str]) -> list[tuple[object, ...]]:
    """Make a month, and return the rows of one scale."""
    nodes, minutes = NODES * scale, NODES * scale * DAYS * MINUTES_A_DAY
    (folder / "store").mkdir()
    begin = time.perf_counter()
    raw_nodes = min(nodes, MOST_RAW_NODES)
    raw_bytes = ship(folder / "store", raw_nodes, raw_days)
    print(
        f"shipped {raw_days} days of {raw_nodes} nodes in {time.perf_counter() - begin:.0f} s",
        file=sys.stderr,
    )
    factor = DAYS / raw_days * nodes / raw_nodes
    compaction = phase(folder, "compact")
    naive = phase(folder, "naive")
    sampled = json.loads(naive.output)["objects"]
    fill(folder / "store", raw_days, nodes // raw_nodes)
    cold, warm = phase(folder, "query"), phase(folder, "query")
    if json.loads(cold.output)["requests"] != json.loads(warm.output)["requests"]:
        raise RuntimeError("two runs of one query differ")
    parquet = sum(path.stat().st_size for path in (folder / "store").rglob("*.parquet"))
    if factor > 1:
        notes.append(repeated_note(nodes, raw_nodes, raw_days))
    notes.append(
        f"{nodes} nodes: naive reading measured on {sampled} raw objects, times {minutes / sampled:.1f}"
    )
    asked = json.loads(warm.output)
    notes.append(f"{nodes} nodes: of the cached query {asked['seconds']:.2f} s is work after the imports")
    scaled = naive.seconds * minutes / sampled
    return [
        (
            "compaction",
            nodes,
            minutes,
            compaction.seconds * factor,
            mib(compaction),
            raw_bytes * factor / 1e6,
        ),
        ("month's query, nothing cached", nodes, minutes, cold.seconds, mib(cold), parquet / 1e6),
        ("month's query, cached", nodes, minutes, warm.seconds, mib(warm), parquet / 1e6),
        ("naive reading of raw objects", nodes, minutes, scaled, mib(naive), raw_bytes * factor / 1e6),
    ]


def repeated_note(nodes: int, raw_nodes: int, raw_days: int) -> str:
    """Say which days of which nodes were shipped and compacted, and what the others are."""
    return (
        f"{nodes} nodes: {raw_days} of {DAYS} days of {raw_nodes} nodes shipped and compacted, compaction's"
        f" time times {DAYS / raw_days * nodes / raw_nodes:.0f}; all else is rows of the first day again, at"
        " other dates and under other nodes' names"
    )


def mib(ran: Ran) -> float:
    """Return a process's peak memory."""
    return ran.peak_rss_bytes / MEBIBYTE


def phase(folder: Path, name: str) -> Ran:
    """Run one phase in a process of its own. Raises RuntimeError if it fails."""
    ran = run([sys.executable, "-m", "benchmarks.telemetry", "--folder", str(folder), "--phase", name])
    if ran.code:
        raise RuntimeError(f"{name}: exit status {ran.code}\n{ran.errors[-3000:]}")
    print(f"{name}: {ran.seconds:.1f} s, {mib(ran):.0f} MiB", file=sys.stderr)
    return ran


def compact(folder: Path) -> dict[str, float]:
    """Compact every day that has raw objects."""
    store = DirectoryStore(folder / "store")
    for day in days():
        compact_day(store, FLEET, day)
    return {}


def query(folder: Path) -> dict[str, float]:
    """Ask a month's tokens and p95 by model."""
    begin = time.perf_counter()
    store = DirectoryStore(folder / "store")
    first, last = begin_of(FIRST), begin_of(FIRST + timedelta(days=DAYS))
    with telemetry(store, FLEET, first, last, cache=ParquetCache(folder / "cache")) as opened:
        tokens = list(opened.ask(SQL_TOKENS).rows)
        p95 = list(opened.ask(SQL_P95).rows)
    if len(tokens) != len(MODELS) or len(p95) != len(MODELS):
        raise RuntimeError(f"not every model is there: {tokens} {p95}")
    return {"requests": sum(row[3] for row in tokens), "seconds": time.perf_counter() - begin}


def naive(folder: Path) -> dict[str, float]:
    """Read a day's raw objects one by one and add them up, as a script without a store of its own would."""
    store = DirectoryStore(folder / "store")
    tokens: dict[str, int] = {}
    buckets: dict[str, dict[int, int]] = {}
    objects = 0
    for info in store.list(minutes_prefix(FLEET, FIRST)):
        minute = json.loads(zlib.decompress(store.get(info.key), 31))
        objects += 1
        for name, model in minute["models"].items():
            client = model["client"]
            tokens[name] = tokens.get(name, 0) + client["completion_tokens"] + client["prompt_tokens"]
            merged = buckets.setdefault(name, {})
            for index, count in client["latency_ms"]["buckets"].items():
                merged[int(index)] = merged.get(int(index), 0) + count
    return {"objects": objects}


PHASES = {"compact": compact, "query": query, "naive": naive}


if __name__ == "__main__":
    main()
