"""One marked line in the user's crontab."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

from node_scripts.supervision.interface import SupervisionError

SEARCH_PATH = "/usr/bin:/bin:/usr/local/bin"
TIMEOUT_S = 10.0

Runner = Callable[[list[str], str | None], tuple[int, str]]
"""Runs a command with this text as its input; returns its exit status and its output."""


def run(command: list[str], text: str | None) -> tuple[int, str]:
    """Run ``command`` for at most 10 s."""
    done = subprocess.run(
        command,
        input=text or "",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return done.returncode, done.stdout


class Crontab:
    """Puts and removes the line that ends with ``marker``; all other lines stay as they are."""

    def __init__(
        self,
        marker: str,
        program: str | None = shutil.which("crontab", path=SEARCH_PATH),
        runner: Runner = run,
    ) -> None:
        """Use ``program`` (``None``: this machine has no cron)."""
        self._marker = marker
        self._program = program
        self._runner = runner

    def present(self) -> bool:
        """Say whether the line is there."""
        return any(line.endswith(_escaped(self._marker)) for line in self._lines())

    def why_absent(self) -> str:
        """Return one sentence on what to do for a start at boot."""
        if self._program is None:
            return "this machine has no cron: start <root>/etc/supervisor/start from its own init at boot"
        return "set boot = true for this node and run `garnet up`"

    def put(self, line: str) -> None:
        """Have exactly one marked line, this one. Raises SupervisionError."""
        if self._program is None:
            raise SupervisionError("jobs cannot be started at boot", remedy=self.why_absent())
        wanted = f"{_escaped(line)} {_escaped(self._marker)}"
        lines = self._lines()
        others = [each for each in lines if not each.endswith(_escaped(self._marker))]
        if [*others, wanted] != lines:
            self._write([*others, wanted])

    def remove(self) -> None:
        """Have no marked line. Raises SupervisionError."""
        lines = self._lines()
        others = [each for each in lines if not each.endswith(_escaped(self._marker))]
        if others != lines:
            self._write(others)

    def _lines(self) -> list[str]:
        if self._program is None:
            return []
        status, output = self._runner([self._program, "-l"], None)
        if status and "no crontab" not in output:
            # Never guess "empty": the next write would wipe what is there.
            raise SupervisionError(f"crontab cannot be read: {output.strip()}")
        return [] if status else output.splitlines()

    def _write(self, lines: list[str]) -> None:
        status, output = self._runner([str(self._program), "-"], "".join(f"{line}\n" for line in lines))
        if status:
            raise SupervisionError(f"crontab refused: {output.strip()}")


def _escaped(text: str) -> str:
    """Escape ``%``: a bare one ends a command in a crontab."""
    return text.replace("%", "\\%")
