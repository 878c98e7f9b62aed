"""A month of telemetry: compaction and a month's query against reading raw objects.

python -m benchmarks.telemetry [--scale 1 10 100] [--raw-days N]

The store is a directory. At scale 1 the month is 8 nodes in 30 days = 345,600 minutes, all of them shipped as
raw objects. At larger scales one day is, and the other days are that day's rows at other dates, so that
compaction's time is one day's times 30; the notes say so. Each figure is of a process of its own.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pyarrow.compute as pc

from benchmarks.processes import MEBIBYTE, Ran, compile_everything, end_cleanly_on_signals, run
from benchmarks.results import publish
from garnet_cli.store.cache import ParquetCache
from garnet_cli.store.compaction import compact_day
from garnet_cli.store.days import begin_of
from garnet_cli.store.manifest import Manifest, ParquetFile, encoded, manifest_key, read_day
from garnet_cli.store.parquet import ParquetWriters, row_groups
from garnet_cli.store.query import telemetry
from node_scripts.records import KeyMinute, Minute, ModelMinute, PeerMinute, PowerMinute, Reading
from node_scripts.store.directory import DirectoryStore
from node_scripts.store.layout import compacted_prefix, minute_key, minutes_prefix

FLEET = "bench"
NODES = 8
DAYS = 30
FIRST = date(2026, 10, 1)
SEED = 20261001
MODELS = {"llama-3.3-70b": 7.6, "qwen3-32b": 6.9}
"""Model to the mean of the logarithm of its latency in ms."""
REQUESTS = (2, 8, 25, 60)
"""Requests of a model in a minute: night, morning, day, peak."""
POOL = 4096
"""Different minutes of a model at one load; a month picks among them."""
MINUTES_A_DAY = 1440
THROTTLED = 0.03
"""Share of the minutes at pressure level 1."""
SQL_TOKENS = (
    "SELECT model, sum(prompt_tokens), sum(completion_tokens), sum(requests) FROM models GROUP BY model"
)
SQL_P95 = "SELECT grp, requests, value FROM quantiles(latency_ms, 0.95, per := model)"
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
    raw_bytes = ship(folder / "store", nodes, raw_days)
    print(f"shipped {raw_days} days in {time.perf_counter() - begin:.0f} s", file=sys.stderr)
    factor = DAYS / raw_days
    compaction = phase(folder, "compact")
    naive = phase(folder, "naive")
    sampled = json.loads(naive.output)["objects"]
    fill(folder / "store", raw_days)
    cold, warm = phase(folder, "query"), phase(folder, "query")
    if json.loads(cold.output)["requests"] != json.loads(warm.output)["requests"]:
        raise RuntimeError("two runs of one query differ")
    parquet = sum(path.stat().st_size for path in (folder / "store").rglob("*.parquet"))
    if factor != 1:
        notes.append(
            f"{nodes} nodes: compaction measured on {raw_days} of {DAYS} days, its time times {factor:.0f}"
        )
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


def days() -> list[date]:
    """Return the month's days."""
    return [FIRST + timedelta(days=number) for number in range(DAYS)]


def ship(root: Path, nodes: int, raw_days: int) -> int:
    """Write the raw objects of the first days as nodes would ship them; return their size in bytes.

    Straight to files: a store's fsync of each object is the nodes' business, minute by minute.
    """
    dice = random.Random(SEED)
    pool = [
        [{name: model_minute(dice, mu, load) for name, mu in MODELS.items()} for _ in range(POOL)]
        for load in REQUESTS
    ]
    size = 0
    for day in days()[:raw_days]:
        for number in range(nodes):
            node = f"mini-{number + 1}"
            for minute in minutes_of(dice, pool, node, day):
                path = root / minute_key(FLEET, node, minute.minute_unix)
                if minute.minute_unix == begin_of(day):
                    path.parent.mkdir(parents=True)
                content = gzip.compress(msgspec.json.encode(minute), 6, mtime=0)
                path.write_bytes(content)
                size += len(content)
    return size


def minutes_of(
    dice: random.Random, pool: Sequence[Sequence[dict[str, ModelMinute]]], node: str, day: date
) -> Iterator[Minute]:
    """Yield one node's minutes of one day, with its load by the hour."""
    for number in range(MINUTES_A_DAY):
        begin = begin_of(day) + 60 * number
        load = load_at(datetime.fromtimestamp(begin, UTC).hour)
        record = Minute(
            fleet=FLEET,
            node=node,
            minute_unix=begin,
            sealed_unix=begin + 62.0,
            covered_s=60.0,
            release="a1b2c3",
            models=dice.choice(pool[load]),
            keys={"team": KeyMinute(requests=dice.randint(0, 60), completion_tokens=dice.randint(0, 9000))},
            peers={f"mini-{peer}": PeerMinute(observed_s=60.0) for peer in range(1, NODES)},
            power=PowerMinute(
                joules=dice.uniform(600, 3600), seconds=60.0, watts_max=dice.uniform(20, 70), source="shelly"
            ),
        )
        record.thermal.level_s[dice.random() < THROTTLED] = 60.0
        record.thermal.observed_s = record.thermal.packed_s = 60.0
        celsius = dice.uniform(45, 95)
        record.thermal.package_celsius = Reading(
            mean=celsius, maximum=celsius + 4, source="powermetrics", seconds=60.0
        )
        record.memory.available_bytes = dice.randint(2**30, 2**35)
        record.monitor.samples = 12
        yield record


def load_at(hour: int) -> int:
    """Return the index into REQUESTS at an hour of the day."""
    return 0 if hour < 6 else 1 if hour < 9 or hour > 19 else 3 if 13 <= hour < 16 else 2  # noqa: PLR2004 -- hours


def model_minute(dice: random.Random, mu: float, load: int) -> ModelMinute:
    """Return a model's minute of about ``load`` requests with lognormal latencies."""
    model = ModelMinute()
    client = model.client
    for _ in range(dice.randint(load // 2, load * 3 // 2)):
        client.requests += 1
        if dice.random() < 0.002:  # noqa: PLR2004 -- an error in 500
            client.errors["overloaded"] = client.errors.get("overloaded", 0) + 1
            continue
        client.answered += 1
        client.prompt_tokens += dice.randint(50, 4000)
        client.completion_tokens += dice.randint(10, 600)
        client.latency_ms.add(dice.lognormvariate(mu, 0.7))
        client.first_token_ms.add(dice.lognormvariate(mu - 2.5, 0.5))
        client.token_time_ms.add(dice.lognormvariate(3.2, 0.2))
        client.queue_ms.add(0.0 if dice.random() < 0.8 else dice.lognormvariate(3, 1))  # noqa: PLR2004 -- one in 5 waits
    model.loader.requests, model.loader.loader = client.requests, "loader-3"
    model.loader.busy_s = model.loader.observed_s = 60.0
    return model


def fill(root: Path, raw_days: int) -> None:
    """Give the days without raw objects the first day's rows, at their own time."""
    store = DirectoryStore(root)
    first = read_day(store, FLEET, FIRST).manifest
    if first is None:
        raise RuntimeError("the first day was not compacted")
    for day in days()[raw_days:]:
        copy_day(store, first, day)


def copy_day(store: DirectoryStore, first: Manifest, day: date) -> None:
    """Write one day's Parquet and manifest from another's."""
    files: list[ParquetFile] = []

    def keep(file: ParquetFile, path: Path) -> None:
        store.put(compacted_prefix(FLEET, day) + file.name, path.read_bytes())
        files.append(file)

    shift = begin_of(day) - begin_of(first.date)
    with ParquetWriters(day.isoformat(), keep) as writers:
        for one in first.files:
            for rows in row_groups(store.get(first.key_of(one)), one.table):
                place = rows.schema.get_field_index("minute_unix")
                later = pc.add(rows.column(place), shift)
                writers.add({one.table: rows.set_column(place, "minute_unix", later)})
        writers.finish()
    manifest = Manifest(fleet=FLEET, date=day, number=1, written_unix=time.time(), files=files)
    store.put(manifest_key(FLEET, day, 1), encoded(manifest))


if __name__ == "__main__":
    main()
