"""Adds samples and request records up to one telemetry minute; adds minutes up to one. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeVar

from node_scripts.monitor.sample import ModelSample, Sample, SensorSample, Value
from node_scripts.monitor.throttle import ThermalStep, add_step
from node_scripts.records import (
    ClientSide,
    HostMinute,
    KeyMinute,
    LoaderSide,
    Minute,
    ModelMinute,
    PeerMinute,
    PowerMinute,
    Reading,
    RequestRecord,
)

PRESSURES = ("normal", "warn", "critical")
_PRESSURE_NUMBERS = {1: 0, 2: 1, 4: 2}
_COUNTERS = ("lookups", "hits", "hit_tokens", "lookup_tokens", "evictions", "loads")
GAUGES = ("cache_bytes", "cache_sequences", "memory_bytes")

_Summed = TypeVar("_Summed", ClientSide, KeyMinute, LoaderSide)


def is_sound(record: RequestRecord) -> bool:
    """Say whether a record's figures can be counted: finite and not negative."""
    times = (record.end_unix, record.latency_ms, record.queue_ms, record.first_token_ms or 0.0)
    counts = (record.prompt_tokens, record.cached_tokens, record.completion_tokens)
    return all(0 <= time < math.inf for time in times) and min(counts) >= 0


def token_time_ms(record: RequestRecord) -> float | None:
    """Return the time per output token after the first; ``None`` where there was no second."""
    if record.first_token_ms is None or record.completion_tokens < 2:  # noqa: PLR2004 -- see above
        return None
    return max(0.0, record.latency_ms - record.first_token_ms) / (record.completion_tokens - 1)


def add_request(minute: Minute, record: RequestRecord) -> None:
    """Count one request; raises ValueError for one that is not sound."""
    if not is_sound(record):
        raise ValueError("a record with negative or infinite figures")
    model = minute.models.setdefault(record.model, ModelMinute())
    if not record.forwarded:
        _add_client(model.client, record)
        if record.key:
            _add_key(minute.keys.setdefault(record.key, KeyMinute()), record)
    if record.served_by and not record.served_by.startswith("peer:"):
        model.loader.requests += 1
        _add_tokens(model.loader, record)


def _add_client(client: ClientSide, record: RequestRecord) -> None:
    client.requests += 1
    _add_tokens(client, record)
    if record.served_by.startswith("peer:"):
        client.served_by_peers += 1
    if record.outcome == "error":
        client.errors[record.error] = client.errors.get(record.error, 0) + 1
    elif record.outcome == "cancelled":
        client.cancelled += 1
    else:
        client.answered += 1
        client.latency_ms.add(record.latency_ms)
        client.queue_ms.add(record.queue_ms)
        if record.first_token_ms is not None:
            client.first_token_ms.add(record.first_token_ms)
        per_token = token_time_ms(record)
        if per_token is not None:
            client.token_time_ms.add(per_token)


def _add_key(key: KeyMinute, record: RequestRecord) -> None:
    key.requests += 1
    key.errors += record.outcome == "error"
    _add_tokens(key, record)


def _add_tokens(side: _Summed, record: RequestRecord) -> None:
    side.prompt_tokens += record.prompt_tokens
    side.cached_tokens += record.cached_tokens
    side.completion_tokens += record.completion_tokens


def add_sample(minute: Minute, sample: Sample, before: Mapping[str, ModelSample] | None) -> None:
    """Count one sample. ``before``: the models of the one before; ``None``: none, or without a proxy."""
    minute.covered_s += sample.dt_s
    monitor = minute.monitor
    monitor.samples += 1
    monitor.missed += sample.missed
    monitor.spool_minutes = sample.spool_minutes
    if sample.proxy_up:
        monitor.proxy_up_s += sample.dt_s
    else:
        monitor.proxy_down_s += sample.dt_s
    for name in sample.sensors.errors:
        monitor.sensor_errors[name] = monitor.sensor_errors.get(name, 0) + 1
    for name, model in sample.models.items():
        side = minute.models.setdefault(name, ModelMinute()).loader
        _add_model(
            side, model, None if before is None else before.get(name), sample.dt_s, known=before is not None
        )
        monitor.evictions_missed += model.evictions_missed
    for name, reachable in sample.peers.items():
        peer = minute.peers.setdefault(name, PeerMinute())
        peer.observed_s += sample.dt_s
        if not reachable:
            peer.unreachable_s += sample.dt_s
    _add_sensors(minute, sample)


def _add_model(
    side: LoaderSide, now: ModelSample, before: ModelSample | None, dt_s: float, *, known: bool
) -> None:
    side.loader, side.artifact, side.source = now.loader, now.artifact, now.source
    side.restarts += now.restarted
    side.in_flight_max = max(side.in_flight_max or 0, now.in_flight)
    side.queued_max = max(side.queued_max or 0, now.queued)
    for name in GAUGES:
        value = getattr(now, name)
        if value is not None:
            setattr(side, name, value)
    same = before is not None and before.loader == now.loader
    for name in _COUNTERS:
        earlier = getattr(before, name) if same and before is not None and before.pid == now.pid else None
        grown = _growth(earlier, getattr(now, name), from_zero=known and (not same or now.restarted))
        if grown is not None:
            setattr(side, name, (getattr(side, name) or 0) + grown)
    busy_before = before.busy_total_s if same and before is not None else None
    busy = _growth(busy_before, now.busy_total_s, from_zero=known and not same)
    if busy is not None and dt_s > 0:
        # A sample stands for a bounded time: what was busy in a longer gap was not seen.
        side.busy_s = (side.busy_s or 0.0) + min(busy, dt_s)
        side.observed_s += dt_s


def _growth(before: float | None, now: float | None, *, from_zero: bool) -> float | None:
    """Return how much a counter has grown; from zero for a process that was not there before."""
    if now is None:
        return None
    if before is None or now < before:
        return now if from_zero else None
    return now - before


def _add_sensors(minute: Minute, sample: Sample) -> None:
    sensors, dt_s = sample.sensors, sample.dt_s
    thermal = minute.thermal
    add_step(thermal, ThermalStep(sample.monotonic_s, dt_s, sensors.thermal_level, sample.packed))
    thermal.source = sensors.thermal_source or thermal.source
    thermal.package_celsius = _read(thermal.package_celsius, sensors.package_celsius, dt_s)
    thermal.core_celsius = _read(thermal.core_celsius, sensors.core_celsius, dt_s)
    thermal.fan_rpm = _read(thermal.fan_rpm, sensors.fan_rpm, dt_s)
    if sensors.watts is not None:
        watts, power = sensors.watts, minute.power
        if power is None:
            power = minute.power = PowerMinute(joules=0.0, seconds=0.0, watts_max=0.0, source=watts.source)
        power.joules += watts.value * dt_s
        power.seconds += dt_s
        power.watts_max = max(power.watts_max, watts.value)
        power.source = watts.source
    _add_memory(minute, sensors)
    _add_host(minute.host, sensors, minute.covered_s, dt_s)


def _read(reading: Reading | None, value: Value | None, dt_s: float) -> Reading | None:
    if value is None or dt_s <= 0:
        return reading
    new = Reading(mean=value.value, maximum=value.value, source=value.source, seconds=dt_s)
    return merged_reading(reading, new)


def merged_reading(one: Reading | None, two: Reading | None) -> Reading | None:
    """Return the reading of two stretches of time."""
    if one is None or two is None:
        return one or two
    seconds = one.seconds + two.seconds
    mean = (one.mean * one.seconds + two.mean * two.seconds) / seconds if seconds else two.mean
    return Reading(mean=mean, maximum=max(one.maximum, two.maximum), source=two.source, seconds=seconds)


def _add_memory(minute: Minute, sensors: SensorSample) -> None:
    memory = minute.memory
    for memory_name, sensor_name in (
        ("total_bytes", "memory_total_bytes"),
        ("available_bytes", "memory_available_bytes"),
        ("wired_bytes", "wired_bytes"),
        ("compressed_bytes", "compressed_bytes"),
        ("swap_used_bytes", "swap_used_bytes"),
        ("gpu_bytes", "gpu_bytes"),
    ):
        value = getattr(sensors, sensor_name)
        if value is not None:
            setattr(memory, memory_name, value)
    memory.source = sensors.memory_source or memory.source
    level = _PRESSURE_NUMBERS.get(sensors.pressure or 0)
    if level is not None:
        worst = level if memory.pressure is None else max(level, PRESSURES.index(memory.pressure))
        memory.pressure = PRESSURES[worst]  # type: ignore[assignment]


def _add_host(host: HostMinute, sensors: SensorSample, covered_s: float, dt_s: float) -> None:
    for name in ("disk_free_bytes", "disk_total_bytes", "clock_offset_s"):
        value = getattr(sensors, name)
        if value is not None:
            setattr(host, name, value)
    host.clock_source = sensors.clock_source or host.clock_source
    if sensors.cpu_share is not None:
        host.cpu_share = weighted(host.cpu_share, covered_s - dt_s, sensors.cpu_share, dt_s)


def weighted(one: float | None, one_s: float, two: float | None, two_s: float) -> float | None:
    """Return the mean of two figures by their seconds; of one, where the other is unknown."""
    if one is None or two is None or one_s + two_s <= 0:
        return two if two is not None else one
    return (one * one_s + two * two_s) / (one_s + two_s)


def add_swapped_in(minute: Minute, sample: Sample, before: Sample | None) -> None:
    """Count what was swapped in between two samples of one boot."""
    if before is None:
        return
    grown = _growth(before.sensors.swap_in_total_bytes, sample.sensors.swap_in_total_bytes, from_zero=False)
    if grown is not None:
        minute.memory.swap_in_bytes = (minute.memory.swap_in_bytes or 0) + int(grown)
