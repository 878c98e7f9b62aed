"""A tool that is kept running and prints a record every few seconds."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from node_scripts.monitor.sensors.interface import SensorError
from node_scripts.monitor.sensors.runner import tool_environment

LONGEST_RECORD = 4 * 1024 * 1024
BLOCK = 64 * 1024
LEAST_PAUSE_S = 10.0
LONGEST_PAUSE_S = 300.0
END_S = 1.0


class ToolStream:
    """Keeps a tool running, holds its newest record, starts it again when it ends or falls silent."""

    def __init__(
        self,
        command: Sequence[str],
        record_end: bytes,
        interval_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take a command whose records end with ``record_end``, one each ``interval_s``.

        It is started by the first reading.
        """
        self._command = list(command)
        self._tool = Path(command[0]).name
        self._record_end = record_end
        self._patience_s = 3.0 * interval_s
        self._clock = clock
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._started_s = 0.0
        self._pause_s = LEAST_PAUSE_S
        self._record: tuple[float, bytes] | None = None
        self._closed = False

    def latest(self) -> bytes | None:
        """Return the newest record, ``None`` while the first is awaited.

        Raises SensorError when the tool has ended, fallen silent or cannot be started.
        """
        with self._lock:
            now = self._clock()
            if self._process is None:
                self._start(now)
                return None
            ended = self._process.poll()
            if ended is None:
                seen_s = self._record[0] if self._record else self._started_s
                if now - seen_s <= self._patience_s:
                    return self._record[1] if self._record else None
                self._end()
                raise SensorError(f"{self._tool} fell silent: started again")
            if now - self._started_s >= self._pause_s:
                self._end()
                self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
                self._start(now)
            raise SensorError(f"{self._tool} ended with {ended}")

    def close(self) -> None:
        """End the tool and wait for it."""
        with self._lock:
            self._closed = True
            self._end()

    def _start(self, now: float) -> None:
        if self._closed:
            raise SensorError(f"{self._tool} was ended")
        try:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=tool_environment(os.environ),
            )
        except OSError as error:
            raise SensorError(f"{self._tool}: {error.strerror or error}") from error
        self._process, self._started_s, self._record = process, now, None
        self._reader = threading.Thread(target=self._read, args=(process,), name=self._tool, daemon=True)
        self._reader.start()

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdout is None:
            return
        buffer = b""
        while block := os.read(process.stdout.fileno(), BLOCK):
            *records, buffer = (buffer + block).split(self._record_end)
            if records and process is self._process:
                self._record = (self._clock(), records[-1] + self._record_end)
                self._pause_s = LEAST_PAUSE_S
            buffer = buffer[-LONGEST_RECORD:]

    def _end(self) -> None:
        process, reader = self._process, self._reader
        self._process = self._reader = self._record = None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if reader:
            reader.join(END_S)
        # A reader still at it holds the pipe open through a child of the tool: it gets to keep it.
        if process.stdout and not (reader and reader.is_alive()):
            process.stdout.close()
