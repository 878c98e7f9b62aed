"""Observers on a stand-in for the mlx_lm.server module, whole and with parts missing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from node_scripts.observers import OBSERVERS, Observers
from node_scripts.recent_evictions import KEPT_EVICTIONS


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


def caching_server(*, attribute: str = "", entry: Any = None) -> Any:
    """Return a stand-in whose prompt cache evicts as mlx_lm's does, without the part ``attribute``."""
    server = stand_in()

    class CacheOrder:
        def __init__(self) -> None:
            self.sequences: list[tuple[str, list[int]]] = []

        def pop(self) -> tuple[str, list[int]]:
            return self.sequences.pop(0)

    class LRUPromptCache(server.LRUPromptCache):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self._lru = CacheOrder()
            self._trie = SimpleNamespace(get=lambda _model, _tokens: entry)
            if attribute:
                delattr(self, attribute)

        def evict(self, tokens: list[int], order: CacheOrder) -> None:
            order.sequences.append(("m", tokens))
            assert order.pop() == ("m", tokens)

    LRUPromptCache.CacheOrder = CacheOrder
    server.LRUPromptCache = LRUPromptCache
    return server


def test_evictions_are_kept_with_kind_and_sizes_but_no_tokens() -> None:
    """The last 256 of them; serials go on."""
    entry = SimpleNamespace(cache_type="user", nbytes=4096, prompt_cache=["content"])
    server, observers = caching_server(entry=entry), Observers()
    observers.install(server)
    cache = server.LRUPromptCache()
    for length in range(1, KEPT_EVICTIONS + 11):
        cache.evict([987654321] * length, cache._lru)
    stats = observers.snapshot()
    assert stats.evictions == KEPT_EVICTIONS + 10
    assert [one.serial for one in stats.recent_evictions] == list(range(11, KEPT_EVICTIONS + 11))
    last = stats.recent_evictions[-1]
    assert (last.kind, last.tokens, last.size_bytes) == ("user", KEPT_EVICTIONS + 10, 4096)
    assert "987654321" not in repr(stats)
    assert "content" not in repr(stats)


@pytest.mark.parametrize(
    ("attribute", "entry"),
    [
        ("_lru", SimpleNamespace(cache_type="user", nbytes=1)),
        ("_trie", SimpleNamespace(cache_type="user", nbytes=1)),
        ("", SimpleNamespace()),
        ("", SimpleNamespace(cache_type="what a client wrote", nbytes="much")),
        ("", None),
    ],
)
def test_eviction_of_an_unknown_cache_is_kept_as_unknown(attribute: str, entry: Any) -> None:
    """Another mlx-lm's private parts: the sequence is evicted all the same."""
    server, observers = caching_server(attribute=attribute, entry=entry), Observers()
    observers.install(server)
    cache = server.LRUPromptCache()
    cache.evict([1, 2, 3], server.LRUPromptCache.CacheOrder())
    cache.evict([1, 2, 3], getattr(cache, "_lru", server.LRUPromptCache.CacheOrder()))
    stats = observers.snapshot()
    assert [(one.kind, one.tokens, one.size_bytes) for one in stats.recent_evictions] == [
        ("unknown", 3, None)
    ] * 2
    assert (stats.evictions, stats.unknown) == (2, [])


def test_eviction_that_fails_is_not_counted() -> None:
    """Nothing was pushed out."""
    server, observers = caching_server(), Observers()
    observers.install(server)
    with pytest.raises(IndexError):
        server.LRUPromptCache.CacheOrder().pop()
    assert (observers.snapshot().evictions, observers.snapshot().recent_evictions) == (0, [])
