"""Answers to clients over ASGI: one whole JSON body, or a stream of server-sent events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from node_scripts.contracts import NODE_HEADER
from node_scripts.proxy.openai_errors import RequestRejectedError, error_body
from node_scripts.proxy.refusals import LOADER_DIED_HEADER

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_NODE_HEADER = NODE_HEADER.encode()
_JSON = (b"content-type", b"application/json")
_STREAM = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
)


class Reply:
    """The answer to one request."""

    __slots__ = ("_identity", "_send", "ended", "node", "started", "status")

    def __init__(self, send: Send, request_id: str, node: bytes) -> None:
        """Answer through ``send``; ``node`` is replaced when a peer turns out to answer."""
        self._send = send
        self._identity = (b"x-request-id", request_id.encode("latin-1"))
        self.node = node
        self.started = False
        self.ended = False
        self.status = 0
        """What was sent; 0 until then."""

    async def whole(
        self, status: int, body: bytes, headers: tuple[tuple[bytes, bytes], ...] = (_JSON,)
    ) -> None:
        """Send a complete answer."""
        self.started = True
        self.status = status
        length = (b"content-length", b"%d" % len(body))
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(_NODE_HEADER, self.node), self._identity, *headers, length],
            }
        )
        self.ended = True
        await self._send({"type": "http.response.body", "body": body})

    async def rejected(self, error: RequestRejectedError, *, close: bool = False) -> None:
        """Send an error in OpenAI's shape; ``close`` ends the connection (an unread body, say)."""
        headers: tuple[tuple[bytes, bytes], ...] = (_JSON,)
        if error.retry_after_s is not None:
            headers += ((b"retry-after", b"%d" % error.retry_after_s),)
        if error.code == "loader_died":
            headers += ((LOADER_DIED_HEADER, b"1"),)
        if close:
            headers += ((b"connection", b"close"),)
        await self.whole(error.status, error.body(), headers)

    async def stream(self, events: bytes) -> None:
        """Send events, with the head before the first of them."""
        if not self.started:
            await self._start_stream()
        await self._send({"type": "http.response.body", "body": events, "more_body": True})

    async def end_stream(self, events: bytes) -> None:
        """Send the last events."""
        if not self.started:
            await self._start_stream()
        self.ended = True
        await self._send({"type": "http.response.body", "body": events})

    async def break_off(self, error: RequestRejectedError) -> None:
        """End a stream with an error event and without ``[DONE]``: it is not complete."""
        body = error_body(error.message, type_=error.type, param=error.param, code=error.code)
        await self.end_stream(b"data: " + body + b"\n\n")

    async def _start_stream(self) -> None:
        self.started = True
        self.status = 200
        await self._send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(_NODE_HEADER, self.node), self._identity, *_STREAM],
            }
        )
