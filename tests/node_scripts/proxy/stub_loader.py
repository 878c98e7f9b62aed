"""A stand-in for a loader: mlx_lm.server's wire behaviour without a model.

HTTP/1.0, one connection a request, the stream's end is the connection's end. It does what a word
in the prompt says: ``CUT`` ends the stream after two tokens without ``[DONE]``, ``HANG`` never
answers, ``LATEHANG`` stops after one token, ``DIE`` kills the loader, ``LATEDIE`` kills it after
one token, ``THREAD`` kills its generation thread, ``REFUSE`` answers 400, ``SLOW`` takes 50 ms a
token, ``PREFILL`` sends keep-alives for ``prefill_s``, ``QUEUE`` says nothing until it is the only one.

As a process: ``python -m tests.node_scripts.proxy.stub_loader --socket PATH [--stats PATH]``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

from node_scripts.contracts import LoaderSpec

HEAD = (
    b"HTTP/1.0 %b\r\nServer: BaseHTTP/0.6 Python/3.11.7\r\nContent-type: %b\r\n"
    b"Cache-Control: no-cache\r\nAccess-Control-Allow-Origin: *\r\n"
)
STREAM = HEAD % (b"200 OK", b"text/event-stream") + b"\r\n"

NO_PROCESS = 99_999_999
"""A pid that no process has: the proxy kills what the statistics name."""


class StubLoader:
    """One stub; its attributes may be changed while it runs."""

    def __init__(self, folder: Path, name: str = "loader-1", model: str = "tiny", word: str = "a") -> None:
        """Answer as ``name`` with tokens made of ``word``."""
        self.spec = LoaderSpec(
            name=name,
            model=model,
            artifact=f"artifact-{word}",
            runtime="runtime",
            http_socket=str(folder / f"{name}.http"),
            stats_socket=str(folder / f"{name}.stats"),
        )
        self.word = word
        self.tokens = 4
        self.token_delay_s = 0.0
        self.prefill_s = 0.5
        self.loaded = True
        self.thread_dead = False
        self.mute = False
        self.hang_all = False
        self.pid = NO_PROCESS
        self.recording = True
        self.requests: list[dict[str, Any]] = []
        self.connections: set[_Exchange] = set()
        self.most_at_once = 0
        self.abandoned = 0
        self._servers: list[asyncio.Server] = []

    async def start(self, *, stats: bool = True) -> StubLoader:
        """Listen; ``stats`` on the statistics socket too."""
        loop = asyncio.get_running_loop()
        self.die()
        for path in (self.spec.http_socket, self.spec.stats_socket):
            Path(path).unlink(missing_ok=True)  # noqa: ASYNC240 -- a stub
        self.thread_dead = False
        http = await loop.create_unix_server(lambda: _Exchange(self), self.spec.http_socket, backlog=512)
        self._servers = [http]
        if stats:
            told = await asyncio.start_unix_server(self._tell_stats, self.spec.stats_socket)
            self._servers.append(told)
        return self

    def die(self) -> None:
        """End as a killed process does: every connection is reset, nobody listens."""
        for server in self._servers:
            server.close()
        self._servers = []
        for exchange in list(self.connections):
            exchange.abort()

    stop = die

    @property
    def dead(self) -> bool:
        """Whether a supervisor would have to start it again."""
        return self.thread_dead or not self._servers

    def answer_text(self, tokens: int | None = None) -> str:
        """Return the text of a whole answer."""
        return self.word * (self.tokens if tokens is None else tokens)

    async def _tell_stats(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stats = {"pid": self.pid, "started_unix": 1.0, "load_misses": int(self.loaded), "requests": 7}
        writer.write(json.dumps(stats).encode())
        writer.close()


class _Exchange(asyncio.Protocol):
    """One connection."""

    def __init__(self, stub: StubLoader) -> None:
        self.stub = stub
        self.received = b""
        self.transport: Any = None
        self.task: asyncio.Task[None] | None = None
        self.finished = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self in self.stub.connections:
            self.stub.connections.discard(self)
            if not self.finished:
                self.stub.abandoned += 1
        if self.task is not None:
            self.task.cancel()

    def abort(self) -> None:
        self.finished = True
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, blank, body = self.received.partition(b"\r\n\r\n")
        if not blank or self.task is not None or self.stub.mute:
            return
        if head.startswith(b"GET /health"):
            if self.stub.thread_dead:
                self._whole(b"503 Service Unavailable", {"status": "unavailable"})
            else:
                self._whole(b"200 OK", {"status": "ok"})
            return
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or b"0")
        if len(body) < length:
            return
        self.stub.connections.add(self)
        self.stub.most_at_once = max(self.stub.most_at_once, len(self.stub.connections))
        request = json.loads(body)
        if self.stub.recording:
            self.stub.requests.append(request)
        self._answer(head.split(b" ", 2)[1].decode(), request, body)

    def _whole(self, status: bytes, body: dict[str, Any], *, length: bool = False) -> None:
        content = json.dumps(body).encode()
        extra = b"Content-Length: %d\r\n" % len(content) if length else b""
        self.transport.write(HEAD % (status, b"application/json") + extra + b"\r\n" + content)
        self.finished = True
        self.transport.close()

    def _answer(self, path: str, request: dict[str, Any], body: bytes) -> None:
        stub = self.stub
        if stub.thread_dead:
            self._whole(b"404 Not Found", {"error": "generation thread died"})
        elif b"THREAD" in body:
            self._kill_thread()
        elif b"REFUSE" in body:
            self._whole(b"400 Bad Request", {"error": "garnet:invalid:bad_value:top_k:top_k is too large"})
        elif b"DIE" in body and b"LATEDIE" not in body:
            stub.die()
        elif self.stub.hang_all or (b"HANG" in body and b"LATEHANG" not in body):
            self.task = asyncio.get_running_loop().create_task(asyncio.sleep(3600))
        elif not request.get("stream"):
            chat = "chat" in path
            message = {"message": {"role": "assistant", "content": stub.answer_text()}}
            choice = {"index": 0, "finish_reason": "length", "logprobs": {"content": []}}
            choice |= message if chat else {"text": stub.answer_text()}
            answer = {
                **_identity(request, chat=chat, chunk=False),
                "choices": [choice],
                "usage": _usage(stub.tokens),
            }
            self._whole(b"200 OK", answer, length=True)
        elif stub.token_delay_s or any(
            word in body for word in (b"CUT", b"LATE", b"SLOW", b"PREFILL", b"QUEUE")
        ):
            self.task = asyncio.get_running_loop().create_task(self._stream(path, request, body))
        else:
            events = [STREAM, b": keepalive 3/4\n\n", *self._events(path, request)]
            self.transport.write(b"".join(events))
            self.finished = True
            self.transport.close()

    def _kill_thread(self) -> None:
        self.stub.thread_dead = True
        for exchange in list(self.stub.connections):
            if exchange.task is None:
                exchange._whole(b"404 Not Found", {"error": "generation thread died"})
            else:
                exchange.abort()

    def _events(self, path: str, request: dict[str, Any]) -> list[bytes]:
        chat = "chat" in path
        identity = _identity(request, chat=chat, chunk=True)
        word = self.stub.word

        def event(text: str, finish: str | None) -> bytes:
            piece = {"delta": {"role": "assistant", "content": text}} if chat else {"text": text}
            choice = {"index": 0, "finish_reason": finish, **piece}
            return b"data: " + json.dumps({**identity, "choices": [choice]}).encode() + b"\n\n"

        tokens = min(self.stub.tokens, request.get("max_tokens") or self.stub.tokens)
        events = [event(word, None)] * tokens
        events.append(event("", "length"))
        if (request.get("stream_options") or {}).get("include_usage"):
            usage = {**_identity(request, chat=chat, chunk=False), "choices": [], "usage": _usage(tokens)}
            events.append(b"data: " + json.dumps(usage).encode() + b"\n\n")
        return [*events, b"data: [DONE]\n\n"]

    async def _stream(self, path: str, request: dict[str, Any], body: bytes) -> None:
        stub = self.stub
        if b"QUEUE" in body:
            while len(stub.connections) > 1:  # noqa: ASYNC110 -- a stub
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
        self.transport.write(STREAM + b": keepalive 3/4\n\n")
        if b"PREFILL" in body:
            until = time.monotonic() + stub.prefill_s
            while time.monotonic() < until:
                self.transport.write(b": keepalive 3/4\n\n")
                await asyncio.sleep(0.02)
        delay = 0.05 if b"SLOW" in body else stub.token_delay_s
        for sent, event in enumerate(self._events(path, request)):
            if b"CUT" in body and sent == 2:
                break
            if b"LATEDIE" in body and sent == 1:
                stub.die()
            if b"LATEHANG" in body and sent == 1:
                await asyncio.sleep(3600)
            self.transport.write(event)
            await asyncio.sleep(delay)
        self.finished = True
        self.transport.close()


def _identity(request: dict[str, Any], *, chat: bool, chunk: bool) -> dict[str, Any]:
    kind = ("chat.completion" + (".chunk" if chunk else "")) if chat else "text_completion"
    return {
        "id": "chatcmpl-1" if chat else "cmpl-1",
        "system_fingerprint": "stub",
        "object": kind,
        "model": request.get("model"),
        "created": 1795225477,
    }


def _usage(tokens: int) -> dict[str, Any]:
    return {
        "prompt_tokens": 3,
        "completion_tokens": tokens,
        "total_tokens": 3 + tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
    }


async def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--stats", type=Path)
    parser.add_argument("--tokens", type=int, default=4)
    parser.add_argument("--token-delay", type=float, default=0.0)
    arguments = parser.parse_args()
    stub = StubLoader(arguments.socket.parent, arguments.socket.name.removesuffix(".http"))
    stub.pid = os.getpid()
    stub.recording = False
    stub.tokens, stub.token_delay_s = arguments.tokens, arguments.token_delay
    await stub.start(stats=arguments.stats is not None)
    await asyncio.Event().wait()


if __name__ == "__main__":
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main())
