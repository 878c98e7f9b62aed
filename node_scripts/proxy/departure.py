"""Clients that go away: seen when their connection ends, not when the next byte is written.

A client that is there and takes nothing is sent away: it would hold its place for ever. So is one
that does not come to the end of its request.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from node_scripts.proxy.replies import Scope

_LOG = logging.getLogger("garnet.proxy.departure")
ASK_WITHIN_S = 30.0
"""Time for a request, head and body, to come whole; on a new connection, to begin as well."""

MAX_HEAD_BYTES = 64 * 1024
"""Of a request's head, after the piece that it began with."""

_SCOPE_KEY = "garnet.departure"


class Departure:
    """Cancels the task that answers a connection when that connection ends."""

    __slots__ = ("_task", "gone")

    def __init__(self) -> None:
        """Start with nobody to tell."""
        self._task: asyncio.Task[Any] | None = None
        self.gone = False

    def watch(self, task: asyncio.Task[Any] | None) -> None:
        """Cancel ``task`` from now on, or nobody."""
        self._task = task
        if self.gone and task is not None:
            task.cancel()

    def left(self) -> None:
        """Note that the client is gone."""
        self.gone = True
        if self._task is not None:
            self._task.cancel()

    def forgive(self) -> None:
        """Take a cancellation back: the task ends by itself."""
        if self._task is not None:
            self._task.uncancel()


def departure_of(scope: Scope) -> Departure:
    """Return the request's departure; one that never happens on a server that does not tell."""
    departure = scope.get(_SCOPE_KEY)
    return departure if isinstance(departure, Departure) else Departure()


class ListenerState(ServerState):
    """uvicorn's state of a listener's connections, and whether they are to end."""

    leaving = False


class WatchedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, telling the application at once when the connection ends.

    ASGI tells of it only to who awaits ``receive()``, which would take a second task a request.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Make the departure that the requests of this connection share."""
        super().__init__(*args, **kwargs)
        self._departure = Departure()
        self._untaken_bytes = 0
        self._untaken_since = 0.0
        self._asking_since: float | None = None
        self._in_head = False
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._asking_since = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """Parse what came; a head without an end is not kept."""
        was_in_head = self._in_head
        super().data_received(data)
        if was_in_head and self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.transport.abort()

    def on_message_begin(self) -> None:
        """Put the departure into the next request's scope."""
        super().on_message_begin()
        self._asking_since = self.loop.time()
        self._in_head = True
        self._head_bytes = 0
        self.scope[_SCOPE_KEY] = self._departure  # type: ignore[literal-required]

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the application."""
        super().connection_lost(exc)
        self._departure.left()

    def pause_writing(self) -> None:
        """Begin to watch what the client takes."""
        super().pause_writing()
        self._untaken_bytes = self.transport.get_write_buffer_size()
        self._untaken_since = self.loop.time()

    def on_message_complete(self) -> None:
        """Note that the request has come whole."""
        super().on_message_complete()
        self._asking_since = None

    def end_unasked(self) -> None:
        """End the connection if its client takes too long to ask; an earlier answer's time does not count."""
        if self._asking_since is None:
            return
        now = self.loop.time()
        cycle = self.cycle
        answering = cycle is not None and not cycle.more_body and not cycle.response_complete
        if answering or self.flow.read_paused:
            self._asking_since = now
        elif now - self._asking_since >= ASK_WITHIN_S:
            self.transport.abort()

    def end_untaken(self, limit_s: float) -> None:
        """End the connection if its client has taken nothing for ``limit_s`` of what waits for it."""
        if not self.flow.write_paused:
            return
        now = self.loop.time()
        untaken_bytes = self.transport.get_write_buffer_size()
        if untaken_bytes < self._untaken_bytes:
            self._untaken_bytes = untaken_bytes
            self._untaken_since = now
        elif now - self._untaken_since >= limit_s:
            _LOG.warning("a client takes nothing of its answer: sent away")
            self.transport.abort()

    def on_headers_complete(self) -> None:
        """End the connection after this answer where the listener is left."""
        super().on_headers_complete()
        self._in_head = False
        if isinstance(self.server_state, ListenerState) and self.server_state.leaving:
            self.leave()

    def leave(self) -> None:
        """End the connection after the answer that it waits for, if it waits for one."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
