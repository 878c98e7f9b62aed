"""Watch all nodes while a deploy runs: their requests, their loaders, and whether they are there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Self

import msgspec

from garnet_cli.actions.control import Asks, control, observation, proxy_status
from garnet_cli.errors import GarnetError, NodeError
from garnet_cli.judge.evidence import Evidence
from garnet_cli.judge.hard_gates import NodeHealth, failed_here
from node_scripts.records import RequestRecord

LOOK_EVERY_S = 1.0
MOST_KEPT = 4000
"""Requests a node: beyond it the oldest are of no use to the judge any more."""


class Recent(msgspec.Struct):
    """Answer of the proxy's ``/control/recent``."""

    pid: int
    last: int
    requests: list[RequestRecord]


class NodeLog:
    """One node's requests in the order in which they were heard of, and its latest health."""

    def __init__(self, node: Asks, wanted: Sequence[str]) -> None:
        """Begin with nothing; ``wanted`` are the models that it is to serve."""
        self.node = node
        self.wanted = wanted
        self.records: list[RequestRecord] = []
        self.left_out = 0
        """How many of the oldest were dropped: marks count from the very first."""
        self.health: NodeHealth | None = None
        self.error: GarnetError | None = None
        """Why the node could not be looked at the last time."""
        self._looking = threading.Lock()
        self._pid = 0
        self._number = 0
        self._failed = 0

    def mark(self) -> int:
        """Return a place in the node's requests: now."""
        return self.left_out + len(self.records)

    def between(self, begin: int, end: int | None = None) -> list[RequestRecord]:
        """Return the requests between two marks, as far as they are kept."""
        last = None if end is None else max(0, end - self.left_out)
        return self.records[max(0, begin - self.left_out) : last]

    def look(self) -> None:
        """Fetch what is new, from any thread. Raises :class:`GarnetError`."""
        with self._looking:
            self._look()

    def _look(self) -> None:
        recent = self._recent(self._number)
        if recent.pid != self._pid:
            # Another proxy numbers anew; what the old one answered since the last look stays unknown.
            recent = self._recent(0) if self._number else recent
            self._pid = recent.pid
        self._number = recent.last
        self._failed += sum(map(failed_here, recent.requests))
        self.records += recent.requests
        drop = max(0, len(self.records) - MOST_KEPT)
        del self.records[:drop]
        self.left_out += drop
        self.health = self._look_at_health()
        self.error = None

    def _recent(self, after: int) -> Recent:
        answer = control(self.node, "GET", f"/control/recent?after={after}")
        return msgspec.convert(answer, Recent)

    def _look_at_health(self) -> NodeHealth:
        status = proxy_status(self.node)
        active = {slot.model: slot.active.spec.name for slot in status.slots if slot.active is not None}
        live = self.node.ask("read_live") or {}
        return NodeHealth(
            proxy_pid=status.pid,
            loaders={model: observation(status, name) for model, name in active.items()},
            unserved=[model for model in self.wanted if model not in active],
            failed=self._failed,
            throttle_pct=live.get("throttle_pct_5m"),
            memory_pressure=(live.get("sample") or {}).get("pressure"),
        )


class Observer:
    """One thread a node that looks about every second until it is closed."""

    def __init__(
        self, logs: Mapping[str, NodeLog], sleep: Callable[[threading.Event, float], bool] | None = None
    ) -> None:
        """Look at the nodes of ``logs``; nothing runs before ``with``."""
        self.logs = logs
        self._sleep = sleep or threading.Event.wait
        self._end = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(log,), name=f"observe {name}", daemon=True)
            for name, log in logs.items()
        ]

    def __enter__(self) -> Self:
        """Begin."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End; a look in hand is not waited for, since its node may be lost."""
        self._end.set()

    def evidence(self, name: str, begin: int, change: int, during: int) -> Evidence:
        """Return a node's requests from ``begin`` to ``change``, and from ``during`` on, as marks."""
        log = self.logs[name]
        return Evidence(name, log.between(begin, change), log.between(during))

    def lost(self) -> dict[str, GarnetError]:
        """Return the nodes that cannot be looked at, and why."""
        return {name: log.error for name, log in self.logs.items() if log.error is not None}

    def _run(self, log: NodeLog) -> None:
        while not self._sleep(self._end, LOOK_EVERY_S):
            try:
                log.look()
            except NodeError as error:
                if error.code != "proxy_down":
                    log.error = error
            except GarnetError as error:
                log.error = error
                return
