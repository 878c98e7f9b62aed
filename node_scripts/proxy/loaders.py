"""A loader as the proxy sees it: its state, the places that requests hold, and its figures.

The isolation lane: a suspect (a request that was in flight when a loader died) is admitted to a
loader only while no other suspect there still waits for its first token. If the loader then dies,
the one in the lane did it, and the others that were in flight are not blamed. Where the loader hung
with nobody in the lane, the calls that waited for too long did it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from node_scripts.contracts import LoaderSpec, LoaderState, LoaderStats, LoaderStatus
from node_scripts.proxy.call import Call
from node_scripts.proxy.latency import LatencyRing
from node_scripts.proxy.poison import number_of_new_death
from node_scripts.proxy.wire import Connection


@dataclass(slots=True)
class Death:
    """The first broken answer since the loader last proved to be well."""

    culprits: frozenset[Call]
    """Those that did it as far as it is known; where it is not, any in flight may have."""
    number: int = field(default_factory=number_of_new_death)


class Loader:
    """One loader of this node."""

    def __init__(self, spec: LoaderSpec, vocabulary_size: int) -> None:
        """Know a loader; it is ``starting`` until it answers."""
        self.spec = spec
        self.vocabulary_size = vocabulary_size
        self.state: LoaderState = "starting"
        self.failures = 0
        self.silent_since: float | None = None
        self.loaded = False
        self.calls: dict[Call, Connection | None] = {}
        self._busy_since: float | None = None
        self._busy_before_s = 0.0
        self.lane: Call | None = None
        self.death: Death | None = None
        self.served = 0
        self.errors = 0
        self.latency = LatencyRing()
        self.stats: LoaderStats | None = None
        self.pid: int | None = None
        self.last_error: str | None = None

    @property
    def name(self) -> str:
        """The supervised job's name."""
        return self.spec.name

    @property
    def usable(self) -> bool:
        """Whether requests may be sent to it."""
        return self.state in ("ready", "suspect")

    @property
    def in_flight(self) -> int:
        """Requests that hold a place."""
        return len(self.calls)

    @property
    def busy_s(self) -> float:
        """Seconds with at least one request, the present stretch included."""
        since = self._busy_since
        return self._busy_before_s + (0.0 if since is None else time.monotonic() - since)

    def has_place(self, call: Call, concurrency: int) -> bool:
        """Say whether ``call`` may be admitted now."""
        return len(self.calls) < concurrency and (self.lane is None or not call.suspect)

    def take(self, call: Call) -> None:
        """Give ``call`` a place, and the lane if it is a suspect."""
        if self._busy_since is None:
            self._busy_since = time.monotonic()
        self.calls[call] = None
        if call.suspect:
            self.lane = call

    def release(self, call: Call) -> None:
        """Give the call's place and lane back."""
        self.calls.pop(call, None)
        if not self.calls:
            self._busy_before_s = self.busy_s
            self._busy_since = None
        self.leave_lane(call)

    def leave_lane(self, call: Call) -> None:
        """Note the call's first token, or its end: the next suspect may come."""
        if self.lane is call:
            self.lane = None

    def note_broken(self, call: Call, reason: str) -> int | None:
        """Note that the call's answer broke off; return the death's number if ``call`` is to be blamed.

        The loader takes no request until a probe says how it is.
        """
        if self.death is None:
            self.death = Death(frozenset() if self.lane is None else frozenset({self.lane}))
        self.note_down(reason)
        culprits = self.death.culprits
        return self.death.number if not culprits or call in culprits else None

    def note_hung(self, overdue: Iterable[Call], reason: str) -> None:
        """Note that it hangs, by the suspect in the lane or else by the calls that are overdue."""
        self.death = Death(frozenset(overdue) if self.lane is None else frozenset({self.lane}))
        self.note_down(reason)

    def note_down(self, reason: str) -> None:
        """Take no more requests until it answers again."""
        if self.state != "starting":
            self.state = "down"
        self.last_error = reason

    def note_served(self, whole_s: float, first_token_s: float | None) -> None:
        """Count an answer in full; it also proves that the model is loaded."""
        self.served += 1
        self.loaded = True
        self.latency.add(whole_s * 1000, None if first_token_s is None else first_token_s * 1000)

    def silent_for(self, now: float) -> float | None:
        """Seconds since a byte came on any of its answers; ``None`` with none under way."""
        heard = [connection.last_byte for connection in self.calls.values() if connection is not None]
        return now - max(heard) if heard else None

    def heard(self) -> float:
        """When the last byte came on an answer that still holds its place; 0 if on none."""
        connections = self.calls.values()
        return max((one.last_byte for one in connections if one is not None and one.answered), default=0.0)

    def status(self, queued: int = 0) -> LoaderStatus:
        """Return the record for the control socket."""
        return LoaderStatus(
            spec=self.spec,
            state=self.state,
            in_flight=self.in_flight,
            queued=queued,
            served=self.served,
            errors=self.errors,
            latency=self.latency.figures(),
            pid=self.pid,
            last_error=self.last_error,
            stats=self.stats,
            busy_s=round(self.busy_s, 6),
        )


def first_line(error: BaseException) -> str:
    """Name an error in one line for ``last_error``, with the UTC time of day."""
    text = str(error).partition("\n")[0] or type(error).__name__
    return f"{time.strftime('%H:%M:%SZ', time.gmtime())} {text}"
