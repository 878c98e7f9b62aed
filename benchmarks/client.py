"""A closed loop of clients on one OpenAI-compatible endpoint, judged by whole answers.

Each worker sends its next request when its last answer has ended. An answer counts only if its
framing, its status and its content say that it is whole: a stream needs its ``[DONE]``.
"""

from __future__ import annotations

import asyncio
import gc
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httptools
import uvloop

from benchmarks.results import percentile

TAIL_BYTES = 64
ANSWER_TIMEOUT_S = 60.0
OK = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where requests go."""

    name: str
    address: Path | tuple[str, int]
    """A unix socket, or host and port."""
    keep_alive: bool = True
    """One connection a worker; else one a request."""
    key: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What is asked, and how much of it."""

    model: str
    requests: int
    workers: int
    tokens: int
    stream: bool

    def body(self) -> bytes:
        """Return a chat completion's body."""
        body = {
            "model": self.model,
            "messages": [{"role": "user", "content": "Name three colours of the rainbow, please."}],
            "max_tokens": self.tokens,
            "temperature": 0,
        }
        return json.dumps({**body, "stream": True} if self.stream else body).encode()


@dataclass(slots=True)
class Measured:
    """What came of a load. Milliseconds, of whole answers only."""

    latencies_ms: list[float] = field(default_factory=list)
    first_bytes_ms: list[float] = field(default_factory=list)
    incomplete: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Whole answers a second."""
        return len(self.latencies_ms) / self.seconds

    def latency(self, share: float) -> float:
        """Return a percentile of the time from sending to the last byte."""
        return percentile(self.latencies_ms, share)

    def first_byte(self, share: float) -> float:
        """Return a percentile of the time from sending to the first byte."""
        return percentile(self.first_bytes_ms, share)


class Client(asyncio.Protocol):
    """One connection; one exchange at a time."""

    def __init__(self) -> None:
        """Prepare to connect."""
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._ended: asyncio.Future[None] | None = None
        self._delimited = False
        self._tail = b""
        self._status = 0
        self._complete = False
        self.first_byte_at = 0.0
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        if not self.first_byte_at:
            self.first_byte_at = time.perf_counter()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def on_header(self, name: bytes, _value: bytes) -> None:
        """Note whether the answer tells its length."""
        if name.lower() in (b"content-length", b"transfer-encoding"):
            self._delimited = True

    def on_headers_complete(self) -> None:
        """Note the status."""
        self._status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        """Keep the end of the content."""
        self._tail = (self._tail + body)[-TAIL_BYTES:]

    def on_message_complete(self) -> None:
        """End the exchange as its framing says."""
        self._complete = True
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the exchange; for an answer without a length that is its proper end."""
        self.closed = True
        self._complete = self._complete or (exc is None and not self._delimited)
        self._end()

    def _end(self) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    async def exchange(self, request: bytes) -> None:
        """Send a request and wait for its answer's end, whatever it is."""
        self._delimited = self._complete = False
        self._tail = b""
        self._status = 0
        self.first_byte_at = 0.0
        self._ended = asyncio.get_running_loop().create_future()
        if self._transport is None or self.closed:
            return
        self._transport.write(request)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await self._ended
        except TimeoutError:
            self.close()

    def whole(self, *, stream: bool) -> bool:
        """Say whether the last exchange brought a whole answer."""
        if not self._complete or self._status != OK:
            return False
        tail = self._tail.rstrip()
        return tail.endswith(b"data: [DONE]") if stream else tail.endswith(b"}")

    def close(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()


def measure(target: Target, load: Load) -> Measured:
    """Send the load and return what came of it. Raises OSError if nobody listens."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(target, load))


async def _run(target: Target, load: Load) -> Measured:
    request = request_bytes(target, load.body())
    measured = Measured()
    turns = iter(range(load.requests))
    gc.collect()
    gc.disable()
    try:
        begin = time.perf_counter()
        works = [_work(target, request, turns, measured, stream=load.stream) for _ in range(load.workers)]
        await asyncio.gather(*works)
        measured.seconds = time.perf_counter() - begin
    finally:
        gc.enable()
    return measured


async def _work(
    target: Target, request: bytes, turns: Iterator[int], measured: Measured, *, stream: bool
) -> None:
    client: Client | None = None
    try:
        for _ in turns:
            begin = time.perf_counter()
            if client is None or client.closed:
                client = await _connect(target)
            await client.exchange(request)
            end = time.perf_counter()
            if client.whole(stream=stream):
                measured.latencies_ms.append((end - begin) * 1000)
                measured.first_bytes_ms.append((client.first_byte_at - begin) * 1000)
            else:
                measured.incomplete += 1
            if not target.keep_alive:
                client.close()
                client = None
    finally:
        if client is not None:
            client.close()


async def _connect(target: Target) -> Client:
    loop = asyncio.get_running_loop()
    if isinstance(target.address, Path):
        _, client = await loop.create_unix_connection(Client, str(target.address))
    else:
        _, client = await loop.create_connection(Client, *target.address)
    return client


def request_bytes(target: Target, body: bytes) -> bytes:
    """Return a whole request."""
    headers = {
        "host": "bench",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "keep-alive" if target.keep_alive else "close",
    }
    if target.key is not None:
        headers["authorization"] = f"Bearer {target.key}"
    lines = ["POST /v1/chat/completions HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
