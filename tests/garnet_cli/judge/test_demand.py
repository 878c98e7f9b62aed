"""What a model is expected to be asked for."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from garnet_cli.judge.demand import expected_demand
from garnet_cli.store.totals import Bucket, ModelTotals, NodeTotals, Totals
from tests.simulated.fleets import quiet_fleet
from tests.simulated.spec import Injected
from tests.simulated.totals import simulate_totals

HOUR_S = 3600
LLAMA = "llama-3.3-70b"


def week(rows: list[ModelTotals], hours: int = 20, *, covered_s: float = HOUR_S, present: int = 60) -> Totals:
    """Return the totals of two nodes over some hours."""
    return Totals(
        fleet="f",
        begin_unix=0,
        end_unix=hours * HOUR_S,
        bucket="hour",
        timezone="UTC",
        buckets=tuple(
            Bucket(begin_unix=at * HOUR_S, end_unix=(at + 1) * HOUR_S, label="") for at in range(hours)
        ),
        models=tuple(rows),
        nodes=tuple(
            NodeTotals(
                begin_unix=at * HOUR_S, node=node, minutes_expected=60, minutes_present=present,
                covered_s=covered_s,
            )
            for at in range(hours)
            for node in ("n1", "n2")
        ),
    )  # fmt: skip


def row(hour: int, node: str, requests: int, busy_s: float) -> ModelTotals:
    """Return an hour of model ``m``."""
    return ModelTotals(
        begin_unix=hour * HOUR_S, node=node, model="m", requests=requests, loader_busy_s=busy_s,
        loader_observed_s=HOUR_S,
    )  # fmt: skip


def test_rates_and_shares_add_up_over_nodes() -> None:
    """Half busy on one node and a quarter on the other is three quarters of a node."""
    rows = [row(hour, node, count, busy) for hour in range(20) for node, count, busy in
            (("n1", 7200, 1800.0), ("n2", 3600, 900.0))]  # fmt: skip
    found = expected_demand([week(rows)], ["m"])["m"].weeks[0]
    assert found.requests_per_s == pytest.approx(3.0)
    assert found.busy_share == pytest.approx(0.75)
    assert found.busiest_busy_share == pytest.approx(0.75)


def test_the_busiest_hours_are_not_one_spike() -> None:
    """Of twenty hours the busiest is left out, hours without requests count."""
    rows = [row(0, "n1", 36_000, 3600.0), row(1, "n1", 7200, 1800.0), row(2, "n1", 3600, 900.0)]
    found = expected_demand([week(rows)], ["m"])["m"].weeks[0]
    assert found.busiest_requests_per_s == pytest.approx(2.0)
    assert found.busiest_busy_share == pytest.approx(0.5)
    assert found.busy_share == pytest.approx(1.75 / 20)


def test_a_week_with_gaps_counts_by_its_rates_and_one_mostly_unknown_not_at_all() -> None:
    """Half the minutes and half the requests are the same rate."""
    whole = week([row(hour, "n1", 3600, 900.0) for hour in range(20)])
    half = week([row(hour, "n1", 1800, 450.0) for hour in range(20)], covered_s=HOUR_S / 2, present=30)
    lost = week([row(0, "n1", 9, 0.0)], covered_s=30.0, present=1)
    demand = expected_demand([whole, half, lost], ["m"])["m"]
    assert [one.requests_per_s for one in demand.weeks[:2]] == pytest.approx([1.0, 1.0])
    assert demand.requests_per_s is not None
    assert demand.requests_per_s.weeks == 2


def test_a_model_exists_from_its_first_week_on_and_may_fall_silent() -> None:
    """Weeks before it are no zeros, weeks after it are."""
    busy, empty = week([row(hour, "n1", 3600, 900.0) for hour in range(20)]), week([])
    demand = expected_demand([empty, busy, empty], ["m", "other"])
    assert [one.requests_per_s for one in demand["m"].weeks] == pytest.approx([1.0, 0.0])
    assert demand["other"].requests_per_s is None
    assert demand["other"].as_json()["busy_share"] is None


def test_growth_of_a_simulated_fleet_is_expected_to_go_on() -> None:
    """Ten per cent a week over eight weeks, with five per cent of noise."""
    spec = replace(quiet_fleet(days=56), growth_per_week=0.10, weekly_noise=0.02)
    totals = simulate_totals(spec, "hour", histograms=False)
    midnights = [spec.local_midnight(7 * at) for at in range(9)]
    history = [totals.between(begin, end) for begin, end in pairwise(midnights)]
    demand = expected_demand(history[:7], [LLAMA])[LLAMA]
    assert demand.requests_per_s is not None
    assert demand.requests_per_s.certain
    coming = demand.requests_per_s.at(1)
    truth = expected_demand(history[7:], [LLAMA])[LLAMA].weeks[0].requests_per_s
    assert coming.expected == pytest.approx(truth, rel=0.12)
    assert demand.requests_per_s.slope_per_week > 0


def test_missing_minutes_do_not_look_like_less_traffic() -> None:
    """A fifth of one node's minutes is gone; its rate is not."""
    spec = quiet_fleet(days=7)
    gone = replace(spec, injected=(Injected(kind="missing_minutes", node="mini-1", strength=0.3),))
    whole, gaps = (simulate_totals(one, "hour", histograms=False) for one in (spec, gone))
    first, second = (expected_demand([one], [LLAMA])[LLAMA].weeks[0] for one in (whole, gaps))
    assert second.complete_share < first.complete_share
    assert second.requests_per_s == pytest.approx(first.requests_per_s, rel=0.1)
