"""The newest minutes and events as they arrive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from garnet_cli.store.days import days_between
from garnet_cli.store.readers import read_each, read_event_batch, read_minute
from node_scripts.histogram import merged
from node_scripts.records import Event, Minute
from node_scripts.store.layout import events_prefix, minute_key, minutes_prefix
from node_scripts.store.objects import ObjectStore


@dataclass(slots=True)
class Tail:
    """Looks at the raw objects of the last while; knows what it has shown."""

    store: ObjectStore
    fleet: str
    nodes: Sequence[str]
    window_s: float
    """How far back it looks: what arrives later than that is not shown."""
    seen: set[str] = field(default_factory=set)
    set_aside: dict[str, str] = field(default_factory=dict)
    """Key to reason, of what could not be read."""
    _listed: set[str] = field(default_factory=set)

    def look(self, now_unix: float) -> list[Minute | Event]:
        """Return what is new since the look before, by time. Raises StoreError, NewerRecordError."""
        begin = int(now_unix - self.window_s)
        minutes: list[str] = []
        events: list[str] = []
        days = days_between(begin, now_unix + 60)
        for node in self.nodes:
            first = minute_key(self.fleet, node, begin)
            for day in days:
                minutes += self._new(minutes_prefix(self.fleet, day, node), first)
                folder = f"{events_prefix(self.fleet, day)}node={node}/"
                events += self._new(folder, f"{folder}{begin * 1_000_000:016x}")
        self.seen = {*minutes, *events, *(key for key in self.seen if key in self._listed)}
        self._listed.clear()
        found: list[Minute | Event] = list(read_each(self.store, minutes, read_minute, self.set_aside))
        for batch in read_each(self.store, events, read_event_batch, self.set_aside):
            found += batch
        return sorted(found, key=time_of)

    def _new(self, prefix: str, after: str) -> list[str]:
        keys = [info.key for info in self.store.list(prefix, after)]
        self._listed.update(keys)
        return [key for key in keys if key not in self.seen]


def time_of(record: Minute | Event) -> float:
    """Return when a record begins."""
    return record.minute_unix if isinstance(record, Minute) else record.time_unix


def line_of(record: Minute | Event) -> str:
    """Return a record as one line for people."""
    time = datetime.fromtimestamp(time_of(record), UTC)
    if isinstance(record, Event):
        words = (record.kind, record.subject, record.action, record.who and f"by {record.who}")
        return " ".join(filter(None, (f"{time:%H:%M:%S}", record.node, "event:", *words)))
    clients = [model.client for model in record.models.values()]
    p95 = merged(client.latency_ms for client in clients).quantile(0.95)
    thermal = record.thermal
    packed = f"throttled {thermal.packed_throttled_s:.0f} s of {thermal.packed_s:.0f} s"
    power = record.power
    figures = [
        f"{sum(client.requests for client in clients)} requests",
        f"{sum(sum(client.errors.values()) for client in clients)} errors",
        f"{sum(client.completion_tokens for client in clients)} tokens",
        "" if p95 is None else f"p95 {p95:.0f} ms",
        packed if thermal.observed_s else "",
        f"{power.joules / power.seconds:.0f} W" if power and power.seconds else "",
        f"part {record.part}" if record.part else "",
    ]
    return f"{time:%H:%M} {record.node}: " + ", ".join(filter(None, figures))
