"""Real loaders for tests: start one on unix sockets, ask it, read its figures, stop it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
START_TIMEOUT_S = 60.0


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path, timeout: float = 120.0) -> None:
        """Connect to ``path`` at the first request."""
        super().__init__("loader", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


@dataclass(frozen=True, slots=True)
class RunningLoader:
    """A loader that was started and answers."""

    model: str
    http_socket: Path
    stats_socket: Path
    log: Path
    process: subprocess.Popen[bytes]

    def post(self, body: bytes, path: str = "/v1/chat/completions") -> tuple[int, bytes]:
        """Return the status and the body of the answer to raw bytes."""
        connection = UnixConnection(self.http_socket)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def ask(self, path: str = "/v1/chat/completions", **body: Any) -> tuple[int, Any]:
        """Return the status and the JSON of the answer; the model is filled in."""
        status, answer = self.post(json.dumps({"model": self.model, **body}).encode(), path)
        return status, json.loads(answer)

    def greedy_answer(self, prompt: str, max_tokens: int = 16) -> str:
        """Return what the model says to one user message: the same each time, another for each seed."""
        messages = [{"role": "user", "content": prompt}]
        status, answer = self.ask(messages=messages, max_tokens=max_tokens)
        assert status == 200, answer
        return str(answer["choices"][0]["message"]["content"])

    def stats(self) -> dict[str, Any]:
        """Return one LoaderStats as its socket gives it."""
        return read_stats(self.stats_socket)


def read_stats(path: Path) -> dict[str, Any]:
    """Return the JSON that a loader's stats socket answers a connection with."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(10)
        connection.connect(str(path))
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    figures: dict[str, Any] = json.loads(b"".join(parts))
    return figures


def loader_command(python: Path, model: str, sockets: Path, *options: str, context: int = 512) -> list[str]:
    """Return the command line of a loader whose sockets lie in the folder ``sockets``."""
    command = [str(python), "-m", "node_scripts.loader", "--model", model, "--context", str(context)]
    paths = ["--http-socket", str(sockets / "l.http"), "--stats-socket", str(sockets / "l.stats")]
    return [*command, *paths, *options]


def loader_environment() -> dict[str, str]:
    """Return the environment a loader is started with."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@contextmanager
def running_loader(
    python: Path, folder: Path, *options: str, model: str = "m", context: int = 512
) -> Iterator[RunningLoader]:
    """Start a loader of the model in ``folder``, wait until it has loaded it, stop it at the end."""
    # Socket paths must be short, which a test's own folder is not.
    with tempfile.TemporaryDirectory(prefix="g-", dir="/tmp") as short:
        sockets = Path(short)
        (sockets / model).symlink_to(folder)
        log = sockets / "log"
        command = loader_command(python, model, sockets, *options, context=context)
        with log.open("wb") as stream:
            process = subprocess.Popen(
                command, cwd=sockets, env=loader_environment(), stdout=stream, stderr=stream
            )
        loader = RunningLoader(model, sockets / "l.http", sockets / "l.stats", log, process)
        try:
            wait_until_loaded(loader)
            yield loader
        finally:
            stop(process)


def listens(path: Path) -> bool:
    """Say whether somebody takes connections there: a socket is there before that, and may be left behind."""
    connection = UnixConnection(path)
    try:
        connection.connect()
    except OSError:
        return False
    finally:
        connection.close()
    return True


def wait_until_loaded(loader: RunningLoader) -> None:
    """Return once the loader has loaded its model; raises AssertionError with its log if it never does."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        assert loader.process.poll() is None, loader.log.read_text()
        try:
            if loader.stats()["load_misses"] == 1 and listens(loader.http_socket):
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError(loader.log.read_text())


def stop(process: subprocess.Popen[bytes], names: Sequence[signal.Signals] = (signal.SIGTERM,)) -> int:
    """Send the signals to a process of ours, wait for its end, return its exit status."""
    for name in names:
        process.send_signal(name)
    try:
        return process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=20)
        raise
