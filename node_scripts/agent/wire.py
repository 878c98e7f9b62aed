"""The agent's two descriptors: lines and payload bytes in, reply lines out."""

from __future__ import annotations

import json
import os
import select
import threading
import time
from typing import Any

MAX_LINE_BYTES = 16 * 1024 * 1024
CHUNK_BYTES = 256 * 1024


class ChannelEndedError(Exception):
    """The operator closed the channel, vanished, or sent what is not the protocol."""


class Incoming:
    """Reads lines and payload bytes, and notices silence.

    Silence counts only while the agent waits for bytes: a disk that is slower than the operator's
    payload is no reason to give up.
    """

    def __init__(self, descriptor: int, silence_s: float) -> None:
        """Read from ``descriptor``; more than ``silence_s`` seconds without a byte end the channel."""
        self._descriptor = descriptor
        self._silence_s = silence_s
        self._buffer = bytearray()

    def line(self) -> bytes:
        """Return the next line without its newline. Raises ``ChannelEndedError``."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > MAX_LINE_BYTES:
                raise ChannelEndedError(f"a line is longer than {MAX_LINE_BYTES} bytes")
            self._fill()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def take(self, limit: int) -> bytes:
        """Return 1 to ``limit`` bytes. Raises ``ChannelEndedError``."""
        if not self._buffer:
            self._fill()
        data = bytes(self._buffer[:limit])
        del self._buffer[:limit]
        return data

    def _fill(self) -> None:
        readable, _, _ = select.select([self._descriptor], [], [], self._silence_s)
        if not readable:
            raise ChannelEndedError(f"nothing was heard for {self._silence_s:.0f} s")
        try:
            data = os.read(self._descriptor, CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            raise ChannelEndedError(f"reading failed: {error}") from error
        if not data:
            raise ChannelEndedError("the operator closed the channel")
        self._buffer += data


class Outgoing:
    """Writes whole reply lines, from any thread, without waiting for ever for a stopped reader."""

    def __init__(self, descriptor: int, patience_s: float) -> None:
        """Write to ``descriptor``; a reader that takes nothing for ``patience_s`` ends the channel."""
        self._descriptor = descriptor
        self._patience_s = patience_s
        self._lock = threading.Lock()
        os.set_blocking(descriptor, False)

    def reply(self, identity: int, kind: str, value: Any) -> None:
        """Send one contracts.Reply. Raises ``ChannelEndedError``."""
        line = json.dumps({"id": identity, "kind": kind, "value": value}, separators=(",", ":"))
        with self._lock:
            self._write(line.encode() + b"\n")

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        deadline = time.monotonic() + self._patience_s
        while view:
            _, writable, _ = select.select([], [self._descriptor], [], max(0.0, deadline - time.monotonic()))
            if not writable:
                raise ChannelEndedError("the operator stopped reading")
            try:
                written = os.write(self._descriptor, view)
            except BlockingIOError:
                continue
            except OSError as error:
                raise ChannelEndedError(f"writing failed: {error}") from error
            if written:
                view = view[written:]
                deadline = time.monotonic() + self._patience_s
