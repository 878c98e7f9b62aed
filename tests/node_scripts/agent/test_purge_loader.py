"""The step that has a loader purge: what it passes on, and how it fails."""

from __future__ import annotations

import http.server
import json
import socketserver
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from node_scripts.agent.errors import StepError
from node_scripts.agent.loaders import purge_loader
from node_scripts.loader_stats import PURGE_PATH
from tests.node_scripts.agent.local_agent import context_at


@pytest.fixture
def root() -> Iterator[Path]:
    """Yield a root that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="g", dir="/tmp") as folder:
        (Path(folder) / "run").mkdir()
        yield Path(folder)


@contextmanager
def loader(root: Path, status: int, body: bytes) -> Iterator[str]:
    """Serve one answer to the purge's path on a loader's socket, as an HTTP/1.0 server."""
    path = str(root / "run" / "loader-1.http")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == PURGE_PATH
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def address_string(self) -> str:
            return "local"

        def log_message(self, *_: object) -> None:
            pass

    server = socketserver.ThreadingUnixStreamServer(path, Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield path
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_what_the_loader_says_is_passed_on(root: Path) -> None:
    """Sequences, bytes and requests in flight."""
    said = {"sequences": 3, "size_bytes": 3000, "in_flight": 1}
    with loader(root, 200, json.dumps(said).encode()) as socket:
        assert purge_loader(context_at(root), http_socket=socket) == said


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [(404, b"Not Found", "cannot_purge"), (503, b"{}", "busy"), (200, b"?", "busy")],
)
def test_a_loader_that_cannot_is_told_from_one_that_is_busy(
    root: Path, status: int, body: bytes, code: str
) -> None:
    """One of an older release answers 404."""
    with loader(root, status, body) as socket, pytest.raises(StepError) as caught:
        purge_loader(context_at(root), http_socket=socket)
    assert caught.value.code == code


def test_a_loader_that_is_down_and_a_foreign_socket_are_refused(root: Path) -> None:
    """Nothing outside of the root's own sockets is spoken to."""
    with pytest.raises(StepError) as down:
        purge_loader(context_at(root), http_socket=str(root / "run" / "loader-9.http"))
    with pytest.raises(StepError) as foreign:
        purge_loader(context_at(root), http_socket="/var/run/other.sock")
    assert (down.value.code, foreign.value.code) == ("loader_down", "bad_path")
