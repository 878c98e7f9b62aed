"""Processes that a step runs, ended with the agent."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path


class Children:
    """Starts processes in groups of their own, and kills those left when the agent ends."""

    def __init__(self) -> None:
        """Begin with none."""
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def start(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        keep_open: Sequence[int] = (),
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run ``command`` with both streams on one pipe; kill its group when the block is left early.

        ``keep_open`` descriptors are inherited: a lock held by one stays held while the child lives,
        even if the agent is killed. Raises ``OSError`` when the command cannot be started.
        """
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            cwd=directory,
            pass_fds=tuple(keep_open),
            start_new_session=True,
        )
        with self._lock:
            self._running[process.pid] = process
        try:
            yield process
        finally:
            with self._lock:
                del self._running[process.pid]
            if process.poll() is None:
                _kill_group(process.pid)
            process.wait()
            if process.stdout:
                process.stdout.close()

    def kill_all(self) -> None:
        """Kill every group that still runs."""
        with self._lock:
            for process in self._running.values():
                if process.poll() is None:
                    _kill_group(process.pid)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
