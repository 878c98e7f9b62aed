"""What a million tokens cost so far: hardware written off evenly, the energy that was measured, overhead.

The formulas are those of the weekly's costs; energy that was not measured is not estimated here but named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from garnet_cli.fleet.inventory import CostSettings
from garnet_cli.judge.costs_nodes import JOULES_PER_KWH, hardware_usd, overhead_usd


@dataclass(frozen=True, kw_only=True, slots=True)
class Assumptions:
    """What the cost rests on; the page shows it. Defaults are those of `CostSettings`."""

    life_months: int = 36
    """Hardware is written off evenly over this time, down to its residual value."""
    residual_pct: float = 0.0
    usd_per_kwh: float = 0.30
    overhead_usd_per_month: float = 0.0
    overhead_pct: float = 0.0
    """Of hardware and energy, on top of ``overhead_usd_per_month``."""
    token_floor: int = 100_000
    """Below it a price per million would say more of the pause than of the work."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """Cost of a window, in US dollars. ``None`` is unknown."""

    hours: float
    tokens: int
    """Prompt and completion tokens; cached ones are part of the prompt's."""
    hardware_usd: float | None
    kwh: float | None
    energy_usd: float | None
    overhead_usd: float
    total_usd: float | None
    usd_per_million: float | None
    why_not: str = ""
    """Why there is no price per million; empty where there is one."""
    unpriced_nodes: tuple[str, ...] = ()
    """Nodes without ``price_usd``: their hardware is not counted."""
    unmetered_nodes: tuple[str, ...] = ()
    """Nodes whose power was never read: their energy is not counted."""
    metered_share: float | None = None
    """Share (0..1) of the nodes' hours in which power was read."""


def assumptions_of(
    settings: CostSettings, *, life_months: int | None = None, usd_per_kwh: float | None = None
) -> Assumptions:
    """Return what the inventory's `[costs]` says, save for what is given."""
    return Assumptions(
        life_months=settings.life_months if life_months is None else life_months,
        residual_pct=settings.residual_pct,
        usd_per_kwh=settings.usd_per_kwh if usd_per_kwh is None else usd_per_kwh,
        overhead_usd_per_month=settings.overhead_usd_per_month,
        overhead_pct=settings.overhead_pct,
        token_floor=settings.token_floor,
    )


def cost_of(
    *,
    hours: float,
    prices_usd: Mapping[str, float | None],
    joules: Mapping[str, float | None],
    metered_s: float,
    tokens: int,
    assumptions: Assumptions,
) -> Cost:
    """Return what ``hours`` of the nodes in ``prices_usd`` cost.

    ``joules`` is each node's measured energy, ``None`` where it was never read; ``metered_s`` the seconds
    in which it was, summed over the nodes. What is unknown is left out of the sum and named.
    """
    priced = [price for price in prices_usd.values() if price is not None]
    hardware = (
        hardware_usd(
            sum(priced), hours, life_months=assumptions.life_months, residual_pct=assumptions.residual_pct
        )
        if priced
        else None
    )
    measured = [each for each in joules.values() if each is not None]
    kwh = sum(measured) / JOULES_PER_KWH if measured else None
    energy = None if kwh is None else kwh * assumptions.usd_per_kwh
    overhead = overhead_usd(
        hours,
        (hardware or 0.0) + (energy or 0.0),
        usd_per_month=assumptions.overhead_usd_per_month,
        share_pct=assumptions.overhead_pct,
    )
    total = None if hardware is None else hardware + (energy or 0.0) + overhead
    why_not = ""
    if total is None:
        why_not = "no node has a price_usd in the inventory"
    elif tokens < assumptions.token_floor:
        why_not = f"idle: fewer than {assumptions.token_floor:,} tokens in this window"
    node_seconds = hours * 3600 * len(prices_usd)
    return Cost(
        hours=hours,
        tokens=tokens,
        hardware_usd=hardware,
        kwh=kwh,
        energy_usd=energy,
        overhead_usd=overhead,
        total_usd=total,
        usd_per_million=None if why_not or total is None else total / (tokens / 1e6),
        why_not=why_not,
        unpriced_nodes=tuple(name for name, price in prices_usd.items() if price is None),
        unmetered_nodes=tuple(name for name in prices_usd if joules.get(name) is None),
        metered_share=min(1.0, metered_s / node_seconds) if node_seconds else None,
    )
