"""A loader without a model, answering at once: python -m benchmarks.stub --socket PATH --stats PATH.

The wire behaviour is mlx_lm.server's: HTTP/1.0, one connection a request, a stream that ends with its
connection, one write a token. Answers are built once, so that what is measured is what lies in front.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import os
import re
from pathlib import Path

import uvloop

HEAD = (
    b"HTTP/1.0 200 OK\r\nServer: BaseHTTP/0.6 Python/3.11.7\r\nDate: Sat, 21 Nov 2026 00:00:00 GMT\r\n"
    b"Content-type: %b\r\nCache-Control: no-cache\r\nAccess-Control-Allow-Origin: *\r\n"
)
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
MAX_TOKENS = re.compile(rb'"max_tokens": *(\d+)')
STREAM = re.compile(rb'"stream": *true')
USAGE = re.compile(rb'"include_usage": *true')
BACKLOG = 512


@functools.cache
def plain(model: str, tokens: int) -> bytes:
    """Return a whole unstreamed answer."""
    message = {"role": "assistant", "content": " word" * tokens}
    choice = {"index": 0, "finish_reason": "length", "logprobs": {"token_logprobs": []}, "message": message}
    return whole({**_identity(model, "chat.completion"), "choices": [choice], "usage": _usage(tokens)})


@functools.cache
def streamed(model: str, tokens: int, *, usage: bool) -> list[bytes]:
    """Return what is written for a stream, a write a token."""

    def event(text: str, finish: str | None) -> bytes:
        delta = {"role": "assistant", "content": text, "reasoning": "", "tool_calls": []}
        choice = {"index": 0, "finish_reason": finish, "delta": delta}
        return _event({**_identity(model, "chat.completion.chunk"), "choices": [choice]})

    writes = [HEAD % b"text/event-stream" + b"\r\n", *[event(" word", None)] * tokens, event("", "length")]
    if usage:
        last = {**_identity(model, "chat.completion"), "choices": [], "usage": _usage(tokens)}
        writes.append(_event(last))
    return [*writes, b"data: [DONE]\n\n"]


def whole(value: object) -> bytes:
    """Return an answer of JSON with its length."""
    content = json.dumps(value).encode()
    return HEAD % b"application/json" + b"Content-Length: %d\r\n\r\n%b" % (len(content), content)


def _event(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def _identity(model: str, kind: str) -> dict[str, object]:
    identity = {"id": "chatcmpl-4d1f9a0e-0000-0000-0000-000000000000", "system_fingerprint": "stub"}
    return {**identity, "object": kind, "model": model, "created": 1795225477}


def _usage(tokens: int) -> dict[str, object]:
    counts = {"prompt_tokens": 12, "completion_tokens": tokens, "total_tokens": 12 + tokens}
    return {**counts, "prompt_tokens_details": {"cached_tokens": 0}}


class Exchange(asyncio.Protocol):
    """One connection: one request, one answer."""

    def __init__(self, model: str) -> None:
        """Answer as ``model``."""
        self._model = model
        self._received = b""
        self._length = -1
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio's signature
        """Stop writing."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Answer once the request is whole."""
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        if not blank:
            return
        if self._length < 0:
            found = LENGTH.search(head)
            self._length = int(found.group(1)) if found else 0
        if len(body) < self._length or self._transport is None:
            return
        if head.startswith(b"POST"):
            self._complete(body)
        else:
            models = [{"id": self._model, "object": "model", "created": 1795225477}]
            listed = head.startswith(b"GET /v1/models")
            self._write([whole({"object": "list", "data": models} if listed else {"status": "ok"})])

    def _complete(self, body: bytes) -> None:
        limit = MAX_TOKENS.search(body)
        tokens = int(limit.group(1)) if limit else 16
        if STREAM.search(body):
            self._write(streamed(self._model, tokens, usage=bool(USAGE.search(body))))
        else:
            self._write([plain(self._model, tokens)])

    def _write(self, writes: list[bytes], position: int = 0) -> None:
        """Write one piece a turn of the loop, so that other connections take theirs between."""
        if self._transport is None:
            return
        self._transport.write(writes[position])
        if position + 1 < len(writes):
            asyncio.get_running_loop().call_soon(self._write, writes, position + 1)
        else:
            self._transport.close()


async def tell_stats(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Write what a loader says of itself, and close."""
    writer.write(json.dumps({"pid": os.getpid(), "started_unix": 1.0, "load_misses": 1}).encode())
    writer.close()


async def serve(model: str, http: Path, stats: Path, port: int | None) -> None:
    """Listen until the process is ended; ``port`` is for those that cannot reach a unix socket."""
    loop = asyncio.get_running_loop()
    await loop.create_unix_server(lambda: Exchange(model), str(http), backlog=BACKLOG)
    await asyncio.start_unix_server(tell_stats, str(stats))
    if port is not None:
        await loop.create_server(lambda: Exchange(model), "127.0.0.1", port, backlog=BACKLOG)
    await asyncio.Event().wait()


def main() -> None:
    """Serve as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stub")
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--stats", type=Path, required=True)
    parser.add_argument("--port", type=int, help="listen on this port of 127.0.0.1 too")
    parser.add_argument("--model", default="bench")
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(given.model, given.socket, given.stats, given.port))


if __name__ == "__main__":
    main()
