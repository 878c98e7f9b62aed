"""What every step is given."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from node_scripts.agent.children import Children
from node_scripts.agent.errors import StepError
from node_scripts.agent.lease import LeaseHolder
from node_scripts.agent.payload import Payload
from node_scripts.paths import NodePaths

PROGRESS_EVERY_S = 0.5


@dataclass(slots=True)
class Context:
    """One agent's node: its paths, its lease, its children, and the way back to the operator."""

    paths: NodePaths
    lease: LeaseHolder
    children: Children = field(default_factory=Children)
    payload: Payload = field(default_factory=lambda: Payload(0))
    send_progress: Callable[[Any], None] = lambda _value: None
    _told: float = 0.0

    def progress(self, value: Any) -> None:
        """Tell the operator at once."""
        self._told = time.monotonic()
        self.send_progress(value)

    def progress_sometimes(self, value: Any) -> None:
        """Tell the operator unless it was told within the last half second."""
        if time.monotonic() - self._told >= PROGRESS_EVERY_S:
            self.progress(value)


def make_folder(path: Path) -> Path:
    """Create ``path`` and its parents for the owner only, and return it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def locked(path: Path, waiting: Callable[[], None], *, patience_s: float) -> Iterator[int]:
    """Hold the kernel's lock on ``path``; yields its descriptor. The file stays.

    ``waiting`` is called while somebody else holds it. Raises ``StepError`` (``busy``) after
    ``patience_s`` seconds.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise StepError("busy", f"another agent holds {path} for too long") from None
                waiting()
                time.sleep(0.1)
            else:
                break
        yield descriptor
    finally:
        os.close(descriptor)
