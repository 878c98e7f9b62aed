"""What a window cost: plain data, see costs.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from garnet_cli.judge.costs_rows import CostRow, usd

EnergySource = Literal["meter", "system", "estimate", "nameplate"]
"""A meter at the wall; the machine's own figure; idle and nameplate watts by the time that it worked, or its
own mean watts where it was measured for some of the time; nameplate watts throughout."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Doubt:
    """One reason why a cost is not known exactly."""

    reason: str
    """Such as ``energy of mini-2 is an estimate``."""
    low_micros: int
    """What it may take off the total, at most 0."""
    high_micros: int
    """What it may add."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Energy:
    """A node's electric energy in a window."""

    kwh: float
    low_kwh: float
    high_kwh: float
    measured_share: float
    """Share (0..1) of the window in which power was read."""
    sources: tuple[EnergySource, ...]
    """Where ``kwh`` is from, the surest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeCost:
    """What one node cost. hardware + energy + overhead = workload + idle + overhead of its row."""

    row: CostRow
    """Tokens and requests are those of its loaders."""
    hardware_micros: int
    energy_micros: int
    energy: Energy
    priced: bool
    """Whether the inventory has its price; without it ``hardware_micros`` is 0."""
    busy_share: float | None
    """Share (0..1) of the window in which it is known to have worked."""

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return self.row.as_json() | {
            "hardware_usd": usd(self.hardware_micros),
            "energy_usd": usd(self.energy_micros),
            "priced": self.priced,
            "busy_share": self.busy_share,
            "kwh": self.energy.kwh,
            "low_kwh": self.energy.low_kwh,
            "high_kwh": self.energy.high_kwh,
            "measured_share": self.energy.measured_share,
            "energy_sources": list(self.energy.sources),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class PlaceCost:
    """What one model cost on one node."""

    node: str
    row: CostRow
    """By the model's name; tokens and requests are those of its loaders there."""

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {"node": self.node} | self.row.as_json()


@dataclass(frozen=True, kw_only=True, slots=True)
class Costs:
    """What a window cost. The money of ``models``, ``nodes`` and ``keys`` each adds up to the fleet's."""

    begin_unix: int
    end_unix: int
    fleet: CostRow
    models: tuple[CostRow, ...]
    """By name; NO_MODEL last, if at all."""
    nodes: tuple[NodeCost, ...]
    """In the inventory's order, then nodes that it no longer has."""
    keys: tuple[CostRow, ...]
    """By name; what no key was named for under NO_MODEL, last."""
    places: tuple[PlaceCost, ...]
    """Models on nodes, in the order of ``nodes``; they add up to the models' rows, and to the nodes'."""
    hardware_micros: int
    energy_micros: int
    doubts: tuple[Doubt, ...]
    """What makes the range, the greatest first."""
    complete_share: float
    """Share (0..1) of the window's minutes that the store has."""
    unpriced_nodes: tuple[str, ...] = ()
    """Their hardware is not counted."""

    @property
    def hours(self) -> float:
        """Return the window's length."""
        return (self.end_unix - self.begin_unix) / 3600

    def model(self, name: str) -> CostRow | None:
        """Return a model's row, if it has one."""
        return next((row for row in self.models if row.name == name), None)

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "begin_unix": self.begin_unix,
            "end_unix": self.end_unix,
            "hours": self.hours,
            "complete_share": self.complete_share,
            "hardware_usd": usd(self.hardware_micros),
            "energy_usd": usd(self.energy_micros),
            "fleet": self.fleet.as_json(),
            "models": [row.as_json() for row in self.models],
            "nodes": [node.as_json() for node in self.nodes],
            "places": [place.as_json() for place in self.places],
            "keys": [row.as_json() for row in self.keys],
            "doubts": [
                {"reason": one.reason, "low_usd": usd(one.low_micros), "high_usd": usd(one.high_micros)}
                for one in self.doubts
            ],
            "unpriced_nodes": list(self.unpriced_nodes),
        }
