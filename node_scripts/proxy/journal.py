"""The request journal: one line of JSON for every completion request that has ended.

Each line is one unbuffered write, so that what a client was answered is noted even if this process
is killed next. A file is ``<start in milliseconds since the epoch>-<pid>.jsonl``; it is followed by
a new one after 60 s or 8 MiB. While it may still grow, its writer holds an exclusive ``flock`` on
it: who gets the lock may remove the file once all its lines are read.

The folder is bounded. Beyond the bound, or when a write fails, the request is counted instead.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from node_scripts.proxy.request_note import RequestLine

FOLDER_LIMIT_BYTES = 256 * 1024 * 1024
FILE_LIMIT_BYTES = 8 * 1024 * 1024
FILE_AGE_S = 60.0
RETRY_S = 1.0
"""Pause before a full folder is measured again."""

_LOG = logging.getLogger("garnet.proxy.journal")
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND


class RequestJournal:
    """The writer of one process's lines. No method raises."""

    def __init__(
        self,
        folder: Path,
        *,
        folder_limit_bytes: int = FOLDER_LIMIT_BYTES,
        file_limit_bytes: int = FILE_LIMIT_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Write below ``folder``, which is made when the first line comes."""
        self._folder = folder
        self._folder_limit_bytes = folder_limit_bytes
        self._file_limit_bytes = file_limit_bytes
        self._clock = clock
        self._encoder = msgspec.json.Encoder()
        self._descriptor: int | None = None
        self._path = folder
        self._file_bytes = 0
        self._opened_at = 0.0
        self._folder_bytes: int | None = None
        """At most this much lies in the folder, but for what another proxy writes during a handover."""
        self._retry_at = 0.0
        self._failing = False
        self.unrecorded = 0
        """Requests that could not be noted."""

    def note(self, record: RequestLine) -> None:
        """Write one line, or count it as unrecorded."""
        try:
            line = self._encoder.encode(record) + b"\n"
            self._write(self._file_for(len(line)), line)
        except (OSError, ValueError) as error:
            self.unrecorded += 1
            self._note_failure(error)

    def roll(self) -> None:
        """Close the file if it is old, so that its reader can finish it though no request comes."""
        if self._descriptor is not None and self._clock() - self._opened_at >= FILE_AGE_S:
            self.close()

    def close(self) -> None:
        """Close the file, and remove it if it has no line; a later line begins another."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        try:
            os.close(descriptor)
            if not self._file_bytes:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            self._note_failure(error)

    def _file_for(self, size: int) -> int:
        """Return the descriptor of a file that takes ``size`` bytes more. Raises OSError."""
        if self._descriptor is not None and (
            self._file_bytes + size > self._file_limit_bytes or self._clock() - self._opened_at >= FILE_AGE_S
        ):
            self.close()
        if self._folder_bytes is None or self._folder_bytes + size > self._folder_limit_bytes:
            now = self._clock()
            if now >= self._retry_at:
                self._retry_at = now + RETRY_S
                self._folder_bytes = _bytes_in(self._folder)
            if self._folder_bytes is None or self._folder_bytes + size > self._folder_limit_bytes:
                raise OSError("the lines that wait for the monitor are at their limit")
        return self._open() if self._descriptor is None else self._descriptor

    def _open(self) -> int:
        """Begin a file and lock it; return its descriptor. Raises OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        start_ms = int(time.time() * 1000)
        while True:
            path = self._folder / f"{start_ms:013d}-{os.getpid()}.jsonl"
            start_ms += 1
            try:
                descriptor = os.open(path, _FLAGS, 0o600)
            except FileExistsError:  # the clock was set back, or two were begun in one millisecond
                continue
            self._descriptor, self._path = descriptor, path
            self._file_bytes = 0
            self._opened_at = self._clock()
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # a reader came first, and may have taken it for ended
                self.close()
            except OSError:
                self.close()
                raise
            else:
                return descriptor

    def _write(self, descriptor: int, line: bytes) -> None:
        """Write a whole line or nothing. Raises OSError."""
        try:
            written = os.write(descriptor, line)
            if written != len(line):
                raise OSError(f"{written} of {len(line)} bytes written")  # noqa: TRY301 -- undone below
        except OSError:
            self._undo(descriptor)
            raise
        self._file_bytes += len(line)
        self._folder_bytes = (self._folder_bytes or 0) + len(line)
        if self._failing:
            self._failing = False
            _LOG.info("requests are recorded again; %d were not", self.unrecorded)

    def _undo(self, descriptor: int) -> None:
        """Take the part of a line back that was written; begin another file where that fails."""
        try:
            os.ftruncate(descriptor, self._file_bytes)
        except OSError as error:
            self._note_failure(error)
            self.close()

    def _note_failure(self, error: Exception) -> None:
        if not self._failing:
            self._failing = True
            reason = error.strerror or str(error) if isinstance(error, OSError) else type(error).__name__
            _LOG.error("requests are not recorded: %s", reason)


def _bytes_in(folder: Path) -> int:
    """Return how much lies in a folder; 0 if it does not exist. Raises OSError."""
    total = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    total += entry.stat(follow_symlinks=False).st_size
                except FileNotFoundError:
                    continue  # its reader removed it meanwhile
    except FileNotFoundError:
        return 0
    return total
