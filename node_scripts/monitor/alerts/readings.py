"""What rules read from the last samples: pure functions to values by subject.

A subject is what an alert is about: a model, a node that is missing, or this node itself (``""``).
``None`` is unknown, which is neither good nor bad.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from node_scripts.histogram import merged
from node_scripts.monitor.config import AlertSettings
from node_scripts.monitor.sample import ModelSample, Sample
from node_scripts.monitor.throttle import ThermalStep
from node_scripts.monitor.throttle import packed_throttle_pct as throttle_pct

HISTORY_S = 600.0
"""How far back the history goes that readings get."""
LATENCY_WINDOW_S = 300.0
LATENCY_LEAST_REQUESTS = 20
"""Fewer answered requests than this in the window have no p95 to speak of: unknown."""
RESTARTS_LEAST_S = 540.0
EVICTION_WINDOW_S = 300.0
EVICTION_LEAST_S = 60.0
MIB = 1024 * 1024

Samples = Sequence[Sample]
"""The samples of the last HISTORY_S seconds, oldest first, at least one."""
Values = dict[str, float | None]
Read = Callable[[Samples, AlertSettings], Values]
Explain = Callable[[Samples, str], str]
"""From the samples and a subject: what is to be said of this one case."""


def window(samples: Samples, seconds: float) -> Samples:
    """Return the samples within the last ``seconds`` by the monotonic clock."""
    begin_s = samples[-1].monotonic_s - seconds
    return [sample for sample in samples if sample.monotonic_s > begin_s]


def seconds_missing(samples: Samples, _settings: AlertSettings) -> Values:
    """Return, by peer, for how long it has not been reachable; 0 while it is."""
    return {
        peer: _seconds_of_last(samples, lambda sample, name=peer: _negated(sample.peers.get(name)))  # type: ignore[misc]
        for peer in samples[-1].peers
    }


def seconds_without_proxy(samples: Samples, _settings: AlertSettings) -> Values:
    """Return for how long this node's proxy has not answered."""
    return {"": _seconds_of_last(samples, lambda sample: not sample.proxy_up)}


def seconds_down(samples: Samples, _settings: AlertSettings) -> Values:
    """Return, by model, for how long its active loader has been down."""

    def down(sample: Sample, model: str) -> bool | None:
        found = sample.models.get(model)
        return None if found is None else found.state == "down"

    return {
        model: _seconds_of_last(samples, lambda sample, name=model: down(sample, name))  # type: ignore[misc]
        for model in samples[-1].models
    }


def packed_throttle_pct(samples: Samples, _settings: AlertSettings) -> Values:
    """Return the percentage of the last five minutes' packed time in which the chip was throttled."""
    steps = [
        ThermalStep(sample.monotonic_s, sample.dt_s, sample.sensors.thermal_level, sample.packed)
        for sample in samples
    ]
    return {"": throttle_pct(steps)}


def latency_p95_ms(samples: Samples, _settings: AlertSettings) -> Values:
    """Return, by model, the p95 latency of the requests answered in the last five minutes."""
    recent = window(samples, LATENCY_WINDOW_S)
    values: Values = {}
    for model in _models(recent):
        whole = merged(sample.latency_ms[model] for sample in recent if model in sample.latency_ms)
        values[model] = whole.quantile(0.95) if whole.count >= LATENCY_LEAST_REQUESTS else None
    return values


def loader_restarts(samples: Samples, settings: AlertSettings) -> Values:
    """Return, by model, how often its loader came back as another process in the last ten minutes.

    Unknown where less was seen of these ten minutes, unless that is too often already.
    """
    seen = sum(sample.dt_s for sample in samples) >= RESTARTS_LEAST_S
    counts = {
        model: sum(found.restarted for found in _of_model(samples, model)) for model in _models(samples)
    }
    return {
        model: float(count) if seen or count >= settings.loader_restarts else None
        for model, count in counts.items()
    }


def evictions_per_minute(samples: Samples, _settings: AlertSettings) -> Values:
    """Return, by model, evictions from its prompt cache a minute, over five minutes.

    Unknown where the loader does not tell, or told for less than a minute.
    """
    recent = window(samples, EVICTION_WINDOW_S)
    values: Values = {}
    for model in _models(recent):
        told = [sample for sample in recent if _tells_evictions(sample.models.get(model))]
        seconds = sum(sample.dt_s for sample in told)
        count = sum(
            len(sample.models[model].new_evictions) + sample.models[model].evictions_missed for sample in told
        )
        values[model] = 60.0 * count / seconds if seconds >= EVICTION_LEAST_S else None
    return values


def pressure_level(samples: Samples, _settings: AlertSettings) -> Values:
    """Return the memory pressure: 1 normal, 2 warn, 4 critical."""
    level = samples[-1].sensors.pressure
    return {"": None if level is None else float(level)}


def swap_used_mib(samples: Samples, _settings: AlertSettings) -> Values:
    """Return the swap in use, in MiB, the unit that macOS calls M."""
    used = samples[-1].sensors.swap_used_bytes
    return {"": None if used is None else used / MIB}


def disk_free_pct(samples: Samples, _settings: AlertSettings) -> Values:
    """Return the free share of the disk that holds the node's root."""
    sensors = samples[-1].sensors
    if sensors.disk_free_bytes is None or not sensors.disk_total_bytes:
        return {"": None}
    return {"": 100.0 * sensors.disk_free_bytes / sensors.disk_total_bytes}


def clock_offset_s(samples: Samples, _settings: AlertSettings) -> Values:
    """Return how far the clock is off, in either direction."""
    offset = samples[-1].sensors.clock_offset_s
    return {"": None if offset is None else abs(offset)}


def spool_minutes(samples: Samples, _settings: AlertSettings) -> Values:
    """Return how many minutes wait to be shipped."""
    return {"": float(samples[-1].spool_minutes)}


def store_unreachable_s(samples: Samples, _settings: AlertSettings) -> Values:
    """Return for how long shipping has failed."""
    return {"": samples[-1].store_unreachable_s}


def attempts_to_take_back(samples: Samples, _settings: AlertSettings) -> Values:
    """Return, by deploy, how often the node has tried to take it back; 0 once that needs no telling."""
    seen = [sample.taken_back for sample in samples if sample.taken_back is not None]
    now = samples[-1].taken_back
    return {one.deploy: float(one.attempts) if now and now.deploy == one.deploy else 0.0 for one in seen}


def how_taken_back(samples: Samples, deploy: str) -> str:
    """Return why a deploy was taken back, and why it cannot be where that fails."""
    found = samples[-1].taken_back
    if found is None or found.deploy != deploy:
        return ""
    return f"{found.reason}; it fails: {found.failure}" if found.failure else found.reason


def _seconds_of_last(samples: Samples, holds: Callable[[Sample], bool | None]) -> float | None:
    """Return for how long ``holds`` has been true up to now; samples in which it is unknown do not count.

    ``None`` if it is unknown now.
    """
    if holds(samples[-1]) is None:
        return None
    seconds = 0.0
    for sample in reversed(samples):
        held = holds(sample)
        if held is False:
            break
        seconds += sample.dt_s if held else 0.0
    return seconds


def _negated(value: bool | None) -> bool | None:  # noqa: FBT001 -- a value, not a switch
    return None if value is None else not value


def _models(samples: Samples) -> Iterable[str]:
    """Return the models that this node serves or has answered for, in a fixed order."""
    return sorted({model for sample in samples for model in (*sample.models, *sample.latency_ms) if model})


def _of_model(samples: Samples, model: str) -> Iterable[ModelSample]:
    return (sample.models[model] for sample in samples if model in sample.models)


def _tells_evictions(model: ModelSample | None) -> bool:
    return model is not None and model.evictions is not None
