"""Real servers on loopback that take what apprise sends: HTTP and SMTP."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LONGEST_MAIL = 32 * 1024 * 1024


@dataclass
class Received:
    """What an HTTP server was sent."""

    port: int = 0
    status: int = 200
    documents: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    silent: threading.Event | None = None
    """Where set: nothing is answered until it is."""


@contextlib.contextmanager
def http_receiver(status: int = 200, *, silent: bool = False, host: str = "127.0.0.1") -> Iterator[Received]:
    """Serve HTTP that answers every POST with ``status``."""
    received = Received(status=status, silent=threading.Event() if silent else None)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            received.paths.append(self.path)
            if self.headers.get("Content-Type", "").startswith("multipart/"):
                names = re.findall(rb'filename="([^"]+)"', content)
                received.documents.append({"files": [name.decode() for name in names]})
            else:
                received.documents.append(json.loads(content))
            if received.silent:
                received.silent.wait(30)
            with contextlib.suppress(OSError):  # the client may have left
                self.send_response(received.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- its own name for it
            pass

    server = ThreadingHTTPServer((host, 0), Handler)
    received.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield received
    finally:
        if received.silent:
            received.silent.set()
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Mailbox:
    """What an SMTP server was sent."""

    port: int = 0
    refuse: bool = False
    mails: list[EmailMessage] = field(default_factory=list)


@contextlib.contextmanager
def smtp_receiver(*, refuse: bool = False) -> Iterator[Mailbox]:
    """Serve just enough SMTP (RFC 5321) for one mail a connection, without TLS or login."""
    mailbox = Mailbox(refuse=refuse)
    ready, loop = threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(line: str) -> None:
            writer.write(line.encode() + b"\r\n")

        say("220 loopback")
        while line := (await reader.readline()).decode().strip():
            verb = line.split(" ")[0].upper()
            if verb == "DATA":
                say("354 go on")
                content = await reader.readuntil(b"\r\n.\r\n")
                mail = email.message_from_bytes(content[:-5], policy=email.policy.default)
                assert isinstance(mail, EmailMessage)
                mailbox.mails.append(mail)
                say("250 taken")
            elif verb == "QUIT":
                say("221 bye")
                break
            elif verb == "RCPT" and mailbox.refuse:
                say("550 no such mailbox")
            else:
                say("250 loopback")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def serve() -> None:
        server = await asyncio.start_server(converse, "127.0.0.1", 0, limit=LONGEST_MAIL)
        mailbox.port = server.sockets[0].getsockname()[1]
        ready.set()
        async with server:
            await stop.wait()

    def run() -> None:
        loop.run_until_complete(serve())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait(10)
    try:
        yield mailbox
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
