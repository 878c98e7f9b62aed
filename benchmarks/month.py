"""A simulated month of minutes, from a seed, as nodes would have shipped it."""

from __future__ import annotations

import gzip
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.compute as pc

from garnet_cli.store.days import begin_of
from garnet_cli.store.manifest import Manifest, ParquetFile, encoded, manifest_key, read_day
from garnet_cli.store.parquet import ParquetWriters, row_groups
from node_scripts.records import KeyMinute, Minute, ModelMinute, PeerMinute, PowerMinute, Reading
from node_scripts.store.directory import DirectoryStore
from node_scripts.store.layout import compacted_prefix, minute_key

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


def fill(root: Path, raw_days: int, copies: int) -> None:
    """Give the days without raw objects the first day's rows, at their own time.

    With ``copies`` above 1 every day, the first too, has the rows of the shipped nodes that often, under
    further nodes' names.
    """
    store = DirectoryStore(root)
    first = read_day(store, FLEET, FIRST).manifest
    if first is None:
        raise RuntimeError("the first day was not compacted")
    if copies > 1:
        copy_day(store, first, FIRST, range(1, copies))
    for day in days()[raw_days:]:
        copy_day(store, first, day, range(copies))


def copy_day(store: DirectoryStore, first: Manifest, day: date, copies: Iterable[int]) -> None:
    """Write one day's Parquet and manifest from the first one's; on the first day, beside it."""
    same = day == first.date
    files: list[ParquetFile] = list(first.files) if same else []

    def keep(file: ParquetFile, path: Path) -> None:
        store.put(compacted_prefix(FLEET, day) + file.name, path.read_bytes())
        files.append(file)

    shift = begin_of(day) - begin_of(first.date)
    with ParquetWriters(f"{day.isoformat()} copies" if same else day.isoformat(), keep) as writers:
        for copy in copies:
            for one in first.files:
                for rows in row_groups(store.get(first.key_of(one)), one.table):
                    writers.add({one.table: _moved(rows, shift, copy)})
        writers.finish()
    number = first.number + 1 if same else 1
    manifest = Manifest(
        fleet=FLEET,
        date=day,
        number=number,
        written_unix=time.time(),
        files=files,
        inputs=first.inputs if same else {},
    )
    store.put(manifest_key(FLEET, day, number), encoded(manifest))


def _moved(rows: Any, shift: int, copy: int) -> Any:
    """Return rows at another time, and for a copy above 0 under other nodes' names."""
    place = rows.schema.get_field_index("minute_unix")
    rows = rows.set_column(place, "minute_unix", pc.add(rows.column(place), shift))
    if copy:
        place = rows.schema.get_field_index("node")
        named = pc.binary_join_element_wise(rows.column(place), str(copy), "-")
        rows = rows.set_column(place, "node", named)
    return rows
