"""Observers on a stand-in for the mlx_lm.server module, whole and with parts missing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from node_scripts.observers import OBSERVERS, Observers


def stand_in() -> Any:
    """Return an object shaped like the parts of mlx_lm.server that are observed."""

    class ModelProvider:
        def load(self) -> str:
            self._load()
            return "model"

        def _load(self) -> None:
            pass

    class CacheOrder:
        def pop(self) -> str:
            return "oldest"

    class LRUPromptCache:
        nbytes = 77

        def __len__(self) -> int:
            return 0

        def fetch_nearest_cache(self, _model: str, tokens: list[int]) -> tuple[Any, list[int]]:
            return (None, tokens) if len(tokens) < 3 else ("cache", tokens[2:])

    LRUPromptCache.CacheOrder = CacheOrder  # type: ignore[attr-defined]

    class ResponseGenerator:
        def __init__(self) -> None:
            self.requests = SimpleNamespace(qsize=lambda: 2)

        def generation_available(self) -> bool:
            return True

        def generate(self, prompt: list[int]) -> Any:
            return SimpleNamespace(prompt=prompt, prompt_cache_count=1), iter("abc")

    class BatchGenerator:
        def __init__(self) -> None:
            self._unprocessed_sequences = [1]
            self._prompt_batch = [1, 2]
            self._generation_batch = [1, 2, 3]

    return SimpleNamespace(
        __version__="1.2.3",
        ModelProvider=ModelProvider,
        LRUPromptCache=LRUPromptCache,
        ResponseGenerator=ResponseGenerator,
        BatchGenerator=BatchGenerator,
        mx=SimpleNamespace(get_active_memory=lambda: 4096),
    )


def test_figures_are_counted_and_read() -> None:
    """Each rebound method still works, and its figure moves."""
    server, observers = stand_in(), Observers()
    observers.install(server)
    assert server.ModelProvider().load() == "model"
    cache = server.LRUPromptCache()
    assert cache.fetch_nearest_cache("m", [1, 2, 3, 4]) == ("cache", [3, 4])
    assert cache.fetch_nearest_cache("m", [1]) == (None, [1])
    assert server.LRUPromptCache.CacheOrder().pop() == "oldest"
    generator, batch = server.ResponseGenerator(), server.BatchGenerator()
    _, responses = generator.generate([1, 2])
    assert list(responses) == ["a", "b", "c"]
    stats = observers.snapshot()
    assert batch is not None
    assert (stats.load_calls, stats.load_misses, stats.mlx_lm_version) == (1, 1, "1.2.3")
    assert (stats.lookups, stats.hits, stats.hit_tokens, stats.lookup_tokens) == (2, 1, 2, 5)
    assert (stats.requests, stats.prompt_tokens, stats.cached_tokens, stats.generated_tokens) == (1, 2, 1, 3)
    assert (stats.queue_depth, stats.prefill, stats.decode, stats.evictions) == (3, 2, 3, 1)
    assert (stats.cache_sequences, stats.cache_bytes, stats.memory_bytes) == (0, 77, 4096)
    assert (stats.generation_alive, stats.unknown) == (True, [])


@pytest.mark.parametrize(
    ("owner", "attribute", "observer", "figure"),
    [
        ("ModelProvider", "_load", "loads", "load_misses"),
        ("LRUPromptCache", "fetch_nearest_cache", "lookups", "hits"),
        ("LRUPromptCache", "CacheOrder", "evictions", "evictions"),
        ("LRUPromptCache", "nbytes", "prompt_cache", "cache_bytes"),
        ("ResponseGenerator", "generate", "generation", "requests"),
        ("ResponseGenerator", "generation_available", "life", "generation_alive"),
        ("mx", "get_active_memory", "memory", "memory_bytes"),
    ],
)
def test_missing_attribute_leaves_its_figure_unknown(
    owner: str, attribute: str, observer: str, figure: str
) -> None:
    """One observer is named as unknown, its figure is None, and all others install."""
    server, observers = stand_in(), Observers()
    delattr(getattr(server, owner), attribute)
    observers.install(server)
    stats = observers.snapshot()
    assert stats.unknown == [observer]
    assert getattr(stats, figure) is None
    others = {"loads": "load_calls", "memory": "memory_bytes", "queue": "queue_depth"}
    assert all(getattr(stats, name) is not None for other, name in others.items() if other != observer)


def test_part_that_vanishes_while_running_is_unknown_not_zero() -> None:
    """A private name missing on the instance shows when it is read."""
    server, observers = stand_in(), Observers()
    observers.install(server)
    batch = server.BatchGenerator()
    del batch._unprocessed_sequences
    stats = observers.snapshot()
    assert (stats.queue_depth, stats.decode, stats.unknown) == (None, 3, ["queue"])


def test_every_observer_is_named_once() -> None:
    """Names are what operators read under unknown."""
    assert len(OBSERVERS) == 8
