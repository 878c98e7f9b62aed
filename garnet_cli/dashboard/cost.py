"""What a million tokens cost so far: hardware written off evenly, plus the energy that was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

HOURS_PER_MONTH = 730.5
"""365.25 days of 24 hours over 12 months."""

JOULES_PER_KWH = 3.6e6
TOKEN_FLOOR = 100_000
"""Below it a price per million would say more of the pause than of the work."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Assumptions:
    """What the cost rests on; the page shows it."""

    life_months: int = 36
    """Hardware is written off evenly over this time, to nothing."""
    usd_per_kwh: float = 0.30
    token_floor: int = TOKEN_FLOOR


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """Cost of a window, in US dollars. ``None`` is unknown."""

    hours: float
    tokens: int
    """Prompt and completion tokens; cached ones are part of the prompt's."""
    hardware_usd: float | None
    kwh: float | None
    energy_usd: float | None
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
    life_hours = assumptions.life_months * HOURS_PER_MONTH
    hardware = sum(price / life_hours * hours for price in priced) if priced else None
    measured = [each for each in joules.values() if each is not None]
    kwh = sum(measured) / JOULES_PER_KWH if measured else None
    energy = None if kwh is None else kwh * assumptions.usd_per_kwh
    total = None if hardware is None else hardware + (energy or 0.0)
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
        total_usd=total,
        usd_per_million=None if why_not or total is None else total / (tokens / 1e6),
        why_not=why_not,
        unpriced_nodes=tuple(name for name, price in prices_usd.items() if price is None),
        unmetered_nodes=tuple(name for name in prices_usd if joules.get(name) is None),
        metered_share=min(1.0, metered_s / node_seconds) if node_seconds else None,
    )
