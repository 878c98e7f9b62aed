"""Decides which minute each sample and each request record belongs to, and what is sealed when. Pure.

A record is counted in the order of its journal, and its journal is cut where the first record of a later
minute lies: how far it was read then says exactly what was counted. A record of a minute that was sealed
already counts into the open one, or, where that minute is more than two minutes old, into a new part of its
own; so do those of minutes in which no monitor ran.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from node_scripts.monitor.minute_builder import add_request, add_sample, add_swapped_in
from node_scripts.monitor.minute_merge import merge_minutes
from node_scripts.monitor.sample import ModelSample, Sample
from node_scripts.records import Minute, RequestRecord

LATE_MINUTES = 2
"""A record this many minutes late still counts into the open minute."""
AHEAD_S = 5.0
"""A record further ahead than this was dated by a clock that was wrong."""
BACK_S = 2.0
"""A clock set back by less than this keeps the open minute open."""
SEAL_LAG_S = 2.0
"""How long after its end a minute is sealed: its last records are on their way."""
MOST_PAST = 256
"""Past minutes that may be open at once while a long journal is read."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the request journal; without a record it could not be read."""

    file: str
    end: int
    record: RequestRecord | None


@dataclass(slots=True)
class Ledger:
    """The open minutes of one node."""

    fleet: str
    node: str
    release: str
    minute_s: int
    is_sealed: Callable[[int], bool]
    """Says whether a part of this minute was sealed before."""
    open_unix: int = 0
    """Begin of the open minute."""
    positions: dict[str, int] = field(default_factory=dict)
    """Up to where each file of the journal is counted."""
    _minutes: dict[int, Minute] = field(default_factory=dict)
    _queues: dict[str, deque[Entry]] = field(default_factory=dict)

    @property
    def lag_s(self) -> float:
        """How long after its end a minute is sealed."""
        return min(SEAL_LAG_S, self.minute_s / 10)

    def minute_of(self, time_unix: float) -> int:
        """Return the begin of the minute that a time lies in."""
        return int(time_unix // self.minute_s) * self.minute_s

    def begin(self, now_unix: float) -> None:
        """Open the minute of now."""
        self.open_unix = self.minute_of(now_unix)

    def is_due(self, now_unix: float) -> bool:
        """Say whether the open minute is to be sealed now."""
        ended = now_unix >= self.open_unix + self.minute_s + self.lag_s
        set_back = now_unix < self.open_unix - BACK_S
        return ended or set_back or len(self._minutes) > MOST_PAST

    def due_unix(self) -> float:
        """Return when the open minute is to be sealed."""
        return self.open_unix + self.minute_s + self.lag_s

    def close(self, now_unix: float) -> tuple[list[Minute], dict[str, int]]:
        """Take what is to be sealed, oldest first, with the journal's positions; open the minute of now."""
        ahead = {begin: one for begin, one in self._minutes.items() if begin > self.open_unix}
        done = [one for begin, one in sorted(self._minutes.items()) if begin <= self.open_unix]
        self._minutes = ahead
        for minute in done:
            minute.sealed_unix = round(now_unix, 3)
        self.begin(now_unix)
        for begin in [begin for begin in ahead if begin > self.open_unix]:
            self._merge(self._minutes.pop(begin))
        return [one for one in done if _has_something(one)], dict(self.positions)

    def _merge(self, minute: Minute) -> None:
        merge_minutes(self._minute(self.open_unix), minute)

    def _minute(self, begin: int) -> Minute:
        found = self._minutes.get(begin)
        if found is None:
            found = Minute(
                fleet=self.fleet,
                node=self.node,
                minute_unix=begin,
                sealed_unix=0.0,
                covered_s=0.0,
                release=self.release,
            )
            self._minutes[begin] = found
        return found

    def take(self, entries: list[Entry]) -> None:
        """Take new lines of the journal, in their order."""
        for entry in entries:
            self._queues.setdefault(entry.file, deque()).append(entry)

    def count_records(self, now_unix: float) -> None:
        """Count the records that belong to the open minute or to earlier ones."""
        for file, queue in list(self._queues.items()):
            while queue and self._count(queue[0], now_unix):
                self.positions[file] = queue.popleft().end
            if not queue:
                del self._queues[file]

    def _count(self, entry: Entry, now_unix: float) -> bool:
        """Count one record; False if it has to wait for its minute."""
        if entry.record is None:
            self._minute(self.open_unix).monitor.corrupt_lines += 1
            return True
        begin = self.minute_of(entry.record.end_unix)
        if entry.record.end_unix > now_unix + AHEAD_S:
            begin = self.open_unix
        if begin > self.open_unix:
            return False
        late = False
        if begin < self.open_unix and self.open_unix - begin <= LATE_MINUTES * self.minute_s:
            late = begin not in self._minutes and self.is_sealed(begin)
        minute = self._minute(self.open_unix if late else begin)
        add_request(minute, entry.record)
        minute.monitor.late_requests += late
        return True

    def add_sample(
        self, sample: Sample, before: Sample | None, models_before: Mapping[str, ModelSample] | None
    ) -> bool:
        """Count a sample into the minute that its time's middle lies in; say if that is the open one."""
        begin = self.minute_of(sample.time_unix - sample.dt_s / 2)
        # Never into a minute that is sealed, nor further ahead than the next.
        begin = min(max(begin, self.open_unix), self.open_unix + self.minute_s)
        minute = self._minute(begin)
        add_sample(minute, sample, models_before)
        add_swapped_in(minute, sample, before)
        return begin == self.open_unix

    def count(self, **amounts: int) -> None:
        """Add to figures of the open minute's MonitorMinute."""
        if not any(amounts.values()):
            return
        monitor = self._minute(self.open_unix).monitor
        for name, amount in amounts.items():
            setattr(monitor, name, getattr(monitor, name) + amount)


def _has_something(minute: Minute) -> bool:
    """Say whether a minute is worth an object: covered, with requests, or with a loss counted in it."""
    monitor = minute.monitor
    losses = (
        monitor.corrupt_lines + monitor.unrecorded_requests + monitor.dropped_minutes + monitor.store_failures
    )
    return minute.covered_s > 0 or bool(minute.models) or losses > 0
