"""Figures of a running mlx_lm.server, read from inside by rebinding a few of its methods.

Each observer stands alone. Where this mlx-lm lacks what one needs, the loader serves on, that
observer's figures are ``None``, and its name is in ``LoaderStats.unknown``.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from node_scripts.loader_stats import LoaderStats
from node_scripts.recent_evictions import RecentEvictions

Reader = Callable[[], Any]
Observer = Callable[["Counters", Any], dict[str, Reader]]


@dataclass(slots=True)
class Counters:
    """Sums since the process began; threads add under one lock."""

    values: dict[str, float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, **amounts: float) -> None:
        """Add to several counters at once."""
        with self.lock:
            for name, amount in amounts.items():
                self.values[name] = self.values.get(name, 0) + amount

    def whole(self, name: str) -> Reader:
        """Return a reader of one counter as an integer."""
        return lambda: int(self.values.get(name, 0))

    def readers(self, *names: str) -> dict[str, Reader]:
        """Return readers of several counters, each under its own name."""
        return {name: self.whole(name) for name in names}


class Observers:
    """The installed observers and the readers that they gave."""

    def __init__(self) -> None:
        """Start with none installed."""
        self.counters = Counters()
        self.unknown: list[str] = []
        self._readers: dict[str, tuple[str, Reader]] = {}
        self._version: str | None = None
        self._started_unix = time.time()

    def install(self, server: Any) -> None:
        """Rebind what each observer needs in the ``mlx_lm.server`` module."""
        self._version = getattr(server, "__version__", None)
        for name, observer in OBSERVERS.items():
            try:
                readers = observer(self.counters, server)
            except AttributeError:
                self.unknown.append(name)
            else:
                self._readers.update({figure: (name, reader) for figure, reader in readers.items()})

    def snapshot(self) -> LoaderStats:
        """Read every figure now. One that cannot be read is ``None`` and its observer unknown."""
        figures: dict[str, Any] = {}
        unknown = set(self.unknown)
        for figure, (name, reader) in self._readers.items():
            try:
                figures[figure] = reader()
            except AttributeError:
                unknown.add(name)
        return LoaderStats(
            pid=os.getpid(),
            started_unix=self._started_unix,
            mlx_lm_version=self._version,
            unknown=sorted(unknown),
            **figures,
        )


def observe_loads(counters: Counters, server: Any) -> dict[str, Reader]:
    """Count calls for the model, real loads (counted once they are done) and their time."""
    provider = server.ModelProvider
    load, really_load = provider.load, provider._load  # noqa: SLF001 -- see the module's docstring

    def counted_load(self: Any, *arguments: Any, **named: Any) -> Any:
        counters.add(load_calls=1)
        return load(self, *arguments, **named)

    def timed_load(self: Any, *arguments: Any, **named: Any) -> Any:
        begun = time.monotonic()
        result = really_load(self, *arguments, **named)
        counters.add(load_ms=(time.monotonic() - begun) * 1000, load_misses=1)
        return result

    provider.load, provider._load = counted_load, timed_load  # noqa: SLF001 -- likewise
    readers = counters.readers("load_calls", "load_misses")
    return {**readers, "load_ms": lambda: round(counters.values.get("load_ms", 0.0), 1)}


def observe_lookups(counters: Counters, server: Any) -> dict[str, Reader]:
    """Count prompt-cache lookups, those that found a prefix, and the tokens of both."""
    cache = server.LRUPromptCache
    fetch = cache.fetch_nearest_cache

    def counted_fetch(self: Any, model: Any, tokens: Any) -> Any:
        found, rest = fetch(self, model, tokens)
        cached = len(tokens) - len(rest)
        counters.add(lookups=1, hits=cached > 0, hit_tokens=cached, lookup_tokens=len(tokens))
        return found, rest

    cache.fetch_nearest_cache = counted_fetch
    return counters.readers("lookups", "hits", "hit_tokens", "lookup_tokens")


def observe_evictions(_counters: Counters, server: Any) -> dict[str, Reader]:
    """Count sequences pushed out of the prompt cache, and keep the last ones' kinds and sizes.

    Prefixes merged into longer ones do not count.
    """
    order = server.LRUPromptCache.CacheOrder
    pop = order.pop
    latest = _remember_latest(server.LRUPromptCache)
    recent = RecentEvictions()

    def counted_pop(self: Any) -> Any:
        popped = pop(self)
        recent.note(latest(), self, popped)
        return popped

    order.pop = counted_pop
    return {"evictions": lambda: recent.count, "recent_evictions": recent.kept}


def observe_generation(counters: Counters, server: Any) -> dict[str, Reader]:
    """Count requests taken, their prompt and cached tokens, and tokens generated."""
    generator = server.ResponseGenerator
    generate = generator.generate

    def counted(context: Any, responses: Iterator[Any]) -> Iterator[Any]:
        known = False
        for response in responses:
            if not known:
                known = True
                cached = max(0, context.prompt_cache_count)
                counters.add(prompt_tokens=len(context.prompt), cached_tokens=cached)
            counters.add(generated_tokens=1)
            yield response

    def counted_generate(self: Any, *arguments: Any, **named: Any) -> Any:
        context, responses = generate(self, *arguments, **named)
        counters.add(requests=1)
        return context, counted(context, responses)

    generator.generate = counted_generate
    return counters.readers("requests", "prompt_tokens", "cached_tokens", "generated_tokens")


def observe_queue(_counters: Counters, server: Any) -> dict[str, Reader]:
    """Read the requests not yet begun, those in prefill, and those decoding."""
    latest = _remember_latest(server.ResponseGenerator)
    batch = _remember_latest(server.BatchGenerator)

    def waiting() -> int:
        generator, running = latest(), batch()
        queued = generator.requests.qsize() if generator is not None else 0
        return int(queued + (len(running._unprocessed_sequences) if running is not None else 0))  # noqa: SLF001 -- likewise

    def prefill() -> int:
        running = batch()
        return len(running._prompt_batch) if running is not None else 0  # noqa: SLF001 -- likewise

    def decode() -> int:
        running = batch()
        return len(running._generation_batch) if running is not None else 0  # noqa: SLF001 -- likewise

    return {"queue_depth": waiting, "prefill": prefill, "decode": decode}


def observe_prompt_cache(_counters: Counters, server: Any) -> dict[str, Reader]:
    """Read how many sequences the prompt cache holds, and their bytes."""
    latest = _remember_latest(server.LRUPromptCache)
    # Named here so that a cache without it is unknown from the start.
    _ = server.LRUPromptCache.nbytes

    def sequences() -> int:
        cache = latest()
        return len(cache) if cache is not None else 0

    def size() -> int:
        cache = latest()
        return int(cache.nbytes) if cache is not None else 0

    return {"cache_sequences": sequences, "cache_bytes": size}


def observe_life(_counters: Counters, server: Any) -> dict[str, Reader]:
    """Read whether the generation thread lives."""
    _ = server.ResponseGenerator.generation_available
    latest = _remember_latest(server.ResponseGenerator)

    def alive() -> bool | None:
        generator = latest()
        return None if generator is None else bool(generator.generation_available())

    return {"generation_alive": alive}


def observe_memory(_counters: Counters, server: Any) -> dict[str, Reader]:
    """Read MLX's active memory."""
    active = server.mx.get_active_memory
    return {"memory_bytes": lambda: int(active())}


def _remember_latest(kind: Any) -> Callable[[], Any]:
    """Rebind a class's constructor so that its newest living instance can be read."""
    construct = kind.__init__
    latest: list[weakref.ref[Any]] = []

    def remembering(self: Any, *arguments: Any, **named: Any) -> None:
        construct(self, *arguments, **named)
        latest[:] = [weakref.ref(self)]

    kind.__init__ = remembering
    return lambda: latest[0]() if latest else None


OBSERVERS: dict[str, Observer] = {
    "loads": observe_loads,
    "lookups": observe_lookups,
    "evictions": observe_evictions,
    "generation": observe_generation,
    "queue": observe_queue,
    "prompt_cache": observe_prompt_cache,
    "life": observe_life,
    "memory": observe_memory,
}
