"""The monitor's side of the control socket, against a scripted server."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from node_scripts.monitor.proxy_client import ProxyClient
from tests.node_scripts.monitor.made import status


def request_from(connection: socket.socket) -> bytes:
    """Read one request with its body."""
    content = b""
    while b"\r\n\r\n" not in content:
        content += connection.recv(65536)
    head, _, body = content.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    length = int(lengths[0].partition(b":")[2]) if lengths else 0
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def serving(answer: bytes, asked: list[bytes]) -> Iterator[Path]:
    """Answer each connection on a unix socket with ``answer``."""
    with tempfile.TemporaryDirectory(prefix="g", dir="/tmp") as folder:
        path = Path(folder) / "s"
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
            listening.listen()

            def serve() -> None:
                while True:
                    try:
                        connection, _ = listening.accept()
                    except OSError:
                        return
                    with connection:
                        asked.append(request_from(connection))
                        connection.sendall(answer)

            thread = threading.Thread(target=serve)
            thread.start()
            try:
                yield path
            finally:
                listening.shutdown(socket.SHUT_RDWR)
                thread.join()


def answer(body: bytes, line: bytes = b"200 OK") -> bytes:
    """Return an HTTP answer."""
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (line, len(body), body)


def test_returns_the_status() -> None:
    """Decoded strictly; fields that this release does not know are ignored."""
    body = msgspec.json.encode({**msgspec.to_builtins(status()), "from_a_newer_one": 1})
    with serving(answer(body), []) as path:
        client = ProxyClient(path)
        assert client.status() == status()
        assert client.error == ""


@pytest.mark.parametrize(
    "answered",
    [
        answer(b"{}"),
        answer(b"not json"),
        answer(b"{}", b"503 Busy"),
        b"",
        b"nonsense\r\n\r\n",
        answer(b"x" * 50)[:40],
    ],
)
def test_what_is_no_status_is_none(answered: bytes) -> None:
    """It says why, and the monitor goes on."""
    with serving(answered, []) as path:
        client = ProxyClient(path)
        assert client.status() is None
        assert client.error


def test_without_a_proxy_there_is_none(tmp_path: Path) -> None:
    """No socket, or nobody behind it."""
    client = ProxyClient(tmp_path / "none")
    assert client.status() is None
    assert client.raise_nodes(["n2"]) is False


def test_raises_nodes() -> None:
    """As a list in a PUT."""
    asked: list[bytes] = []
    with serving(answer(b"{}"), asked) as path:
        assert ProxyClient(path).raise_nodes(["n2", "n3"]) is True
    assert asked[0].startswith(b"PUT /control/raised HTTP/1.1")
    assert asked[0].endswith(b'["n2", "n3"]')
