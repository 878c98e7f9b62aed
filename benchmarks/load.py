"""A load generator: raw connections, kept where the server keeps them, exact percentiles.

``python -m benchmarks.load --url http://127.0.0.1:8080 --model NAME [--key KEY] [--concurrency 32]``
or ``--unix PATH``. It is no faster than one core, so give it a core of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

import uvloop


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go and what they ask."""

    unix: str | None
    host: str
    port: int
    request: bytes


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run measured; milliseconds."""

    concurrency: int
    requests: int
    failed: int
    seconds: float
    rps: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


class Client(asyncio.Protocol):
    """One connection that sends a request as soon as the last answer has ended."""

    def __init__(self, target: Target, until: float, latencies: list[float]) -> None:
        """Send until the clock ``until``; add seconds a request to ``latencies``."""
        self._target = target
        self._until = until
        self._latencies = latencies
        self._received = bytearray()
        self._length: int | None = None
        self._began = 0.0
        self._transport: asyncio.Transport | None = None
        self.failed = 0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = transport  # type: ignore[assignment]
        self.send()

    def send(self) -> None:
        """Send the next request, or end."""
        self._received.clear()
        self._length = None
        if self._transport is None:
            return
        if time.perf_counter() >= self._until:
            self._transport.close()
            return
        self._began = time.perf_counter()
        self._transport.write(self._target.request)

    def data_received(self, data: bytes) -> None:
        """Collect the answer until it ends by its framing."""
        received = self._received
        received += data
        if received.endswith(b"\r\n0\r\n\r\n"):
            self._answered()
            return
        if self._length is None:
            end = received.find(b"\r\n\r\n")
            at = received.find(b"content-length: ", 0, end)
            if end < 0 or at < 0:
                return
            self._length = end + 4 + int(received[at + 16 : received.index(b"\r\n", at)])
        if len(received) >= self._length:
            self._answered()

    def _answered(self) -> None:
        self._count()
        self.send()

    def _count(self) -> None:
        whole = self._received.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200"))
        if b"text/event-stream" in self._received and b"data: [DONE]" not in self._received:
            whole = False
        if whole:
            self._latencies.append(time.perf_counter() - self._began)
        else:
            self.failed += 1

    def connection_lost(self, exc: Exception | None) -> None:
        """Count an answer that its connection's end delimits; a reset is no end."""
        if self._received and exc is None:
            self._count()
        if not self.ended.done():
            self.ended.set_result(None)


async def _worker(target: Target, until: float, latencies: list[float]) -> int:
    loop = asyncio.get_running_loop()
    failed = 0
    while time.perf_counter() < until:
        if target.unix is not None:
            connected = loop.create_unix_connection(lambda: Client(target, until, latencies), target.unix)
            _, client = await connected
        else:
            _, client = await loop.create_connection(
                lambda: Client(target, until, latencies), target.host, target.port
            )
        await client.ended
        failed += client.failed
    return failed


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return a nearest-rank percentile of sorted values; 0 without any."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


async def measure(target: Target, concurrency: int, seconds: float) -> Figures:
    """Send from ``concurrency`` clients for ``seconds``, after a short warm-up."""
    await _run(target, concurrency, min(0.5, seconds))
    began = time.perf_counter()
    latencies, failed = await _run(target, concurrency, seconds)
    took = time.perf_counter() - began
    ordered = sorted(1000 * latency for latency in latencies)
    return Figures(
        concurrency=concurrency,
        requests=len(ordered),
        failed=failed,
        seconds=round(took, 2),
        rps=round(len(ordered) / took, 1),
        p50_ms=round(percentile(ordered, 0.50), 3),
        p95_ms=round(percentile(ordered, 0.95), 3),
        p99_ms=round(percentile(ordered, 0.99), 3),
    )


async def _run(target: Target, concurrency: int, seconds: float) -> tuple[list[float], int]:
    latencies: list[float] = []
    until = time.perf_counter() + seconds
    failed = await asyncio.gather(*(_worker(target, until, latencies) for _ in range(concurrency)))
    return latencies, sum(failed)


def target_of(
    url: str, unix: str | None, model: str, key: str | None, *, stream: bool, tokens: int
) -> Target:
    """Build the one request that is sent again and again."""
    parts = urlsplit(url)
    body = {"model": model, "messages": [{"role": "user", "content": "Say something."}], "max_tokens": tokens}
    if stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    content = json.dumps(body).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-length: {len(content)}\r\n"
    head += "content-type: application/json\r\n" + (f"authorization: Bearer {key}\r\n" if key else "")
    return Target(unix, parts.hostname or "", parts.port or 80, head.encode() + b"\r\n" + content)


def main() -> None:
    """Measure and print a table, or JSON."""
    parser = argparse.ArgumentParser(description="Measure an OpenAI-compatible endpoint.")
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--unix", help="connect to this unix socket instead")
    parser.add_argument("--model", required=True)
    parser.add_argument("--key")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--tokens", type=int, default=16)
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    target = target_of(
        options.url, options.unix, options.model, options.key, stream=options.stream, tokens=options.tokens
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        results = [
            runner.run(measure(target, concurrency, options.seconds)) for concurrency in options.concurrency
        ]
    if options.json:
        print(json.dumps([asdict(result) for result in results]))
        return
    print("    c   requests  failed       rps   p50 ms   p95 ms   p99 ms")
    for row in results:
        print(
            f"{row.concurrency:5d} {row.requests:10d} {row.failed:7d} {row.rps:9.0f}"
            f" {row.p50_ms:8.3f} {row.p95_ms:8.3f} {row.p99_ms:8.3f}"
        )


if __name__ == "__main__":
    main()
