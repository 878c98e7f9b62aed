"""Work on many objects of a store at once, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from node_scripts.store.objects import ObjectStore

THREADS = 8
"""Fewer than an S3 store keeps connections."""
AHEAD = 4 * THREADS
"""Objects under way or waiting to be taken: bounds the memory."""

Result = TypeVar("Result")


def fetch_each(
    store: ObjectStore, keys: Iterable[str], read: Callable[[str, bytes], Result]
) -> Iterator[Result]:
    """Yield ``read(key, content)`` for each key, in order; both run in threads. Raises as ``each``."""
    return each(lambda key: read(key, store.get(key)), keys)


def each(work: Callable[[str], Result], keys: Iterable[str], threads: int = THREADS) -> Iterator[Result]:
    """Yield ``work(key)`` for each key, in order, several at once in threads.

    The first error is raised in its place, and the rest given up.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="store") as pool:
        try:
            for key in keys:
                waiting.append(pool.submit(work, key))
                if len(waiting) >= AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
