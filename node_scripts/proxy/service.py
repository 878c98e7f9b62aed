"""Serves calls: a place, an attempt, and what to do when the attempt fails.

What a failure leads to:

- Nothing was sent to the client yet: try one other place, within the queue's deadline. A place
  that never got the request (refused, full) does not count as a try.
- Something was sent: the stream ends with an error event, without ``[DONE]``.
- The loader died: the call becomes a suspect. It is tried at one other loader, alone in that
  loader's isolation lane, and never at a third: a second death gets its digest refused. When a
  loader dies while a suspect is alone in its lane, that suspect did it, and the others in flight
  there keep their try.
- The loader hung and was killed: it died of the calls that were overdue, and of no other.
- A call that a peer forwarded is given back to that peer, which chooses the next place. It is told
  whether the place died, and whether by this call.
"""

from __future__ import annotations

import asyncio
import logging

from node_scripts.proxy import refusals
from node_scripts.proxy.attempt import Attempt, AttemptError
from node_scripts.proxy.call import Call
from node_scripts.proxy.gate import Gate
from node_scripts.proxy.loaders import Loader, first_line
from node_scripts.proxy.openai_errors import RequestRejectedError
from node_scripts.proxy.peers import Peer
from node_scripts.proxy.poison import ELSEWHERE, PoisonTable
from node_scripts.proxy.replies import Reply
from node_scripts.proxy.slots import SlotRegistry

MAX_ATTEMPTS = 2
MAX_SENT = 3
"""Tries in all, with those that ended because another call killed the loader."""

_LOG = logging.getLogger("garnet.proxy.service")


class Service:
    """Has calls answered."""

    def __init__(self, registry: SlotRegistry, poison: PoisonTable) -> None:
        """Serve from the node's slots."""
        self._registry = registry
        self._poison = poison
        self.calls: set[Call] = set()

    async def serve(self, call: Call, gate: Gate, reply: Reply) -> None:
        """Answer ``call`` through ``reply``. Raises RequestRejectedError if nothing was sent yet."""
        self.calls.add(call)
        sent = 0
        try:
            while True:
                place = await gate.enter(call)
                reached = call.note.served_by
                attempt = Attempt(call, place, reply)
                try:
                    await attempt.run()
                    self._note_served(call, place, attempt)
                except AttemptError as failure:
                    sent += failure.sent
                    if not failure.sent:
                        call.note.served_by = reached
                    blamed = self._note_failed(call, place, failure)
                    error = self._verdict(call, failure, reply, sent, blamed=blamed)
                    if error is None:
                        continue
                    if not reply.started:
                        raise error from failure
                    await reply.break_off(error)
                    raise StreamBrokenError(error.message, error.code) from failure
                finally:
                    gate.leave(place, call)
                    if isinstance(place, Loader) and not place.calls:
                        self._registry.forget_unused()
                return
        finally:
            self.calls.discard(call)

    def _note_served(self, call: Call, place: Loader | Peer, attempt: Attempt) -> None:
        if isinstance(place, Loader):
            ended = asyncio.get_running_loop().time()
            first = attempt.first_token_at
            place.note_served(ended - call.arrived, None if first is None else first - call.arrived)
        if call.suspect:
            self._poison.clear(call.parsed.digest)

    def _note_failed(self, call: Call, place: Loader | Peer, failure: AttemptError) -> bool:
        """Note it everywhere; say whether a death is laid to ``call``."""
        _LOG.warning("%s: %s failed: %s", call.request_id, place.name, failure)
        call.tried.add(place.name)
        death: int | None = None
        if isinstance(place, Loader):
            place.errors += failure.sent
            if failure.died:
                death = place.note_broken(call, first_line(failure))
            elif not failure.stalled:
                place.note_down(first_line(failure))
            watch = self._registry.watches.get(place.name)
            if watch is not None:
                watch.poke()
        elif failure.full:
            place.note_full(call)
        else:
            place.note_failed(call, first_line(failure))
            if failure.died:
                death = place.note_died(call)
        if death is not None:
            self._blame(call, death)
        if death is not None or (failure.sent and not failure.died):
            call.attempts += 1
        return death is not None

    def _blame(self, call: Call, death: int) -> None:
        now = asyncio.get_running_loop().time()
        if call.forwarded and call.suspect:
            self._poison.blame(call.parsed.digest, now, ELSEWHERE)
        self._poison.blame(call.parsed.digest, now, death)
        call.suspect = True

    def _verdict(
        self, call: Call, failure: AttemptError, reply: Reply, sent: int, *, blamed: bool
    ) -> RequestRejectedError | None:
        """Return the error to end with, or ``None`` to try again."""
        model = call.parsed.model
        if (blamed and call.forwarded) or (failure.died and not call.forwarded and reply.started):
            return refusals.loader_died(model)
        if reply.started or (call.forwarded and failure.sent):
            return refusals.failed(model)
        if self._poison.refused(call.parsed.digest, asyncio.get_running_loop().time()):
            return refusals.poisonous()
        if call.attempts >= MAX_ATTEMPTS or sent >= MAX_SENT:
            return refusals.failed(model)
        return None


class StreamBrokenError(Exception):
    """A stream was ended with an error event: the client has its answer, but not in full."""

    def __init__(self, message: str, code: str | None) -> None:
        """Keep the code of the error event."""
        super().__init__(message)
        self.code = code
