"""Empty a loader's prompt cache between two steps of its generation thread: no request notices.

A request to ``POST /garnet/purge`` on the loader's own socket asks for it (the proxy lets no client that
far). Requests in flight keep what they have read and run on to their end, but nothing that was begun
before the purge is put back into the cache.
"""

from __future__ import annotations

import gc
import json
import logging
import threading
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from node_scripts.loader_stats import PURGE_PATH

LOG = logging.getLogger("garnet.loader")

ENDED = "garnet_ended"
"""Attribute of a request's context once all of its answer was taken, or its client has left."""
WAIT_S = 60.0
"""How long a request for a purge waits for the generation thread to come by."""


@dataclass(kw_only=True, slots=True)
class Purged:
    """What one purge did."""

    sequences: int = 0
    """Sequences that were in the cache."""
    size_bytes: int = 0
    in_flight: int = 0
    """Requests that had begun before; their sequences are not put back."""


@dataclass(slots=True)
class _Asked:
    done: threading.Event = field(default_factory=threading.Event)
    purged: Purged = field(default_factory=Purged)


class PromptCachePurge:
    """Purges on request; the cache itself is only ever touched by the generation thread."""

    def __init__(self) -> None:
        """Start with nothing asked and nothing begun."""
        self._asked: list[_Asked] = []
        self._lock = threading.Lock()
        self._contexts: list[weakref.ref[Any]] = []
        self._before: list[weakref.ref[Any]] = []

    def install(self, server: Any) -> list[str]:
        """Rebind what a purge needs in the ``mlx_lm.server`` module; return what it lacks, none as a rule.

        Where something is missing nothing is rebound, and the path answers 404.
        """
        try:
            cache, generator = server.LRUPromptCache, server.ResponseGenerator
            context, handler = server.GenerationContext, server.APIHandler
            fetch, insert = cache.fetch_nearest_cache, cache.insert_cache
            take, post = generator._next_request, handler.do_POST  # noqa: SLF001 -- no public place exists
            generate = generator.generate
        except AttributeError:
            return ["purge"]
        construct = context.__init__

        def remembering(me: Any, *arguments: Any, **named: Any) -> None:
            construct(me, *arguments, **named)
            self._contexts = [each for each in self._contexts if each() is not None]
            self._contexts.append(weakref.ref(me))

        def generate_to_an_end(me: Any, *arguments: Any, **named: Any) -> Any:
            made, responses = generate(me, *arguments, **named)
            return made, _ending(made, responses)

        def take_between_steps(me: Any, *arguments: Any, **named: Any) -> Any:
            self.run(me.prompt_cache)
            return take(me, *arguments, **named)

        def fetch_purged(me: Any, *arguments: Any, **named: Any) -> Any:
            self.run(me)
            return fetch(me, *arguments, **named)

        def insert_new(me: Any, model: Any, tokens: Any, *arguments: Any, **named: Any) -> None:
            self.run(me)
            if not self.begun_before(tokens):
                insert(me, model, tokens, *arguments, **named)

        def answer(me: Any) -> None:
            if me.path != PURGE_PATH:
                post(me)
                return
            me.rfile.read(int(me.headers.get("Content-Length") or 0))
            purged = self.ask()
            me._set_completion_headers(503 if purged is None else 200)  # noqa: SLF001 -- mlx_lm's own way
            me.end_headers()
            body = {"error": "the loader is busy"} if purged is None else asdict(purged)
            me.wfile.write(json.dumps(body).encode())

        context.__init__ = remembering
        generator._next_request = take_between_steps  # noqa: SLF001 -- likewise
        generator.generate = generate_to_an_end
        cache.fetch_nearest_cache, cache.insert_cache = fetch_purged, insert_new
        handler.do_POST = answer
        return []

    def ask(self, wait_s: float = WAIT_S) -> Purged | None:
        """Have the generation thread purge; ``None`` if it did not come by in time. It still will."""
        asked = _Asked()
        with self._lock:
            self._asked.append(asked)
        return asked.purged if asked.done.wait(wait_s) else None

    def run(self, cache: Any) -> None:
        """Purge ``cache`` if that was asked for; called by the generation thread only."""
        if not self._asked:
            return
        with self._lock:
            asked, self._asked = self._asked, []
        found = Purged(sequences=len(cache), size_bytes=int(cache.nbytes))
        living = [(each, each()) for each in self._contexts]
        self._before = [each for each, context in living if context is not None]
        # The generation thread may hold the context of a request for a while after its end.
        found.in_flight = sum(context is not None and not hasattr(context, ENDED) for _, context in living)
        # Made anew in place: trimming it would count as evictions, which tell of a lack of room.
        cache.__init__(cache.max_size, cache.max_bytes)
        gc.collect()
        LOG.info("purged the prompt cache: %d sequences, %d bytes", found.sequences, found.size_bytes)
        for one in asked:
            one.purged = found
            one.done.set()

    def begun_before(self, tokens: Sequence[int]) -> bool:
        """Say whether a sequence may come from a request that began before the last purge.

        It may while such a request with the same beginning still lives; a newer one that shares its
        beginning is then not kept either, which costs one lookup and no answer.
        """
        if not self._before:
            return False
        living = [(each, each()) for each in self._before]
        self._before = [each for each, context in living if context is not None]
        return any(context is not None and _same_beginning(context.prompt, tokens) for _, context in living)


def _ending(context: Any, responses: Iterator[Any]) -> Iterator[Any]:
    try:
        yield from responses
    finally:
        setattr(context, ENDED, True)


def _same_beginning(one: Sequence[int], other: Sequence[int]) -> bool:
    shared = min(len(one), len(other))
    return list(one[:shared]) == list(other[:shared])
