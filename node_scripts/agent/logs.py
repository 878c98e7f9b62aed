"""The step that reads logs."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from node_scripts.agent.context import Context
from node_scripts.agent.errors import StepError
from node_scripts.supervision.interface import JOB_NAME

FOLLOW_EVERY_S = 0.25
TAIL_BYTES = 4 * 1024 * 1024
READ_BYTES = 256 * 1024


def logs(context: Context, *, jobs: list[str] | None, lines: int, follow: bool) -> dict[str, Any]:
    """Send the last ``lines`` of each job's log, then with ``follow`` what comes, without end."""
    folder = context.paths.log
    for name in jobs or []:
        if not JOB_NAME.fullmatch(name):
            raise StepError("bad_arguments", f"{name!r} cannot name a job")
    tails: dict[str, Tail] = {}
    for path in _files(folder, jobs):
        tails[path.stem] = Tail(path)
        for line in tails[path.stem].last(lines):
            context.progress({"job": path.stem, "line": line})
    missing = sorted(set(jobs or []) - set(tails))
    if missing and not follow:
        raise StepError("no_log", f"there is no log of {', '.join(missing)}")
    while follow:
        time.sleep(FOLLOW_EVERY_S)
        for path in _files(folder, jobs):
            tail = tails.setdefault(path.stem, Tail(path))
            for line in tail.new():
                context.progress({"job": path.stem, "line": line})
    return {}


class Tail:
    """Reads what is appended to one file, through truncation and replacement."""

    def __init__(self, path: Path) -> None:
        """Begin at the start of ``path``."""
        self._path = path
        self._offset = 0
        self._inode = -1
        self._rest = b""

    def last(self, lines: int) -> list[str]:
        """Return the last ``lines`` (of at most the last 4 MiB) and go on behind them."""
        with self._path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            stream.seek(max(0, status.st_size - TAIL_BYTES))
            data = stream.read(TAIL_BYTES)
            self._offset, self._inode = stream.tell(), status.st_ino
        whole = data.splitlines()
        return [line.decode(errors="replace") for line in whole[-lines:]] if lines > 0 else []

    def new(self) -> list[str]:
        """Return the whole lines that came since."""
        try:
            with self._path.open("rb") as stream:
                status = os.fstat(stream.fileno())
                if status.st_ino != self._inode or status.st_size < self._offset:
                    self._offset, self._inode, self._rest = 0, status.st_ino, b""
                stream.seek(self._offset)
                data = stream.read(READ_BYTES)
                self._offset = stream.tell()
        except FileNotFoundError:
            return []
        *whole, self._rest = (self._rest + data).split(b"\n")
        return [line.decode(errors="replace") for line in whole]


def _files(folder: Path, jobs: list[str] | None) -> list[Path]:
    if jobs is None:
        return sorted(folder.glob("*.log"))
    return [path for name in jobs if (path := folder / f"{name}.log").exists()]
