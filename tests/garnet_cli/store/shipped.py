"""Minutes and events as nodes ship them, made from a seed."""

from __future__ import annotations

import gzip
import random

import msgspec

from node_scripts.histogram import Histogram, merged
from node_scripts.records import (
    Event,
    KeyMinute,
    Minute,
    ModelMinute,
    PeerMinute,
    PowerMinute,
    Reading,
)
from node_scripts.store.layout import events_key, minute_key
from node_scripts.store.objects import ObjectStore

FLEET = "office"
DAY = 1_763_683_200
"""2025-11-21 00:00 UTC."""


def minute(node: str = "mini-1", begin: int = DAY, part: int = 0, seed: int = 0, requests: int = 5) -> Minute:
    """Return a minute with all kinds of fields set, or not."""
    dice = random.Random(f"{node} {begin} {part} {seed}")
    record = Minute(
        fleet=FLEET,
        node=node,
        minute_unix=begin,
        part=part,
        sealed_unix=begin + 62.5,
        covered_s=60.0,
        release="r1",
    )
    for name in ("llama", "qwen")[: dice.randint(0, 2)]:
        record.models[name] = model_minute(dice, requests)
    record.keys["team"] = KeyMinute(requests=requests, prompt_tokens=dice.randint(0, 9))
    record.peers["mini-9"] = PeerMinute(observed_s=60.0, unreachable_s=dice.choice([0.0, 5.0]))
    record.thermal.level_s[dice.randint(0, 4)] += 60.0
    record.thermal.observed_s = 60.0
    if dice.random() < 0.5:
        record.thermal.package_celsius = Reading(mean=61.5, maximum=70.0, source="powermetrics", seconds=55.0)
        record.power = PowerMinute(joules=1800.0, seconds=60.0, watts_max=45.0, source="shelly")
        record.memory.pressure = "warn"
        record.host.clock_offset_s = -0.25
    record.monitor.samples = 12
    record.monitor.sensor_errors = {"fan": 2} if dice.random() < 0.5 else {}
    return record


def model_minute(dice: random.Random, requests: int) -> ModelMinute:
    """Return one model's minute of some requests."""
    model = ModelMinute()
    for _ in range(dice.randint(0, requests)):
        model.client.requests += 1
        if dice.random() < 0.1:
            model.client.errors["overloaded"] = model.client.errors.get("overloaded", 0) + 1
            continue
        model.client.answered += 1
        model.client.prompt_tokens += dice.randint(1, 3000)
        model.client.completion_tokens += dice.randint(1, 300)
        model.client.latency_ms.add(dice.lognormvariate(7, 1))
        model.client.queue_ms.add(dice.choice([0.0, 12.5]))
    model.loader.requests = model.client.requests
    model.loader.busy_s = dice.choice([None, 12.5])
    model.loader.loader = "loader-3"
    return model


def ship_minute(store: ObjectStore, record: Minute) -> str:
    """Put a minute where a node would; return its key."""
    key = minute_key(record.fleet, record.node, record.minute_unix, record.part)
    store.put(key, gzip.compress(msgspec.json.encode(record), mtime=0))
    return key


def event(begin: float = DAY, node: str = "mini-1", serial: int = 0) -> Event:
    """Return an event."""
    return Event(
        id=f"{int(begin * 1e6):016x}-{serial:08x}",
        time_unix=begin,
        fleet=FLEET,
        node=node,
        kind="alert",
        subject="throttle",
        action="fired",
        detail={"value": 5.5, "models": ["llama"], "none": None},
    )


def ship_events(store: ObjectStore, events: list[Event]) -> str:
    """Put a batch of events where a node would; return its key."""
    first = events[0]
    key = events_key(first.fleet, first.node, first.time_unix, first.id)
    lines = b"".join(msgspec.json.encode(one) + b"\n" for one in events)
    store.put(key, gzip.compress(lines, mtime=0))
    return key


def latency_of(minutes: list[Minute], model: str) -> Histogram:
    """Return the merged latency of a model."""
    return merged(one.models[model].client.latency_ms for one in minutes if model in one.models)
