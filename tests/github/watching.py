"""Looks at every process's arguments while a test runs: a secret must be in none."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Self

PAUSE_S = 0.01
LOOKS = 100
"""How often one process is looked at: its arguments change in its first moments only."""


class ArgumentWatch:
    """Records the command lines that hold one of ``secrets``; also those of processes that live shortly."""

    def __init__(self, secrets: Sequence[str]) -> None:
        """Remember what to look for."""
        self._secrets = secrets
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.found: set[str] = set()
        self.looks = 0

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        looked: Counter[str] = Counter()
        while not self._end.wait(PAUSE_S):
            running = [path.name for path in Path("/proc").iterdir() if path.name.isdigit()]
            for name in running:
                if looked[name] < LOOKS:
                    looked[name] += 1
                    self._look(Path("/proc", name, "cmdline"))
            for name in looked.keys() - running:
                del looked[name]
            self.looks += 1

    def _look(self, path: Path) -> None:
        # A process may end while it is looked at.
        with contextlib.suppress(OSError):
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if any(secret in line for secret in self._secrets):
                self.found.add(line)


def parts_of(secret: str) -> list[str]:
    """Return the lines of a secret that could not occur by chance, as a log would show them."""
    return [line for line in secret.splitlines() if len(line) > 15 and not line.startswith("-----")]
