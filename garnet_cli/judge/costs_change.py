"""What changed between two windows' costs: plain data, see costs.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from garnet_cli.judge.costs_rows import CostRow, usd
from garnet_cli.judge.costs_window import Costs


@dataclass(frozen=True, kw_only=True, slots=True)
class Effects:
    """Why a fleet's total changed; the three add up to the change exactly (costs_effects.py)."""

    price_micros: int
    """A model's tokens became dearer (above 0) or cheaper."""
    volume_micros: int
    """More tokens (above 0) or fewer, at last window's average price."""
    mix_micros: int
    """Tokens moved to models that were dearer (above 0) or cheaper."""

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "price_usd": usd(self.price_micros),
            "volume_usd": usd(self.volume_micros),
            "mix_usd": usd(self.mix_micros),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class CostChange:
    """One row of this window beside the same of the last."""

    name: str
    this: CostRow | None
    """``None``: not in this window."""
    last: CostRow | None

    @property
    def change_micros(self) -> int:
        """Return by how much the total grew."""
        return (self.this.total_micros if self.this else 0) - (self.last.total_micros if self.last else 0)

    @property
    def ratio(self) -> float | None:
        """Return this fully loaded price by the last; ``None`` where one is unknown or the last is 0."""
        if self.this is None or self.last is None:
            return None
        return _ratio(self.this.usd_per_million, self.last.usd_per_million)

    @property
    def busy_ratio(self) -> float | None:
        """Return ``ratio`` of the busy-only prices."""
        if self.this is None or self.last is None:
            return None
        return _ratio(self.this.busy_usd_per_million, self.last.busy_usd_per_million)

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "name": self.name,
            "this": self.this.as_json() if self.this else None,
            "last": self.last.as_json() if self.last else None,
            "change_usd": usd(self.change_micros),
            "ratio": self.ratio,
            "busy_ratio": self.busy_ratio,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class CostDiff:
    """The costs of this window against those of the last."""

    this: Costs
    last: Costs | None
    """``None`` where nothing is known of the last window."""
    fleet: CostChange
    models: tuple[CostChange, ...]
    """By name; NO_MODEL last."""
    nodes: tuple[CostChange, ...]
    keys: tuple[CostChange, ...]
    effects: Effects | None
    """``None`` without tokens in the last window."""

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "this": self.this.as_json(),
            "last": self.last.as_json() if self.last else None,
            "fleet": self.fleet.as_json(),
            "models": [one.as_json() for one in self.models],
            "nodes": [one.as_json() for one in self.nodes],
            "keys": [one.as_json() for one in self.keys],
            "effects": self.effects.as_json() if self.effects else None,
        }


def _ratio(this: float | None, last: float | None) -> float | None:
    return this / last if this is not None and last else None
