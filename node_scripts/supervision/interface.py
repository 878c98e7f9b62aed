"""What a supervisor does for a node, whichever it is."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from node_scripts.contracts import Job, JobStatus

JOB_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")

Report = Callable[[str], None]
"""Hears one line now and then while a call waits."""


class SupervisionError(Exception):
    """A supervisor refused or failed: one line, and what to do."""

    def __init__(self, message: str, *, remedy: str | None = None, detail: str | None = None) -> None:
        """Keep the parts."""
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.detail = detail


class Supervisor(Protocol):
    """Keeps jobs alive. Every call may be repeated, and may be cut off at any point and repeated."""

    kind: str

    def ensure(self, job: Job, report: Report) -> bool:
        """Have exactly this job run; return whether anything had to change. Raises SupervisionError."""

    def restart(self, name: str, report: Report) -> None:
        """Stop the job and start it again. Raises SupervisionError when there is none."""

    def remove(self, name: str, report: Report) -> bool:
        """Stop the job and forget it; return whether there was one. Raises SupervisionError."""

    def statuses(self) -> list[JobStatus]:
        """Return all jobs of this root, running or not. Raises SupervisionError."""

    def definition(self, name: str) -> Job | None:
        """Return the job as it was last ensured; ``None`` without one. Raises SupervisionError."""

    def signal(self, name: str, signal_name: str) -> None:
        """Send ``TERM``, ``HUP`` … to the job's process. Raises SupervisionError."""

    def start_at_boot(self, *, wanted: bool, programs: Path | None) -> None:
        """Arrange, or no longer arrange, that jobs run after a reboot. Raises SupervisionError.

        ``programs`` is the ``bin`` of an environment that the supervisor can be started from.
        """

    def describe(self) -> dict[str, Any]:
        """Return ``kind``, ``running``, ``starts_at_boot`` and ``detail`` (why not, and what to do)."""

    def shut_down(self, report: Report) -> None:
        """Remove all jobs, and the supervisor itself where it is this root's own. Raises SupervisionError."""


def job_digest(job: Job) -> str:
    """Return a short digest of all that a job's description says."""
    return hashlib.sha256(json.dumps(asdict(job), sort_keys=True).encode()).hexdigest()[:16]


def stop_rank(name: str) -> int:
    """Return when a job ends among others, lowest first: proxies, then loaders, then the monitor.

    A proxy that ends answers what is in flight, for which its loaders must live; the monitor ships
    what both have written.
    """
    if name.startswith("proxy-"):
        return 0
    return 2 if name == "monitor" else 1


def check_name(name: str) -> str:
    """Return ``name`` if it can name a job. Raises SupervisionError."""
    if not JOB_NAME.fullmatch(name):
        raise SupervisionError(f"{name!r} cannot name a job: lower-case letters, digits and '-' only")
    return name
