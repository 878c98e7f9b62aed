"""Reads the proxy's status into a sample's models and peers, compared with the sample before. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from node_scripts.contracts import LoaderStats, LoaderStatus, ProxyStatus
from node_scripts.monitor.sample import ModelSample
from node_scripts.records import Eviction


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What is remembered of a loader or proxy process, also over a restart of the monitor."""

    pid: int
    serial: int = 0
    """Of the loader's last eviction that was seen."""
    release: str = ""


@dataclass(kw_only=True, slots=True)
class Memory:
    """What one look needs of the looks before."""

    loaders: dict[str, Known] = field(default_factory=dict)
    """By the loader's name."""
    proxy: Known | None = None
    unrecorded: int = 0
    """The proxy's own count of requests that it could not note."""
    unrecorded_pid: int = 0
    """Of the proxy that counted them."""
    models: dict[str, ModelSample] = field(default_factory=dict)
    """Of the last sample with a proxy: what its counters have grown from."""


def observe(status: ProxyStatus, memory: Memory) -> dict[str, ModelSample]:
    """Return the models of this look by name."""
    models = {}
    for slot in status.slots:
        if slot.active is not None:
            models[slot.model] = _model(slot.active, memory.loaders)
    return models


def _model(loader: LoaderStatus, known: Mapping[str, Known]) -> ModelSample:
    stats = loader.stats if loader.stats is not None and loader.stats.pid == loader.pid else None
    before = known.get(loader.spec.name)
    restarted = before is not None and loader.pid is not None and before.pid != loader.pid
    fresh, missed = new_evictions(stats, None if restarted else before)
    figures = stats or LoaderStats(pid=0, started_unix=0.0)
    return ModelSample(
        loader=loader.spec.name,
        pid=loader.pid,
        state=loader.state,
        in_flight=loader.in_flight,
        queued=loader.queued,
        busy_total_s=loader.busy_s,
        packed=_packed(loader, stats),
        lookups=figures.lookups,
        hits=figures.hits,
        hit_tokens=figures.hit_tokens,
        lookup_tokens=figures.lookup_tokens,
        evictions=figures.evictions,
        loads=figures.load_misses,
        cache_bytes=figures.cache_bytes,
        cache_sequences=figures.cache_sequences,
        memory_bytes=figures.memory_bytes,
        artifact=loader.spec.artifact,
        source=loader.spec.source,
        new_evictions=fresh,
        evictions_missed=missed,
        restarted=restarted,
    )


def _packed(loader: LoaderStatus, stats: LoaderStats | None) -> bool:
    """Say whether it works: what it says itself, or else whether the proxy has requests in it."""
    if stats is not None and stats.prefill is not None and stats.decode is not None:
        return stats.prefill + stats.decode > 0
    return loader.in_flight > 0


def new_evictions(stats: LoaderStats | None, before: Known | None) -> tuple[list[Eviction], int]:
    """Return the evictions since ``before``, and how many there were that nobody can tell any more."""
    if stats is None or not stats.recent_evictions:
        return [], 0
    seen = 0 if before is None else before.serial
    fresh = [one for one in stats.recent_evictions if one.serial > seen]
    return fresh, max(0, fresh[0].serial - seen - 1) if fresh else 0


def remember(status: ProxyStatus, models: Mapping[str, ModelSample], memory: Memory) -> Memory:
    """Return what the next look needs."""
    loaders = {}
    for model in models.values():
        before = memory.loaders.get(model.loader)
        if model.pid is None:
            if before is not None:
                loaders[model.loader] = before
            continue
        seen = before.serial if before is not None and before.pid == model.pid else 0
        serial = model.new_evictions[-1].serial if model.new_evictions else seen
        loaders[model.loader] = Known(pid=model.pid, serial=serial)
    return Memory(
        loaders=loaders,
        proxy=Known(pid=status.pid, release=status.release),
        unrecorded=status.unrecorded_requests,
        unrecorded_pid=status.pid,
        models=dict(models),
    )


def unrecorded_since(status: ProxyStatus, memory: Memory) -> int:
    """Return how many requests the proxy could not note since the look before."""
    before = memory.unrecorded if memory.unrecorded_pid == status.pid else 0
    return max(0, status.unrecorded_requests - before)


def proxy_restarted(status: ProxyStatus, memory: Memory) -> bool:
    """Say whether the proxy is another process of the same release: an upgrade is no restart."""
    before = memory.proxy
    return before is not None and before.pid != status.pid and before.release == status.release
