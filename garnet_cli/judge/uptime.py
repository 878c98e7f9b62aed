"""Uptime per node and of the fleet over a window, from telemetry minutes.

For each second of the window: what the node's own monitor saw of its proxy; where that is missing, what
peers saw of the node; else unknown, which counts neither as up nor as down but lowers the completeness.
Minutes tell seconds, not which of them, so within one minute what peers missed is taken to be in the part
that the node itself does not account for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from node_scripts.records import Minute

MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class Uptime:
    """Seconds of one node, or of several together, in a window."""

    up_s: float = 0.0
    down_s: float = 0.0
    unknown_s: float = 0.0
    cut_off_s: float = 0.0
    """Of the up ones: seconds in which no peer reached it, as far as peers looked."""

    def __add__(self, other: Uptime) -> Uptime:
        """Add up two windows or two nodes."""
        return Uptime(
            self.up_s + other.up_s,
            self.down_s + other.down_s,
            self.unknown_s + other.unknown_s,
            self.cut_off_s + other.cut_off_s,
        )

    @property
    def uptime_pct(self) -> float | None:
        """Return the share of the known time in which it was up; ``None`` if nothing is known."""
        known_s = self.up_s + self.down_s
        return 100.0 * self.up_s / known_s if known_s else None

    @property
    def complete_pct(self) -> float | None:
        """Return the share of the window that is known; ``None`` of an empty window."""
        whole_s = self.up_s + self.down_s + self.unknown_s
        return 100.0 * (self.up_s + self.down_s) / whole_s if whole_s else None


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetUptime:
    """A window's uptime."""

    nodes: dict[str, Uptime]
    fleet: Uptime
    """The sum of the nodes: how much of what was bought was up."""
    serving: Uptime
    """The fleet as clients see it: a minute is as good as its best node."""


def uptime(
    minutes: Iterable[Minute],
    nodes: Sequence[str],
    begin_unix: int,
    end_unix: int,
    *,
    minute_s: int = MINUTE_S,
) -> FleetUptime:
    """Return the uptime of ``nodes`` from ``begin_unix`` up to ``end_unix``, both multiples of ``minute_s``.

    Minutes outside of the window are left out; several parts of one minute add up. Raises ValueError for
    a window that does not consist of whole minutes.
    """
    if begin_unix % minute_s or end_unix % minute_s or end_unix < begin_unix:
        raise ValueError("a window is from one full minute to a later one")
    by_minute: dict[int, list[Minute]] = defaultdict(list)
    for minute in minutes:
        if begin_unix <= minute.minute_unix < end_unix:
            by_minute[minute.minute_unix].append(minute)
    empty = Uptime(unknown_s=float(minute_s))
    totals = dict.fromkeys(nodes, Uptime())
    serving = Uptime()
    for found in by_minute.values():
        seen = {node: _of_minute(node, found, minute_s) for node in nodes}
        for node, part in seen.items():
            totals[node] += part
        serving += _best(seen, minute_s)
    absent = (end_unix - begin_unix) // minute_s - len(by_minute)
    missing = Uptime(unknown_s=empty.unknown_s * absent)
    totals = {node: total + missing for node, total in totals.items()}
    fleet = sum(totals.values(), Uptime())
    return FleetUptime(nodes=totals, fleet=fleet, serving=serving + missing)


def _of_minute(node: str, minutes: Sequence[Minute], minute_s: int) -> Uptime:
    """Return one node's part of one minute."""
    own = [minute.monitor for minute in minutes if minute.node == node]
    own_up_s = min(sum(part.proxy_up_s for part in own), float(minute_s))
    own_down_s = min(sum(part.proxy_down_s for part in own), minute_s - own_up_s)
    observed: dict[str, float] = defaultdict(float)
    unreachable: dict[str, float] = defaultdict(float)
    for minute in minutes:
        if minute.node != node and node in minute.peers:
            observed[minute.node] += minute.peers[node].observed_s
            unreachable[minute.node] += minute.peers[node].unreachable_s
    looked = [peer for peer, seconds in observed.items() if seconds > 0]
    # One peer that reached it is enough; what none reached is what the luckiest of them missed.
    missed_s = min((unreachable[peer] for peer in looked), default=0.0)
    reached_s = max((observed[peer] - unreachable[peer] for peer in looked), default=0.0)
    rest_s = minute_s - own_up_s - own_down_s
    rest_down_s = min(rest_s, max(0.0, missed_s - own_down_s))
    rest_up_s = min(rest_s - rest_down_s, max(0.0, reached_s - own_up_s))
    return Uptime(
        up_s=own_up_s + rest_up_s,
        down_s=own_down_s + rest_down_s,
        unknown_s=rest_s - rest_down_s - rest_up_s,
        cut_off_s=min(own_up_s, max(0.0, missed_s - own_down_s - rest_down_s)),
    )


def _best(seen: Mapping[str, Uptime], minute_s: int) -> Uptime:
    """Return a minute as the best of its nodes had it: most up, then least known to be down."""
    if not seen:
        return Uptime(unknown_s=float(minute_s))
    return max(seen.values(), key=lambda part: (part.up_s, part.unknown_s))
