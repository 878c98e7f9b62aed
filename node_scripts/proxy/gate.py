"""Admission: who gets which place when, for one model on this node.

A request takes a place at once, or waits in arrival order for at most ``queue_timeout_s``. Waiting
ones are not bound to a loader: whenever a place may have come free (an end, a flip, a loader or a
peer that answers again) each is routed anew, so a flip moves the queue too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from node_scripts.contracts import ModelConfig
from node_scripts.proxy import refusals
from node_scripts.proxy.call import Call
from node_scripts.proxy.loaders import Loader
from node_scripts.proxy.openai_errors import RequestRejectedError
from node_scripts.proxy.peers import Peer
from node_scripts.proxy.routing import OwnView, PeerView, Verdict, choose

Place = Loader | Peer


class Gate:
    """The places of one model and the queue for them."""

    def __init__(
        self, config: ModelConfig, queue_limit: int, peers: Callable[[], Mapping[str, Peer]]
    ) -> None:
        """Start without a loader; ``peers`` returns the other nodes as they are now."""
        self.config = config
        self.queue_limit = queue_limit
        self._peers = peers
        self._active: Loader | None = None
        self._waiting: dict[Call, asyncio.Future[Place]] = {}

    @property
    def active(self) -> Loader | None:
        """The loader that takes new requests."""
        return self._active

    @active.setter
    def active(self, loader: Loader | None) -> None:
        self._active = loader
        self.pump()

    @property
    def queued(self) -> int:
        """Requests that wait."""
        return len(self._waiting)

    def try_place(self, call: Call) -> Place | None:
        """Take a place for ``call`` now; ``None`` means wait. Raises RequestRejectedError."""
        active = self._active
        concurrency = self.config.concurrency
        # The same as the first rule of choose(), without building its views for each request.
        ready = active is not None and active.state == "ready" and not call.tried
        if ready and active is not None and active.has_place(call, concurrency):
            active.take(call)
            return active
        return self._route(call, queue_full=len(self._waiting) >= self.queue_limit)

    async def enter(self, call: Call) -> Place:
        """Take a place for ``call``, waiting until its deadline if need be.

        Raises RequestRejectedError: 429 without room or in time, 503 without a node able to serve.
        """
        if not self._waiting:
            place = self.try_place(call)
        elif len(self._waiting) >= self.queue_limit:
            place = self._route(call, queue_full=True)
        else:
            place = None
        return place if place is not None else await self._wait(call)

    def leave(self, place: Place, call: Call) -> None:
        """Give a place back and let the next in."""
        place.release(call)
        if self._waiting:
            self.pump()

    def pump(self) -> None:
        """Give free places to those who wait, in arrival order.

        Where one must go on waiting, so must all like it behind it; suspects and those who failed
        somewhere see other places, so each of them is asked for.
        """
        stuck = False
        for call, future in list(self._waiting.items()):
            ordinary = not call.suspect and not call.tried
            if future.done() or (stuck and ordinary):
                continue
            try:
                place = self._route(call, queue_full=False)
            except RequestRejectedError as error:
                future.set_exception(error)
                continue
            if place is not None:
                future.set_result(place)
            elif ordinary:
                stuck = True

    async def _wait(self, call: Call) -> Place:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Place] = loop.create_future()
        if call.tried:
            self._waiting = {call: future, **self._waiting}
        else:
            self._waiting[call] = future
        expiry = loop.call_at(call.deadline, self._expire, call, future)
        began = time.monotonic()
        self.pump()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self._waiting.pop(call, None)
                self.leave(future.result(), call)
            raise
        finally:
            expiry.cancel()
            self._waiting.pop(call, None)
            call.note.queued_s += time.monotonic() - began

    def _expire(self, call: Call, future: asyncio.Future[Place]) -> None:
        if future.done():
            return
        own_able = self._active is not None and self._active.usable
        if own_able or any(view.ready for view in self._views(call)):
            future.set_exception(refusals.busy(self.retry_after_s()))
        else:
            future.set_exception(refusals.unavailable(call.parsed.model))

    def retry_after_s(self) -> int:
        """Seconds after which a refused client may find a place: what the queue needs, 1 to 30."""
        active = self._active
        typical_ms = active.latency.figures().p50_ms if active is not None else None
        seconds = (typical_ms or 1000.0) / 1000 * (1 + len(self._waiting) / self.config.concurrency)
        return max(1, min(30, round(seconds)))

    def _views(self, call: Call) -> list[PeerView]:
        if call.forwarded:
            return []
        views = (peer.view(call, self.queue_limit) for peer in self._peers().values())
        return [view for view in views if view is not None]

    def _route(self, call: Call, *, queue_full: bool) -> Place | None:
        active = self._active
        own = None
        if active is not None:
            own = OwnView(
                usable=active.usable,
                doubtful=active.state == "suspect",
                free=active.has_place(call, self.config.concurrency),
                tried=active.name in call.tried,
            )
        route = choose(own, self._views(call), forwarded=call.forwarded, queue_full=queue_full)
        if route.verdict is Verdict.BUSY:
            raise refusals.busy(self.retry_after_s())
        if route.verdict is Verdict.UNAVAILABLE:
            raise refusals.unavailable(call.parsed.model)
        if route.verdict is Verdict.WAIT:
            return None
        place = self._peers()[route.peer] if route.verdict is Verdict.PEER else active
        if place is not None:
            place.take(call)
        return place
