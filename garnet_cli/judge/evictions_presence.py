"""Where loaders were, by bucket, and how their models were used around a moment. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from garnet_cli.store.totals import ModelTotals, Totals

REFUSING = ("overloaded", "model_unavailable")
LONG_S = 26 * 3600
"""Longer than any day: what was there in part of a longer bucket may have left at any time of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """How a model was asked for in a stretch of time, over all nodes."""

    seconds: float
    """That are known."""
    requests: int
    refused: int
    loaders: int
    """Nodes that had a loader of it."""
    busiest: float | None
    """Greatest share (0..1) of a bucket in which one of its loaders was at work; ``None`` is unknown."""

    @property
    def refused_share(self) -> float:
        """Return the share (0..1) of the requests that were refused."""
        return self.refused / self.requests if self.requests else 0.0


class Presence:
    """The rows of a window and of the one before it, in order of time."""

    def __init__(self, this: Totals, last: Totals | None) -> None:
        """Take the totals, of hours or days."""
        every = {one.begin_unix: one for totals in (last, this) if totals for one in totals.buckets}
        self._begins = sorted(every)
        self._ends = {begin: every[begin].end_unix for begin in self._begins}
        self._rows: dict[tuple[str, str], dict[int, ModelTotals]] = {}
        self._present: dict[str, dict[int, int]] = {}
        for totals in (last, this):
            for row in totals.models if totals else ():
                self._rows.setdefault((row.node, row.model), {})[row.begin_unix] = row
            for node in totals.nodes if totals else ():
                if node.minutes_present:
                    self._present.setdefault(node.node, {})[node.begin_unix] = node.minutes_present

    def departures(self, begin_unix: float, end_unix: float) -> Iterator[tuple[str, str, int]]:
        """Yield node, model and time of each loader that was there in one bucket and not in the next."""
        for (node, model), rows in sorted(self._rows.items()):
            before = False
            for begin in self._known(node) if model else []:
                here = _on(rows.get(begin))
                if before and not here and begin_unix <= begin < end_unix:
                    yield node, model, begin
                brief = self._ends[begin] - begin < LONG_S
                before = here and (brief or self._whole(node, model, begin))

    def arrivals(self, node: str, begin_unix: float, end_unix: float) -> Iterator[str]:
        """Yield the models whose loaders came to a node in a stretch of time."""
        for (where, model), rows in sorted(self._rows.items()):
            if where != node:
                continue
            known = self._known(node)
            for before, begin in pairwise(known):
                if begin_unix <= begin < end_unix and _on(rows.get(begin)) and not _on(rows.get(before)):
                    yield model
                    break

    def stayed(self, node: str, model: str, time_unix: float) -> bool:
        """Say whether minutes show that a loader did not leave at a moment."""
        after = [begin for begin in self._known(node) if self._ends[begin] > time_unix]
        return bool(after) and all(self._whole(node, model, begin) for begin in after[:2])

    def was_gone(self, node: str, model: str, time_unix: float) -> bool:
        """Say whether minutes show that a loader had left well before a moment."""
        rows = self._rows.get((node, model), {})
        before = [begin for begin in self._known(node) if begin < time_unix]
        return bool(before) and not any(_on(rows.get(begin)) for begin in before[-2:])

    def next_seen(self, node: str, model: str, time_unix: float) -> int | None:
        """Return when a loader that left at a moment is seen again; ``None``: it is not."""
        away = False
        for begin in self._known(node):
            if self._ends[begin] <= time_unix:
                continue
            if away and begin > time_unix and _on(self._rows.get((node, model), {}).get(begin)):
                return begin
            away = away or not self._whole(node, model, begin)
        return None

    def size_bytes(self, node: str, model: str, time_unix: float) -> int | None:
        """Return the most memory that the loader took before a moment."""
        rows = self._rows.get((node, model), {})
        sizes = [row.loader_memory_bytes_max for begin, row in rows.items() if begin < time_unix]
        return max((size for size in sizes if size is not None), default=None)

    def busy_share(self, node: str, model: str, begin_unix: float, end_unix: float) -> float | None:
        """Return the share (0..1) of the observed time with a request in the loader; ``None`` is unknown."""
        rows = self._rows.get((node, model), {})
        inside = [rows[begin] for begin in self._within(begin_unix, end_unix) if begin in rows]
        observed = sum(row.loader_observed_s for row in inside if row.loader_busy_s is not None)
        return sum(row.loader_busy_s or 0.0 for row in inside) / observed if observed else None

    def use(self, model: str, begin_unix: float, end_unix: float) -> Use:
        """Return how a model was used on all nodes in the buckets that begin in [begin, end)."""
        buckets = self._within(begin_unix, end_unix)
        nodes = [node for node, name in self._rows if name == model]
        rows = {node: self._rows[node, model] for node in nodes}
        inside = [rows[node][begin] for node in nodes for begin in buckets if begin in rows[node]]
        seconds = sum(self._ends[begin] - begin for begin in buckets)
        return Use(
            seconds=float(seconds),
            requests=sum(row.requests for row in inside),
            refused=sum(row.errors.get(code, 0) for row in inside for code in REFUSING),
            loaders=sum(any(_on(rows[node].get(begin)) for begin in buckets) for node in nodes),
            busiest=max((row.busy_share for row in inside if row.busy_share is not None), default=None),
        )

    def _known(self, node: str) -> list[int]:
        """Return the buckets of which a node's minutes are there."""
        return sorted(self._present.get(node, {}))

    def _whole(self, node: str, model: str, begin: int) -> bool:
        """Say whether a loader was there in all of a bucket that is known."""
        row = self._rows.get((node, model), {}).get(begin)
        return row is not None and row.loader_minutes >= self._present[node][begin]

    def _within(self, begin_unix: float, end_unix: float) -> list[int]:
        return self._begins[bisect_left(self._begins, begin_unix) : bisect_left(self._begins, end_unix)]


def _on(row: ModelTotals | None) -> bool:
    return row is not None and row.loader_minutes > 0
