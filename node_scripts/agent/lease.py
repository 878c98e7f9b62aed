"""The right to change this node: a kernel lock that ends with the agent that holds it."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from node_scripts.agent.errors import StepError
from node_scripts.journals import Lease

PATIENCE_S = 1.0
"""How long a taker tries: somebody who only looks holds the lock for an instant."""


class LeaseHolder:
    """Takes the lease of one node and holds it until the process ends."""

    def __init__(self, path: Path, sleep: Callable[[float], None] = time.sleep) -> None:
        """Use the lock file ``path``."""
        self._path = path
        self._sleep = sleep
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Say whether this process holds it."""
        return self._descriptor is not None

    def take(self, who: str, purpose: str, *, deploy: str | None = None, host: str = "") -> None:
        """Hold the lease for ``who``; taking it again only changes what it says.

        ``deploy`` is what it is held for, ``host`` where its operator is. Raises ``StepError``
        (``lease_held``) naming the holder.
        """
        if self._descriptor is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            if not self._lock(descriptor):
                os.close(descriptor)
                raise _held(read_lease(self._path))
            self._descriptor = descriptor
        lease = Lease(
            who=who,
            purpose=purpose,
            since=datetime.now(UTC).isoformat(timespec="seconds"),
            pid=os.getpid(),
            host=host,
            deploy=deploy,
        )
        content = json.dumps(asdict(lease)).encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, content, 0)

    def _lock(self, descriptor: int) -> bool:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    return False
                self._sleep(0.05)
            else:
                return True

    def release(self) -> None:
        """Give the lease back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def current_lease(path: Path) -> Lease | None:
    """Return the lease that somebody holds, this agent included; ``None`` when it is free."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return read_lease(path)
    finally:
        os.close(descriptor)
    return None


def read_lease(path: Path) -> Lease:
    """Return what the holder wrote; ``unknown`` where it has not written yet."""
    try:
        content = json.loads(path.read_text())
        return Lease(
            who=content["who"],
            purpose=content["purpose"],
            since=content["since"],
            pid=content.get("pid"),
            host=content.get("host", ""),
            deploy=content.get("deploy"),
        )
    except (ValueError, KeyError, TypeError, OSError):
        return Lease(who="unknown", purpose="unknown", since="unknown")


def _held(lease: Lease) -> StepError:
    return StepError(
        "lease_held",
        f"{lease.who} is changing this node ({lease.purpose}) since {lease.since}",
        remedy="wait for it to end, or end it there: the lease goes with its process",
    )
