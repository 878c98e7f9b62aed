"""Start unguarded mlx_lm servers on loopback ports and speak HTTP to them."""

from __future__ import annotations

import contextlib
import http.client
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

START_S = 60.0
ANSWER_S = 60.0
PATHS = {"chat": "/v1/chat/completions", "text": "/v1/completions"}


@dataclass(frozen=True, slots=True)
class PlainLoader:
    """A running server."""

    port: int
    process: subprocess.Popen[bytes]

    def post(self, kind: str, body: bytes) -> tuple[int, bytes]:
        """Return status and body of one completion."""
        return self._ask("POST", PATHS[kind], body)

    def healthy(self) -> bool:
        """Tell whether it answers and its generation thread lives."""
        try:
            return self._ask("GET", "/health", None)[0] == 200
        except OSError:
            return False

    def _ask(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_S)
        with contextlib.closing(connection):
            connection.request(method, path, body)
            response = connection.getresponse()
            return response.status, response.read()


@contextlib.contextmanager
def running(argv: list[str], folder: Path) -> Iterator[PlainLoader]:
    """Start ``argv`` with ``PORT`` replaced by a free port, wait until it is healthy, stop it at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    log = folder / "loader.log"
    with log.open("wb") as stream:
        command = [str(port) if part == "PORT" else part for part in argv]
        process = subprocess.Popen(command, cwd=folder, stdout=stream, stderr=stream)
    loader = PlainLoader(port, process)
    try:
        deadline = time.monotonic() + START_S
        while not loader.healthy():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, "the loader did not become healthy"
            time.sleep(0.1)
        yield loader
    finally:
        process.kill()
        process.wait()
