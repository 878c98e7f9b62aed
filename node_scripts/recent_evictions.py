"""The last sequences that a loader's prompt cache pushed out: kinds and sizes, never their tokens."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

from node_scripts.loader_stats import Eviction

KEPT_EVICTIONS = 256
UNKNOWN_KIND = "unknown"
KINDS = ("assistant", "user", "system")
"""mlx_lm's classes of cached sequences: up to the end of an answer, a user's turn, the system prompt."""


class RecentEvictions:
    """Evictions since the process began, counted, and the last of them."""

    def __init__(self) -> None:
        """Start with none."""
        self._kept: deque[Eviction] = deque(maxlen=KEPT_EVICTIONS)
        self._lock = threading.Lock()
        self.count = 0

    def note(self, cache: Any, order: Any, popped: Any) -> None:
        """Note what ``LRUPromptCache.CacheOrder.pop`` of ``order`` returned; ``cache`` is the newest one."""
        kind, tokens, size_bytes = described(cache, order, popped)
        now = time.time()
        with self._lock:
            self.count += 1
            self._kept.append(
                Eviction(serial=self.count, time_unix=now, kind=kind, tokens=tokens, size_bytes=size_bytes)
            )

    def kept(self) -> list[Eviction]:
        """Return the last evictions, oldest first."""
        with self._lock:
            return list(self._kept)


def described(cache: Any, order: Any, popped: Any) -> tuple[str, int | None, int | None]:
    """Return kind, tokens and bytes of a sequence that left ``order`` and is still in the cache's trie.

    What this mlx-lm does not tell is unknown: its names are private, and the loader serves on.
    """
    tokens: int | None = None
    try:
        model, sequence = popped
        tokens = len(sequence)
        if cache is None or cache._lru is not order:  # noqa: SLF001 -- no public place exists for this
            return UNKNOWN_KIND, tokens, None
        entry = cache._trie.get(model, sequence)  # noqa: SLF001 -- likewise
        kind = getattr(entry, "cache_type", None)
        size = getattr(entry, "nbytes", None)
    except (AttributeError, KeyError, TypeError, ValueError):
        return UNKNOWN_KIND, tokens, None
    return kind if kind in KINDS else UNKNOWN_KIND, tokens, size if isinstance(size, int) else None
