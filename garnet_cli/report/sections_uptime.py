"""What a report says of uptime and incidents; see contents.py for what holds of all of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeUptime:
    """One node's uptime, or the fleet's."""

    node: str
    uptime_pct: float | None
    """Of the time that is known."""
    up_s: float
    down_s: float
    unknown_s: float
    cut_off_s: float
    """Of the up seconds, those in which no other node reached it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IncidentLine:
    """One incident with what the operator noted."""

    id: str
    node: str
    severity: str
    begin_unix: float
    begin_local: str
    """``2026-10-03 14:05``, in the fleet's time zone."""
    lasted_s: float | None
    """``None`` while it goes on."""
    rules: tuple[str, ...]
    """What opened it: rules and ``restart``."""
    models: tuple[str, ...]
    cause: str
    """What the operator found; empty without a note."""
    fix: str


@dataclass(frozen=True, kw_only=True, slots=True)
class UptimeSection:
    """Uptime and incidents, the latest first; nodes in the inventory's order."""

    serving: NodeUptime
    """The fleet as clients see it: a minute is as good as its best node."""
    fleet: NodeUptime
    """The sum of the nodes."""
    serving_pct_before: float | None
    nodes: tuple[NodeUptime, ...]
    incidents: tuple[IncidentLine, ...]
    restarts: int
    swaps: int
    failed_swaps: int
    deploys: int
    swap_window_max_s: float | None
    """Longest time from the flip's begin to the old loader's end, see method."""
    says: str
