"""The HTTP client towards loaders and peers: one small protocol over asyncio and httptools.

A loader speaks HTTP/1.0 on a unix socket: one connection a request, and the end of the answer is
the end of the connection, so that a crash looks like an end. A peer speaks HTTP/1.1 over TCP and
its connections are kept. Both are read the same way: the head, then chunks as they come.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Mapping

import httptools

PAUSE_AT_CHUNKS = 64
"""Chunks waiting for a slow client before reading from the loader stops."""

MAX_WHOLE_BODY_BYTES = 64 * 1024 * 1024
"""Largest answer that is read as a whole."""

BUSY_BACKLOG_PAUSE_S = 0.005
"""Pause before connecting again to a unix socket whose backlog is full."""


class WireError(Exception):
    """A request towards a loader or a peer did not come to its end."""


class RefusedError(WireError):
    """Nobody listens there: the request was never sent."""


class CutError(WireError):
    """The connection ended inside an answer, or before one."""


class UnreachableError(CutError):
    """The other end has become unreachable: connecting to it again is of no use."""


class StalledError(WireError):
    """No byte came for too long."""


class HungError(WireError):
    """No byte came for too long on any answer: the loader was killed for it."""


class Connection(asyncio.Protocol):
    """One connection; at most one exchange at a time."""

    __slots__ = (
        "_chunks",
        "_loop",
        "_parser",
        "_transport",
        "_waiter",
        "answered",
        "closed",
        "complete",
        "delimited",
        "error",
        "headers",
        "headers_done",
        "last_byte",
        "paused",
        "status",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Prepare for the first exchange; ``loop`` is the running one."""
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[None] | None = None
        self._chunks: list[bytes] = []
        self.paused = False
        """Nothing is read: the client is far behind."""
        self.closed = False
        self.error: Exception | None = None
        self._reset()

    def _reset(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.headers_done = False
        self.complete = False
        self.delimited = False
        self.answered = False
        self.last_byte = self._loop.time()

    # --- asyncio's side ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        self.last_byte = self._loop.time()
        self.answered = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.fail(CutError(f"not HTTP: {type(error).__name__}"))
            return
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end; for an answer without a length it is the answer's end too."""
        self.closed = True
        if self.error is None and not self.complete:
            if exc is None and self.headers_done and not self.delimited:
                self.complete = True
            else:
                self.error = CutError("connection reset" if exc else "connection closed")
        self._wake()

    # --- httptools' side --------------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Learn how the answer will end."""
        self.status = self._parser.get_status_code()
        self.delimited = b"content-length" in self.headers or b"transfer-encoding" in self.headers
        self.headers_done = True

    def on_body(self, body: bytes) -> None:
        """Keep a chunk; stop reading when the reader is far behind."""
        self._chunks.append(body)
        if len(self._chunks) > PAUSE_AT_CHUNKS and not self.paused and self._transport is not None:
            self.paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """Note the end that the framing told."""
        self.complete = True

    # --- the caller's side ------------------------------------------------------------------

    @property
    def awaited(self) -> bool:
        """Whether its silence says something of the far end: it owes bytes, and they would be read."""
        return not self.complete and not self.paused and self.error is None

    @property
    def reusable(self) -> bool:
        """Whether another request may follow on this connection."""
        return (
            not self.closed
            and self.error is None
            and self.complete
            and self.delimited
            and self.headers.get(b"connection", b"").lower() != b"close"
        )

    def begin(self, *parts: bytes) -> None:
        """Send one whole request. Raises CutError if the connection is gone."""
        if self._transport is None or self.closed:
            raise CutError("connection closed")
        self._reset()
        self._transport.writelines(parts)

    async def head(self) -> int:
        """Wait for the answer's head; return its status."""
        while not self.headers_done:
            if self.error is not None:
                raise self.error
            await self._wait()
        return self.status

    async def chunk(self) -> bytes:
        """Return what came since the last call, waiting if it is nothing; ``b""`` is the end.

        Raises WireError if the connection broke; chunks that came before it are handed out first.
        """
        while not self._chunks:
            if self.error is not None:
                raise self.error
            if self.complete:
                return b""
            await self._wait()
        chunks = self._chunks
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        if self.paused and self._transport is not None and not self.closed:
            self.paused = False
            self.last_byte = self._loop.time()
            self._transport.resume_reading()
        return data

    async def whole(self) -> bytes:
        """Return the whole body. Raises WireError if it is cut or larger than the limit."""
        parts: list[bytes] = []
        size = 0
        while data := await self.chunk():
            parts.append(data)
            size += len(data)
            if size > MAX_WHOLE_BODY_BYTES:
                raise WireError("answer too large")
        return b"".join(parts)

    def fail(self, error: Exception) -> None:
        """End the exchange with ``error``: close at once and wake the reader."""
        if self.error is None:
            self.error = error
        self.close()
        self._wake()

    def close(self) -> None:
        """Close at once; what is unsent or unread is dropped."""
        if self._transport is not None and not self.closed:
            self._transport.abort()

    async def _wait(self) -> None:
        waiter = self._loop.create_future()
        self._waiter = waiter
        try:
            await waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


async def connect_unix(path: str, timeout_s: float) -> Connection:
    """Connect to a unix socket; wait out a full backlog for at most ``timeout_s``.

    Raises RefusedError.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while True:
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stream.setblocking(False)
        try:
            stream.connect(path)
        except OSError as error:
            stream.close()
            if error.errno != errno.EAGAIN or loop.time() >= deadline:
                raise RefusedError(f"connect: {error.strerror}") from error
        else:
            break
        await asyncio.sleep(BUSY_BACKLOG_PAUSE_S)
    try:
        _, connection = await loop.create_unix_connection(lambda: Connection(loop), sock=stream)
    except BaseException:
        stream.close()
        raise
    return connection


async def connect_tcp(host: str, port: int, timeout_s: float) -> Connection:
    """Connect to ``host:port`` within ``timeout_s`` seconds. Raises RefusedError."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            _, connection = await loop.create_connection(lambda: Connection(loop), host, port)
    except TimeoutError as error:
        raise RefusedError("connect: timed out") from error
    except OSError as error:
        raise RefusedError(f"connect: {error.strerror or type(error).__name__}") from error
    return connection


def request_head(
    method: str, path: str, headers: Mapping[str, str], body_bytes: int, *, version: str
) -> bytes:
    """Build a request's head; ``version`` is ``1.0`` or ``1.1``."""
    lines = [f"{method} {path} HTTP/{version}", *(f"{name}: {value}" for name, value in headers.items())]
    if body_bytes or method == "POST":
        lines += ["content-type: application/json", f"content-length: {body_bytes}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
