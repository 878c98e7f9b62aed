"""Watch all nodes while a deploy runs: their requests, their loaders, and whether they are there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Self

import msgspec

from garnet_cli.actions.control import Asks, control, observation, proxy_status
from garnet_cli.errors import GarnetError, NodeError
from garnet_cli.judge.hard_gates import NodeHealth, failed_here
from node_scripts.decoding import convert
from node_scripts.records import RequestRecord

LOOK_EVERY_S = 1.0
PROXY_PATIENCE_S = 3.0
"""How long a proxy may not answer before the node counts as down: its supervisor needs a second or two."""
PROXY_DOWN = "proxy_down"
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

    @property
    def failed(self) -> int:
        """Return how many requests have failed here so far."""
        return self._failed

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

    def look_or_down(self) -> None:
        """Look; a proxy that does not answer makes the node's health say so. Raises :class:`GarnetError`."""
        try:
            self.look()
        except NodeError as error:
            if error.code != PROXY_DOWN:
                raise
            self.health = NodeHealth(proxy_pid=0, loaders={}, down="the proxy does not answer")
            self.error = None

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
        path = f"/control/recent?after={after}"
        answer = control(self.node, "GET", path, patience_s=PROXY_PATIENCE_S)
        return convert(answer, Recent)

    def _look_at_health(self) -> NodeHealth:
        status = proxy_status(self.node, patience_s=PROXY_PATIENCE_S)
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
        self.logs = dict(logs)
        self._sleep = sleep or threading.Event.wait
        self._end = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        """Begin."""
        for log in self.logs.values():
            self._start(log)
        return self

    def __exit__(self, *_: object) -> None:
        """End; a look in hand is not waited for, since its node may be lost."""
        self._end.set()

    def add(self, log: NodeLog) -> None:
        """Look at one more node from now on."""
        self.logs[log.node.name] = log
        self._start(log)

    def _start(self, log: NodeLog) -> None:
        name = f"observe {log.node.name}"
        thread = threading.Thread(target=self._run, args=(log,), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def lost(self) -> dict[str, GarnetError]:
        """Return the nodes that cannot be looked at, and why."""
        return {name: log.error for name, log in self.logs.items() if log.error is not None}

    def _run(self, log: NodeLog) -> None:
        while not self._sleep(self._end, LOOK_EVERY_S):
            try:
                log.look_or_down()
            except GarnetError as error:
                log.error = error
                if not isinstance(error, NodeError):
                    return
            except Exception as error:  # noqa: BLE001 -- told to who waits for this node
                why = f"what its proxy says cannot be read: {type(error).__name__}: {error}"
                log.error = NodeError(why, node=log.node.name)
