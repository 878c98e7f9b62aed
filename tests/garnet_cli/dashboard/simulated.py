"""Minutes and events of a fleet that never was: the same for the same seed."""

from __future__ import annotations

import math
import random
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from node_scripts.histogram import Histogram
from node_scripts.records import (
    ClientSide,
    Event,
    EventKind,
    HostMinute,
    LoaderSide,
    MemoryMinute,
    Minute,
    ModelMinute,
    MonitorMinute,
    PowerMinute,
    Reading,
    ThermalMinute,
)

GIB = 1024**3
NOON = 1_793_707_200
"""A Tuesday in November 2026, 12:00 UTC."""

NODES = ("mini-1", "mini-2", "mini-3", "mini-4", "mini-5", "mini-6")
MODELS = ("llama-3.3-70b", "qwen3-coder-30b", "gemma-3-27b", "smollm2-360m")


def minutes(
    begin_unix: int,
    end_unix: int,
    nodes: Sequence[str] = NODES,
    models: Sequence[str] = MODELS,
    *,
    seed: int = 7,
    per_minute: float = 7.0,
) -> Iterator[Minute]:
    """Yield a fleet's minutes: a working day's load, one warm node, one that was away for a while."""
    chance = random.Random(seed)
    for number, node in enumerate(nodes):
        served = models[number % 2 :: 2] if len(models) > 1 else models
        celsius = 41.0
        for begin in range(begin_unix, end_unix, 60):
            load = _load(begin) * chance.uniform(0.75, 1.25)
            hot = number == 2 and load > 0.8
            celsius += (38 + 42 * load + (13 if hot else 0) + chance.uniform(-6, 6) - celsius) * 0.08
            away = (
                number == len(nodes) - 1
                and len(nodes) > 1
                and 0.55 < _part(begin, begin_unix, end_unix) < 0.6
            )
            if not away:
                yield _minute(node, begin, served, load, celsius, hot=hot, chance=chance, mean=per_minute)


def _load(time_unix: int) -> float:
    """Return the load of the hour, 0.1 at night to 1 in the early afternoon."""
    hour = time_unix / 3600 % 24
    return 0.1 + 0.9 * math.exp(-(((hour - 13.5) / 4.2) ** 2))


def _part(time_unix: int, begin: int, end: int) -> float:
    return (time_unix - begin) / (end - begin)


def _minute(
    node: str,
    begin: int,
    models: Sequence[str],
    load: float,
    celsius: float,
    *,
    hot: bool,
    chance: random.Random,
    mean: float,
) -> Minute:
    throttled = min(60.0, max(0.0, (celsius - 89) * 7)) if hot else 0.0
    packed = 60 * min(1.0, 0.2 + load)
    watts = 7 + 46 * load * chance.uniform(0.9, 1.1)
    slow = 1 + 0.6 * throttled / 60
    return Minute(
        fleet="office",
        node=node,
        minute_unix=begin,
        sealed_unix=begin + 62,
        covered_s=60.0,
        release="a41f09c2",
        models={
            name: _model(load, slow * (1 + 0.35 * place), chance, mean) for place, name in enumerate(models)
        },
        thermal=ThermalMinute(
            level_s=[60 - throttled, throttled, 0.0, 0.0, 0.0],
            observed_s=60.0,
            packed_s=packed,
            packed_throttled_s=min(packed, throttled),
            source="notifyutil",
            package_celsius=Reading(
                mean=celsius, maximum=celsius + 2, source="macmon:cpu_temp_avg", seconds=60
            ),
            fan_rpm=Reading(mean=1200 + 28 * celsius, maximum=1900, source="ismc", seconds=60),
        ),
        memory=MemoryMinute(
            total_bytes=64 * GIB,
            available_bytes=round((24 - 8 * load) * GIB),
            swap_used_bytes=0,
            pressure="normal",
        ),
        power=PowerMinute(joules=watts * 60, seconds=60.0, watts_max=watts * 1.2, source="shelly"),
        host=HostMinute(disk_free_bytes=420 * GIB, disk_total_bytes=926 * GIB, clock_offset_s=0.004),
        monitor=MonitorMinute(samples=12, proxy_up_s=60.0),
    )


def _model(load: float, slowness: float, chance: random.Random, mean: float) -> ModelMinute:
    count = round(mean * load * chance.uniform(0.6, 1.4))
    failed = 1 if chance.random() < 0.004 * count else 0
    latency, first = Histogram(), Histogram()
    prompt = cached = completion = 0
    for _ in range(count - failed):
        latency.add(chance.lognormvariate(math.log(640 * slowness * (0.7 + 0.6 * load)), 0.45))
        first.add(chance.lognormvariate(math.log(120 * slowness), 0.35))
        asked = round(chance.lognormvariate(6.4, 0.6))
        prompt, cached = prompt + asked, cached + round(asked * chance.uniform(0.2, 0.8))
        completion += round(chance.lognormvariate(5.1, 0.5))
    return ModelMinute(
        client=ClientSide(
            requests=count,
            answered=count - failed,
            errors={"loader_failed": failed} if failed else {},
            prompt_tokens=prompt,
            cached_tokens=cached,
            completion_tokens=completion,
            latency_ms=latency,
            first_token_ms=first,
        ),
        loader=LoaderSide(
            requests=count,
            prompt_tokens=prompt,
            cached_tokens=cached,
            completion_tokens=completion,
            busy_s=60 * min(1.0, load),
            observed_s=60.0,
            queued_max=max(0, round((load - 0.7) * 9)),
            lookups=count,
            hits=round(count * 0.62),
            evictions=0,
            loader="loader-1",
        ),
    )


def event(
    time_unix: float,
    kind: EventKind,
    subject: str,
    action: str,
    detail: dict[str, Any] | None = None,
    *,
    by: str = "mini-3",
    who: str = "",
) -> Event:
    """Return one event."""
    return Event(
        id=f"{round(time_unix * 1e6):016x}-{zlib.crc32(f'{subject} {action}'.encode()):08x}",
        time_unix=time_unix,
        fleet="office",
        node=by,
        kind=kind,
        subject=subject,
        action=action,
        who=who,
        detail=detail or {},
    )


def events(now_unix: float) -> list[Event]:
    """Return a day's events: one alert that goes on, two that are over, an incident, a swap, a restart."""
    clock = {"node": "mini-2", "subject": "", "value": 2.6, "unit": "s", "threshold": 2.0}
    throttle = {"node": "mini-3", "subject": "", "value": 6.2, "unit": "%", "threshold": 5.0}
    slow = {"node": "mini-1", "subject": "llama-3.3-70b", "value": 2412.0, "unit": "ms", "threshold": 2200.0}
    away = now_unix - 10.6 * 3600
    incident = {"node": "mini-6", "severity": "critical", "causes": ["node-missing"], "begin_unix": away}
    closed = {**incident, "end_unix": away + 4300}
    return [
        event(now_unix - 4620, "alert", "clock", "fired", clock, by="mini-2"),
        event(now_unix - 11_000, "alert", "throttle", "fired", throttle),
        event(now_unix - 6200, "alert", "throttle", "resolved", throttle),
        event(now_unix - 15_000, "alert", "latency", "fired", slow, by="mini-1"),
        event(now_unix - 14_000, "alert", "latency", "resolved", slow, by="mini-1"),
        event(away + 15, "incident", "mini-6-20261103-062500", "opened", incident, by="mini-1"),
        event(away + 4320, "incident", "mini-6-20261103-062500", "closed", closed, by="mini-1"),
        event(away + 9000, "incident", "mini-6-20261103-062500", "noted", {"cause": "a fuse blew"}, by=""),
        event(away + 4290, "restart", "loader-3", "restarted", by="mini-6"),
        event(now_unix - 30_000, "swap", "qwen3-coder-30b", "flip", by="mini-2", who="ana@office"),
    ]
