"""Costs of simulated fleets against sums made in another way."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from garnet_cli.fleet.inventory import CostSettings
from garnet_cli.fleet.inventory_file import parse_inventory
from garnet_cli.judge.costs import CostBasis, basis_of, costs_of
from tests.simulated.fleets import random_fleet
from tests.simulated.totals import simulate_totals

MONTH_HOURS = Fraction(7305, 10)
SETTINGS = CostSettings(
    life_months=30, residual_pct=12.5, tariff_per_kwh=0.25, overhead_usd_per_month=333, overhead_pct=7
)
INVENTORY = b"""
[fleet]
name = "office"
[[nodes]]
name = "n1"
transport = "local"
root = "one"
price_usd = 1999
nameplate_watts = 65
[[nodes]]
name = "n2"
transport = "local"
root = "two"
listen = "127.0.0.1:8081"
[models.a]
source = "org/a@7f0dc925e0d0afb0322d96f9255cfddf2ba5636e"
nodes = "all"
reference = "big"
[models.b]
source = "org/b@7f0dc925e0d0afb0322d96f9255cfddf2ba5636e"
nodes = "all"
[costs.reference.big]
prompt_usd_per_million = 1
completion_usd_per_million = 2
date = 2026-11-01
source = "a page"
"""


@pytest.mark.parametrize("seed", range(40))
def test_totals_of_simulated_weeks_are_what_a_bill_says(seed: int) -> None:
    """To the cent, computed as an accountant would: the machines, the meters' joules, the rent, 7 % on top.

    The window is a local week, in some zones with a clock change. Tokens are those of the telemetry.
    """
    spec = random_fleet(seed, kinds=("errors", "missing_minutes", "throttling"))
    totals = simulate_totals(spec, "day", histograms=False)
    prices = {node.name: 500.0 * (number + 1) for number, node in enumerate(spec.nodes)}
    costs = costs_of(totals, CostBasis(settings=SETTINGS, prices_usd=prices))
    hours = Fraction(spec.end_unix - spec.begin_unix, 3600)
    bill = Fraction(333) * hours / MONTH_HOURS
    for cost in costs.nodes:
        kept = Fraction(7, 8)
        hardware = Fraction(prices[cost.row.name]) * kept * hours / (30 * MONTH_HOURS)
        rows = [row for row in totals.nodes if row.node == cost.row.name]
        metered_s = sum(row.metered_s for row in rows)
        joules = sum(row.joules for row in rows)
        if abs(metered_s - float(hours) * 3600) < 1:
            assert cost.energy.kwh == pytest.approx(joules / 3.6e6, rel=1e-9)
        assert cost.energy.kwh >= joules / 3.6e6 * (1 - 1e-9)
        bill += (hardware + Fraction(cost.energy.kwh) / 4) * Fraction(107, 100)
    assert abs(costs.fleet.total_micros - bill * 1_000_000) < 10_000
    asked = [row for row in totals.models if row.model]
    assert costs.fleet.tokens == sum(row.prompt_tokens + row.completion_tokens for row in asked)
    assert costs.fleet.requests == sum(row.requests for row in asked)
    assert sum(row.requests for row in costs.keys) == costs.fleet.requests


def test_basis_is_what_the_inventory_says() -> None:
    """Every node, and the references of the models that name one."""
    inventory = parse_inventory(INVENTORY, Path("/x/inventory.toml"))
    basis = basis_of(inventory)
    assert basis.prices_usd == {"n1": 1999.0, "n2": None}
    assert basis.references == {"a": inventory.costs.references["big"]}
    assert basis.settings is inventory.costs
    assert (basis.settings_of("n1").idle_watts, basis.settings_of("n1").nameplate_watts) == (5.0, 65.0)
    assert basis.settings_of("n2") is inventory.costs
