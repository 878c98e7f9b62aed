"""The load counts whole answers only."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.client import Load, Measured, Target, measure

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
DONE = b"e\r\ndata: [DONE]\n\n\r\n"
OLD = b"HTTP/1.0 200 OK\r\nContent-type: text/event-stream\r\n\r\n"


@contextmanager
def answering(path: Path, answer: bytes, *, close: bool) -> Iterator[list[int]]:
    """Answer every request on a unix socket with ``answer``; yield a list that grows by connection."""
    connections: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        try:
            while await reader.readuntil(b"}]"):
                await reader.readuntil(b"}")
                writer.write(answer)
                await writer.drain()
                if close:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def run(ready: Callable[[], None], stop: asyncio.Event) -> None:
        async with await asyncio.start_unix_server(serve, str(path)):
            ready()
            await stop.wait()

    loop = asyncio.new_event_loop()
    listening = threading.Event()
    stop = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(run(listening.set, stop)))
    thread.start()
    assert listening.wait(10)
    try:
        yield connections
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def asked(
    path: Path, answer: bytes, *, stream: bool, close: bool = False, keep_alive: bool = True
) -> tuple[Measured, int]:
    """Send six requests from two workers; return what came of them and the connections."""
    load = Load(model="m", requests=6, workers=2, tokens=1, stream=stream)
    with answering(path, answer, close=close) as connections:
        found = measure(Target(name="t", address=path, keep_alive=keep_alive), load)
    return found, len(connections)


@pytest.mark.parametrize(
    ("answer", "stream", "close"),
    [
        (PLAIN, False, False),
        (CHUNKED + DONE + b"0\r\n\r\n", True, False),
        (OLD + b"data: [DONE]\n\n", True, True),
    ],
)
def test_whole_answers_are_measured(tmp_path: Path, answer: bytes, *, stream: bool, close: bool) -> None:
    """By length, by chunks, or by the connection's end and [DONE]."""
    found, _ = asked(tmp_path / "s", answer, stream=stream, close=close)
    assert (len(found.latencies_ms), found.incomplete) == (6, 0)
    assert all(first <= last for first, last in zip(found.first_bytes_ms, found.latencies_ms, strict=True))
    assert found.rate > 0


@pytest.mark.parametrize(
    ("answer", "stream"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}", False),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\n{}", False),
        (CHUNKED + b"0\r\n\r\n", True),
        (CHUNKED + DONE, True),
        (OLD + b"data: {}\n\n", True),
        (b"not HTTP at all", False),
        (b"", False),
    ],
)
def test_what_is_cut_or_refused_is_incomplete(tmp_path: Path, answer: bytes, *, stream: bool) -> None:
    """A status, a length, the last chunk or [DONE] that does not come: not an answer."""
    found, _ = asked(tmp_path / "s", answer, stream=stream, close=True)
    assert (len(found.latencies_ms), found.incomplete) == (0, 6)


@pytest.mark.parametrize(("keep_alive", "connections"), [(True, 2), (False, 6)])
def test_connections_are_kept_where_asked(tmp_path: Path, connections: int, *, keep_alive: bool) -> None:
    """One a worker, or one a request."""
    assert asked(tmp_path / "s", PLAIN, stream=False, keep_alive=keep_alive)[1] == connections
