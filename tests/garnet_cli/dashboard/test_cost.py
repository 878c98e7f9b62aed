"""Cost so far: conserved, and honest about what it lacks."""

from __future__ import annotations

import pytest

from garnet_cli.dashboard.cost import Assumptions, Cost, assumptions_of, cost_of
from garnet_cli.fleet.inventory import CostSettings
from garnet_cli.judge.costs_nodes import HOURS_PER_MONTH


def made(
    *,
    prices: dict[str, float | None] | None = None,
    joules: dict[str, float | None] | None = None,
    tokens: int = 2_000_000,
    hours: float = 24,
    assumptions: Assumptions | None = None,
) -> Cost:
    """Return the cost of two nodes over a day."""
    return cost_of(
        hours=hours,
        prices_usd={"a": 1999.0, "b": 1999.0} if prices is None else prices,
        joules={"a": 3.6e6, "b": 1.8e6} if joules is None else joules,
        metered_s=2 * 86_400 * 0.5,
        tokens=tokens,
        assumptions=assumptions or Assumptions(life_months=36, usd_per_kwh=0.40, token_floor=100_000),
    )


def test_hardware_and_energy_make_the_total_and_the_price() -> None:
    """By hand: 2 x 1999 / (36 x 730.5) x 24 h, and 1.5 kWh at 0.40."""
    cost = made()
    hardware = 2 * 1999 / (36 * HOURS_PER_MONTH) * 24
    assert cost.hardware_usd == pytest.approx(hardware)
    assert cost.kwh == pytest.approx(1.5)
    assert cost.energy_usd == pytest.approx(0.6)
    assert cost.total_usd == pytest.approx(hardware + 0.6)
    assert cost.usd_per_million == pytest.approx((hardware + 0.6) / 2)
    assert cost.metered_share == pytest.approx(0.5)
    assert cost.why_not == ""


def test_a_whole_life_writes_off_the_whole_price() -> None:
    """Hours and months are not mixed up: 36 months cost what the machines cost."""
    assert made(hours=36 * HOURS_PER_MONTH).hardware_usd == pytest.approx(2 * 1999)


def test_residual_value_and_overhead_count_as_in_the_weekly() -> None:
    """A fifth of the price is kept; 30 a month and a tenth of hardware and energy come on top."""
    cost = made(
        assumptions=Assumptions(residual_pct=20, usd_per_kwh=0.40, overhead_usd_per_month=30, overhead_pct=10)
    )
    hardware = 2 * 1999 * 0.8 / (36 * HOURS_PER_MONTH) * 24
    assert cost.hardware_usd == pytest.approx(hardware)
    assert cost.overhead_usd == pytest.approx(30 * 24 / HOURS_PER_MONTH + 0.1 * (hardware + 0.6))
    assert cost.total_usd == pytest.approx(hardware + 0.6 + cost.overhead_usd)


def test_assumptions_are_the_inventorys_save_for_what_is_given() -> None:
    """The tariff's currency is turned into dollars; the defaults are the same."""
    settings = CostSettings(life_months=48, tariff_per_kwh=0.4, currency="EUR", usd_per_currency=1.25)
    assert assumptions_of(settings) == Assumptions(life_months=48, usd_per_kwh=0.5)
    assert assumptions_of(settings, life_months=12, usd_per_kwh=0.0) == Assumptions(
        life_months=12, usd_per_kwh=0.0
    )
    assert assumptions_of(CostSettings()) == Assumptions()


def test_under_the_floor_there_is_no_price() -> None:
    """A pause has no price per million; what it cost is still said."""
    cost = made(tokens=99_999)
    assert cost.usd_per_million is None
    assert cost.why_not.startswith("idle")
    assert cost.total_usd is not None


def test_without_any_price_there_is_no_total() -> None:
    """Energy alone is not what a million tokens cost."""
    cost = made(prices={"a": None, "b": None})
    assert (cost.hardware_usd, cost.total_usd, cost.usd_per_million) == (None, None, None)
    assert "price_usd" in cost.why_not
    assert cost.energy_usd == pytest.approx(0.6)


def test_what_is_left_out_is_named() -> None:
    """A node without a price, and one whose power was never read."""
    cost = made(prices={"a": 1999.0, "b": None}, joules={"a": None, "b": 3.6e6})
    assert cost.unpriced_nodes == ("b",)
    assert cost.unmetered_nodes == ("a",)
    assert cost.kwh == pytest.approx(1.0)


def test_unread_power_is_unknown_energy_not_zero() -> None:
    """No meter anywhere."""
    cost = made(joules={})
    assert cost.kwh is None
    assert cost.energy_usd is None
    assert cost.total_usd == cost.hardware_usd
