"""A node that is a folder of this machine."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import threading

from garnet_cli.errors import UnreachableError

RECEIVE_BYTES = 256 * 1024
END_PATIENCE_S = 5.0
TAIL_BYTES = 4096


class LocalTransport:
    """Runs the agent as a child."""

    def __init__(self, node: str) -> None:
        """``node`` names the node in errors."""
        self._node = node

    def open(self, command: list[str]) -> LocalStream:
        """Start ``command`` in a session of its own. Raises UnreachableError."""
        try:
            return LocalStream(command)
        except OSError as error:
            raise UnreachableError(f"the agent cannot be started: {error}", node=self._node) from error


class LocalStream:
    """The pipes of one child. Its own session: Ctrl-C is for the operator's program to handle."""

    def __init__(self, command: list[str]) -> None:
        """Start ``command``. Raises ``OSError``."""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 -- lives as long as the child
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                bufsize=0,
                start_new_session=True,
            )
        except OSError:
            self._errors.close()
            raise
        self._sending = threading.Lock()
        self._closed = False
        self._said = ""

    def send(self, data: bytes) -> None:
        """See Stream.send."""
        view = memoryview(data)
        with self._sending:
            while view:
                if self._process.stdin is None or self._process.stdin.closed:
                    raise BrokenPipeError("the channel is closed")
                view = view[os.write(self._process.stdin.fileno(), view) :]

    def receive(self) -> bytes:
        """See Stream.receive."""
        return os.read(self._process.stdout.fileno(), RECEIVE_BYTES) if self._process.stdout else b""

    def end(self) -> None:
        """See Stream.end."""
        if not self._sending.acquire(timeout=END_PATIENCE_S):
            self._process.kill()
            self._sending.acquire()
        try:
            if self._process.stdin:
                with contextlib.suppress(OSError):
                    self._process.stdin.close()
        finally:
            self._sending.release()
        try:
            self._process.wait(END_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        """See Stream.close."""
        if not self._closed:
            self._said = self._tail()
            self._closed = True
            if self._process.stdout:
                self._process.stdout.close()
            self._errors.close()

    def diagnosis(self) -> str:
        """See Stream.diagnosis."""
        status = self._process.poll()
        said = self._said if self._closed else self._tail()
        return said if status is None else f"{said}\nexit status {status}".strip()

    def _tail(self) -> str:
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - TAIL_BYTES))
        return self._errors.read().decode(errors="replace").strip()
