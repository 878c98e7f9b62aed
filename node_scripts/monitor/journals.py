"""Reads the journals that other processes append to: whole new lines, and from where to go on.

A journal is a folder of files ``<start in ms since the epoch>-<pid>.jsonl``. Positions are byte offsets by
file name; the caller keeps those of lines that it has stored. A file is removed when all of it is stored and
nobody will append to it: its writer has let go of the lock that it holds on it, and either writes another
one or is gone.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from node_scripts.files import write_atomically

READ_AT_ONCE_BYTES = 4 * 1024 * 1024
LONGEST_LINE_BYTES = 64 * 1024
SET_ASIDE_BYTES = 256 * 1024
"""Most that the file of unreadable lines holds; older ones go."""

_NAME = re.compile(r"(?P<start>\d+)-(?P<pid>\d+)\.jsonl")


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end, and the offset behind it."""

    file: str
    end: int
    content: bytes
    whole: bool = True
    """False for what a writer that is gone left without an end, and for a part of an endless line."""


@dataclass(slots=True)
class JournalReader:
    """Reads one folder. What was read but not stored is read again by the next process."""

    folder: Path
    positions: dict[str, int] = field(default_factory=dict)
    """Up to where each file has been read."""

    def read(self, limit: int = READ_AT_ONCE_BYTES) -> list[Line]:
        """Return new lines, oldest file first, of about ``limit`` bytes at most. Raises OSError."""
        lines: list[Line] = []
        for name in self.files():
            if limit <= 0:
                break
            limit -= self._read_file(name, limit, lines)
        return lines

    def files(self) -> list[str]:
        """Return the journal's files, oldest first."""
        try:
            names = [path.name for path in self.folder.iterdir() if _NAME.fullmatch(path.name)]
        except FileNotFoundError:
            return []
        return sorted(names, key=lambda name: (int(name.partition("-")[0]), name))

    def _read_file(self, name: str, limit: int, lines: list[Line]) -> int:
        position = self.positions.get(name, 0)
        try:
            with (self.folder / name).open("rb") as stream:
                size = os.fstat(stream.fileno()).st_size
                if size <= position:
                    return 0
                # Asked before the last look at its size: a writer that is gone adds nothing after that.
                final = self._ended(name, stream.fileno())
                stream.seek(position)
                content = stream.read(limit + LONGEST_LINE_BYTES)
        except FileNotFoundError:
            return 0
        begin = 0
        while (end := content.find(b"\n", begin)) >= 0:
            lines.append(Line(name, position + end + 1, content[begin:end]))
            begin = end + 1
        rest = content[begin:]
        if len(rest) > LONGEST_LINE_BYTES or (rest and final and position + len(content) >= size):
            lines.append(Line(name, position + len(content), rest, whole=False))
            begin = len(content)
        self.positions[name] = position + begin
        return begin

    def remove_stored(self, stored: Mapping[str, int]) -> list[str]:
        """Remove files of which all is stored, and return the names of files that are no more."""
        for name in self.files():
            try:
                with (self.folder / name).open("rb") as stream:
                    ended = self._ended(name, stream.fileno())
                    if ended and os.fstat(stream.fileno()).st_size <= stored.get(name, 0):
                        (self.folder / name).unlink(missing_ok=True)
            except FileNotFoundError:
                continue
        present = set(self.files())
        gone = [name for name in {*stored, *self.positions} if name not in present]
        for name in gone:
            self.positions.pop(name, None)
        return gone

    def _ended(self, name: str, descriptor: int) -> bool:
        """Say whether nobody will append to a file any more."""
        found = _NAME.fullmatch(name)
        if found is None:
            return False
        newer = any(
            int(other.partition("-")[0]) > int(found["start"])
            for other in self.files()
            if other.endswith(f"-{found['pid']}.jsonl")
        )
        if not newer and _lives(int(found["pid"])):
            # A pid that lives may be another process by now; only the lock tells, once there are lines.
            old = time.time() - os.fstat(descriptor).st_mtime > _LONG_QUIET_S
            if not old or not os.fstat(descriptor).st_size:
                return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return False
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        return True


_LONG_QUIET_S = 3600.0


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def set_aside(path: Path, lines: list[bytes]) -> None:
    """Keep unreadable lines for a look at them on the node, the newest SET_ASIDE_BYTES. Raises OSError."""
    try:
        before = path.read_bytes()
    except FileNotFoundError:
        before = b""
    whole = before + b"".join(line[:LONGEST_LINE_BYTES] + b"\n" for line in lines)
    write_atomically(path, whole[-SET_ASIDE_BYTES:])
