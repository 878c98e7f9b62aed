"""Telemetry of a window added up: by bucket of time, node and model, as plain data.

What clients counted and what loaders did are two views of the same requests, kept apart as in a minute: a
model's clients' figures carry no prefix and are counted on the node that the client asked; its loaders' are
called ``loader_…`` and are counted on the node that did the work, also for a peer's client. Each view adds up
over nodes to the fleet, with nothing counted twice; the two views are never to be added to each other.

``None`` is unknown, never 0: a sum of figures of which some are unknown is that of the known ones.
Cached tokens are part of prompt tokens.

``read_totals`` (totals_query.py) reads them from a store, ``totals_of`` (totals_sums.py) adds records up that
are at hand, totals_merge.py merges rows over nodes, models and buckets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from garnet_cli.store.totals_rows import (
    EvictionTotals as EvictionTotals,  # noqa: PLC0414 -- known from here
)
from garnet_cli.store.totals_rows import KeyTotals as KeyTotals  # noqa: PLC0414 -- likewise
from garnet_cli.store.totals_rows import ModelTotals as ModelTotals  # noqa: PLC0414 -- likewise
from garnet_cli.store.totals_rows import NodeTotals as NodeTotals  # noqa: PLC0414 -- likewise
from garnet_cli.store.totals_rows import PowerTotals as PowerTotals  # noqa: PLC0414 -- likewise

BucketSize = Literal["hour", "day", "window"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """The window [begin, end) to add up, and how to cut it."""

    begin_unix: float
    end_unix: float
    bucket: BucketSize = "window"
    timezone: str = "UTC"
    """Whose hours and midnights cut it; an IANA name such as ``Europe/Berlin``."""
    minute_s: int = 60
    """How long a minute is meant to be; shorter only in tests and demos."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bucket:
    """A stretch of time [begin, end), cut at the ends of the window that was asked for."""

    begin_unix: int
    end_unix: int
    label: str
    """Local date, or date and time with its offset; the window's begin in local time for a window."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """A window of a fleet, added up by bucket. All rows are in the order of their first fields."""

    fleet: str
    begin_unix: int
    end_unix: int
    bucket: BucketSize
    timezone: str
    buckets: tuple[Bucket, ...] = ()
    models: tuple[ModelTotals, ...] = ()
    nodes: tuple[NodeTotals, ...] = ()
    keys: tuple[KeyTotals, ...] = ()
    evictions: tuple[EvictionTotals, ...] = ()
    set_aside: dict[str, str] = field(default_factory=dict)
    """Key to reason, of objects of the store that cannot be read and are in no sum."""

    @property
    def complete_share(self) -> float:
        """Return the share (0..1) of all expected nodes' minutes that the store has."""
        expected = sum(row.minutes_expected for row in self.nodes)
        return sum(row.minutes_present for row in self.nodes) / expected if expected else 1.0

    def node_names(self) -> list[str]:
        """Return the nodes, expected or seen, in order."""
        return sorted({row.node for row in self.nodes})

    def model_names(self) -> list[str]:
        """Return the models by their served names, in order; requests for unknown ones are left out."""
        return sorted({row.model for row in self.models if row.model})

    def between(self, begin_unix: float, end_unix: float) -> Totals:
        """Return the part whose buckets begin in [begin, end). Raises ValueError if that cuts a bucket."""
        if any(
            one.begin_unix < edge < one.end_unix for one in self.buckets for edge in (begin_unix, end_unix)
        ):
            raise ValueError(f"{begin_unix} to {end_unix} cuts a bucket of these totals")

        def inside(rows: Sequence[Any]) -> tuple[Any, ...]:
            return tuple(row for row in rows if begin_unix <= row.begin_unix < end_unix)

        return Totals(
            fleet=self.fleet,
            begin_unix=int(max(begin_unix, self.begin_unix)),
            end_unix=int(min(end_unix, self.end_unix)),
            bucket=self.bucket,
            timezone=self.timezone,
            buckets=inside(self.buckets),
            models=inside(self.models),
            nodes=inside(self.nodes),
            keys=inside(self.keys),
            evictions=inside(self.evictions),
            set_aside=self.set_aside,
        )
