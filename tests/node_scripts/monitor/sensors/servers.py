"""Real servers on loopback: HTTP and UDP."""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading
from collections.abc import Callable, Iterator

Page = tuple[int, bytes]


@contextlib.contextmanager
def http_server(pages: dict[str, Page], asked: list[str] | None = None) -> Iterator[int]:
    """Serve pages by path with its query, others as 404; note what was asked; yield the port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if asked is not None:
                asked.append(self.path)
            status, body = pages.get(self.path, (404, b'{"code":404,"message":"No handler"}'))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base's name
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def udp_server(answer: Callable[[bytes], bytes | None]) -> Iterator[int]:
    """Answer each datagram by ``answer``, not at all where it gives ``None``; yield the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.bind(("127.0.0.1", 0))
        port = int(channel.getsockname()[1])
        stopped = threading.Event()

        def serve() -> None:
            while True:
                packet, sender = channel.recvfrom(4096)
                if stopped.is_set():
                    return
                reply = answer(packet)
                if reply is not None:
                    channel.sendto(reply, sender)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield port
        finally:
            stopped.set()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", ("127.0.0.1", port))
            thread.join()


def free_port() -> int:
    """Return a port of loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
