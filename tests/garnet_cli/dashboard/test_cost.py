"""Cost so far: conserved, and honest about what it lacks."""

from __future__ import annotations

import pytest

from garnet_cli.dashboard.cost import HOURS_PER_MONTH, Assumptions, Cost, cost_of


def made(
    *,
    prices: dict[str, float | None] | None = None,
    joules: dict[str, float | None] | None = None,
    tokens: int = 2_000_000,
    hours: float = 24,
) -> Cost:
    """Return the cost of two nodes over a day."""
    return cost_of(
        hours=hours,
        prices_usd={"a": 1999.0, "b": 1999.0} if prices is None else prices,
        joules={"a": 3.6e6, "b": 1.8e6} if joules is None else joules,
        metered_s=2 * 86_400 * 0.5,
        tokens=tokens,
        assumptions=Assumptions(life_months=36, usd_per_kwh=0.40, token_floor=100_000),
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
