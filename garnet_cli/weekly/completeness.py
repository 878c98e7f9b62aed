"""How much of a week's telemetry the store has, by node. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from garnet_cli.store.totals import Totals

WHOLE = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeMinutes:
    """One node's minutes in the week."""

    node: str
    expected: int
    present: int
    unrecorded_requests: int = 0
    """Requests that its proxy could not note: they are in no figure."""
    dropped_minutes: int = 0
    """Minutes that it gave up because its spool was full."""

    @property
    def share(self) -> float:
        """Return the share (0..1) that is there; 1 where none is expected."""
        return self.present / self.expected if self.expected else WHOLE


@dataclass(frozen=True, kw_only=True, slots=True)
class Completeness:
    """What of the week's telemetry is there."""

    nodes: tuple[NodeMinutes, ...]
    unreadable: tuple[str, ...] = ()
    """Keys of objects in the store that cannot be read and are in no figure."""

    @property
    def expected(self) -> int:
        """Return the minutes that all nodes together should have shipped."""
        return sum(one.expected for one in self.nodes)

    @property
    def present(self) -> int:
        """Return how many of these the store has."""
        return sum(one.present for one in self.nodes)

    @property
    def share(self) -> float:
        """Return the share (0..1) of all expected minutes that is there; 1 where none is expected."""
        return self.present / self.expected if self.expected else WHOLE

    @property
    def short(self) -> tuple[NodeMinutes, ...]:
        """Return the nodes that lack minutes, those that lack most first."""
        lacking = [one for one in self.nodes if one.present < one.expected]
        return tuple(sorted(lacking, key=lambda one: (one.share, one.node)))

    def sentence(self) -> str:
        """Say how complete the data are, naming each node that lacks minutes."""
        if not self.short:
            return f"The data are complete: {self.present:,} of {self.expected:,} minutes."
        named = ", ".join(
            f"{one.node} has {percent(one.share)} ({_minutes(one.expected - one.present)} missing)"
            for one in self.short
        )
        return f"{percent(self.share)} of the minutes are there: {named}."


def completeness_of(totals: Totals) -> Completeness:
    """Return how complete a week's totals are."""
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for row in totals.nodes:
        sums = found[row.node]
        for at, figure in enumerate(
            (row.minutes_expected, row.minutes_present, row.unrecorded_requests, row.dropped_minutes)
        ):
            sums[at] += figure
    nodes = [
        NodeMinutes(
            node=node, expected=expected, present=present, unrecorded_requests=lost, dropped_minutes=dropped
        )
        for node, (expected, present, lost, dropped) in sorted(found.items())
    ]
    return Completeness(nodes=tuple(nodes), unreadable=tuple(sorted(totals.set_aside)))


def percent(share: float) -> str:
    """Return a share as text that says 100 % and 0 % only of all and of nothing."""
    pct = share * 100
    if pct in (0.0, 100.0):
        return f"{pct:.0f} %"
    return f"{min(99.9, max(0.1, pct)):.1f} %"


def _minutes(number: int) -> str:
    return f"{number:,} {'minute' if number == 1 else 'minutes'}"
