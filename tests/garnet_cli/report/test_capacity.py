"""When a node is needed: never too sure, and with one node lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from garnet_cli.report.capacity import busiest_pct, ceiling_pct, weeks_of
from garnet_cli.report.gathered import Gathered
from garnet_cli.report.quarter import add_capacity
from garnet_cli.report.sections import Capacity
from garnet_cli.report.wording import wording
from tests.garnet_cli.report.in_memory import fleet, gathered, load, report_of

NOISE = (0.4, -0.3, 0.1, -0.5, 0.2, 0.5, -0.2, 0.3, -0.4, 0.0, 0.1, -0.1, 0.2)


@pytest.fixture(scope="module")
def september() -> Gathered:
    """Return a fleet of four nodes."""
    return gathered(fleet(nodes=4))


def capacity(data: Gathered, busy: list[float]) -> Capacity:
    """Return the forecast after thirteen weeks as busy as ``busy`` says."""
    return report_of(replace(data, hours=tuple(load(data, busy)))).capacity


def test_ceiling_is_with_one_node_lost() -> None:
    """Three of four nodes have to carry what four did."""
    assert [ceiling_pct(nodes) for nodes in (1, 2, 4, 8)] == [80, 40, 60, 70]


def test_growth_names_the_month_and_its_range(september: Gathered) -> None:
    """From 30 % a point a week: 60 % is reached in about 18 weeks, in February."""
    found = capacity(september, [30 + week + NOISE[week] for week in range(13)])
    assert found.needed_month == "2027-02"
    assert found.needed_month_earliest is not None
    assert found.needed_month_earliest <= found.needed_month
    for one in found.months:
        assert one.tokens_low <= one.tokens_expected <= one.tokens_high
    assert [one.month for one in found.months][:2] == ["2026-10", "2026-11"]
    assert "February 2027" in found.says


def test_flat_weeks_need_no_node(september: Gathered) -> None:
    """And the decision says so."""
    found = capacity(september, [20 + noise for noise in NOISE])
    assert (found.needed_month, found.needed_month_earliest) == (None, None)
    add, why = add_capacity(found, date(2026, 10, 1), wording())
    assert (add, "Add none" in why) == (False, True)


def test_a_full_fleet_needs_a_node_now(september: Gathered) -> None:
    """With what it costs."""
    found = capacity(september, [65 + noise for noise in NOISE])
    assert found.needed_month == "2026-10"
    add, why = add_capacity(found, date(2026, 10, 1), wording())
    assert add is True
    assert "$" in why


def test_few_weeks_say_nothing(september: Gathered) -> None:
    """Three weeks are no history."""
    data = replace(september, hours=tuple(load(september, [0.0] * 10 + [30, 40, 50])[1680:]))
    found = report_of(data).capacity
    assert (found.months, found.needed_month) == ((), None)
    assert "too few" in found.says
    assert add_capacity(found, date(2026, 10, 1), wording())[0] is None


def test_a_week_half_missing_does_not_count(september: Gathered) -> None:
    """Its tokens are told as they are, and it says how much is there."""
    hours = [one for one in load(september, [20.0] * 13) if (one.begin_unix // 3600) % 3 == 0]
    found = weeks_of(hours, september.span.end_unix, september.hours_begin_unix, 4, "UTC")
    assert len(found) == 13
    assert all(week.complete_pct == pytest.approx(100 / 3, abs=1) for week in found)
    assert report_of(replace(september, hours=tuple(hours))).capacity.months == ()


def test_busiest_hours_are_the_95th_percentile(september: Gathered) -> None:
    """Eight hours of a week may be busier."""
    hours = load(september, [10.0] * 13)[:168]
    peak = [replace(one, busy_s=one.covered_s) for one in hours[:8]]
    assert busiest_pct([*peak, *hours[8:]]) == pytest.approx(10)
    peak = [replace(one, busy_s=one.covered_s) for one in hours[:12]]
    assert busiest_pct([*peak, *hours[12:]]) == pytest.approx(100)
