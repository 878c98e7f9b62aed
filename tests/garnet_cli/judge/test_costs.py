"""Costs of a window: by hand, and that nothing is lost or made up in a thousand random weeks."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from garnet_cli.judge.costs import NO_MODEL, CostBasis, CostRow, cost_diff, costs_of
from garnet_cli.judge.costs_money import divide, in_cents
from garnet_cli.judge.costs_nodes import HOURS_PER_MONTH
from garnet_cli.store.totals import KeyTotals, PowerTotals, Totals
from tests.garnet_cli.judge.weeks import BASES, BEGIN, WEEK_S, basis, histogram, model, node, week, weeks

MONEY = ("workload_micros", "idle_micros", "overhead_micros", "low_micros", "high_micros")
HOURS = WEEK_S / 3600


def added(rows: Iterable[CostRow], field: str) -> int:
    """Return a field's sum."""
    return sum(getattr(row, field) for row in rows)


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(totals=weeks(), given_basis=BASES)
def test_costs_conserve_in_every_week_by_model_node_and_key(totals: Totals, given_basis: CostBasis) -> None:
    """To the millionth of a dollar: each table adds up to the fleet, and the fleet to what it is made of."""
    costs = costs_of(totals, given_basis)
    fleet = costs.fleet
    for field in MONEY:
        assert added(costs.models, field) == getattr(fleet, field)
        assert added((one.row for one in costs.nodes), field) == getattr(fleet, field)
        assert added(costs.keys, field) == getattr(fleet, field)
    assert fleet.workload_micros + fleet.idle_micros == costs.hardware_micros + costs.energy_micros
    assert fleet.total_micros == costs.hardware_micros + costs.energy_micros + fleet.overhead_micros
    counted = {one.row.name for one in costs.nodes}
    for row in costs.models:
        here = [place.row for place in costs.places if place.row.name == row.name]
        assert added(here, "workload_micros") == row.workload_micros
        assert added(here, "low_micros") == row.low_micros
    for one in costs.nodes:
        assert one.hardware_micros + one.energy_micros == one.row.workload_micros + one.row.idle_micros
    for row in (*costs.models, *costs.keys, *(one.row for one in costs.nodes), fleet):
        assert min(row.workload_micros, row.idle_micros, row.overhead_micros) >= 0
        assert row.low_micros <= row.total_micros + len(costs.nodes)
        assert row.high_micros >= row.total_micros - len(costs.nodes)
        kinds = row.uncached_micros + row.cached_micros + row.completion_micros
        assert kinds <= row.total_micros
    for row in costs.models:
        kinds = row.uncached_micros + row.cached_micros + row.completion_micros
        assert kinds == (row.total_micros if row.tokens else 0)
    assert added(costs.models, "prompt_tokens") == sum(
        row.prompt_tokens for row in totals.models if row.model
    )
    served = sum(row.loader_completion_tokens for row in totals.models if row.model and row.node in counted)
    assert added((one.row for one in costs.nodes), "completion_tokens") == served
    doubts = sum(doubt.high_micros for doubt in costs.doubts)
    assert fleet.total_micros + doubts == fleet.high_micros
    json.dumps(costs.as_json(), allow_nan=False)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(this=weeks(), last=weeks(), given_basis=BASES)
def test_effects_and_rows_add_up_to_the_change(this: Totals, last: Totals, given_basis: CostBasis) -> None:
    """Price, volume and mix are the whole change, exactly; so are the models, nodes and keys."""
    diff = cost_diff(this, last, given_basis)
    change = diff.fleet.change_micros
    for table in (diff.models, diff.nodes, diff.keys):
        assert sum(one.change_micros for one in table) == change
    if diff.effects:
        parts = (diff.effects.price_micros, diff.effects.volume_micros, diff.effects.mix_micros)
        assert sum(parts) == change
    json.dumps(diff.as_json(), allow_nan=False)


def test_one_node_by_hand() -> None:
    """(2000 - 10 %) over 36 months; 30 W for 168 h at 0.25; 100 a month and 5 % of both."""
    costs = costs_of(week([model("n1", "a")], [node("n1")]), basis(n1=2000.0))
    hardware = 2000 * 0.9 * HOURS / (36 * HOURS_PER_MONTH)
    energy = 0.030 * HOURS * 0.25
    overhead = 100 * HOURS / HOURS_PER_MONTH + 0.05 * (hardware + energy)
    # Work took all above 5 W in the idle three quarters of the time.
    workload = hardware / 4 + (0.030 - 0.005 * 0.75) * HOURS * 0.25
    row = costs.fleet
    assert costs.hardware_micros == pytest.approx(hardware * 1e6, abs=2)
    assert costs.energy_micros == pytest.approx(energy * 1e6, abs=2)
    assert row.overhead_micros == pytest.approx(overhead * 1e6, abs=2)
    assert row.workload_micros == pytest.approx(workload * 1e6, abs=2)
    assert row.idle_micros == pytest.approx((hardware + energy - workload) * 1e6, abs=2)
    assert row.usd_per_million == pytest.approx((hardware + energy + overhead) / 1.5)
    assert row.busy_usd_per_million == pytest.approx(workload / 1.5)


def test_kinds_of_tokens_are_priced_by_the_time_they_take() -> None:
    """Of 900 ms 200 are the prompt's: 600,000 computed tokens, 400,000 cached at a tenth."""
    row = costs_of(week([model("n1", "a")], [node("n1")]), basis(n1=2000.0)).models[0]
    prompt = row.total_micros * 200 / 900
    assert row.uncached_micros == pytest.approx(prompt * 600 / 640, abs=2)
    assert row.cached_micros == pytest.approx(prompt * 40 / 640, abs=2)
    assert row.completion_micros == pytest.approx(row.total_micros * 700 / 900, abs=2)
    assert row.uncached_usd_per_million is not None
    assert row.cached_usd_per_million == pytest.approx(row.uncached_usd_per_million / 10, rel=1e-5)


def test_unmeasured_times_fall_back_to_the_usual_ratio() -> None:
    """Without a latency a completion token counts as four of a prompt."""
    silent = model("n1", "a", latency_ms=histogram(), first_token_ms=histogram(), cached_tokens=0)
    row = costs_of(week([silent], [node("n1")]), basis(n1=2000.0)).models[0]
    assert row.uncached_usd_per_million is not None
    assert row.completion_usd_per_million == pytest.approx(4 * row.uncached_usd_per_million, rel=1e-5)


def test_models_bear_a_node_by_their_busy_seconds() -> None:
    """Three to one, whatever their tokens."""
    models = [
        model("n1", "a", loader_busy_s=300.0),
        model("n1", "b", loader_busy_s=100.0, prompt_tokens=9**9),
    ]
    a, b = costs_of(week(models, [node("n1")]), basis(n1=2000.0)).models
    assert a.total_micros == pytest.approx(3 * b.total_micros, abs=5)


def test_a_node_is_borne_by_its_own_models_only() -> None:
    """Model b on a dear second node bears all of it."""
    totals = week([model("n1", "a"), model("n2", "b")], [node("n1"), node("n2")])
    costs = costs_of(totals, basis(n1=1000.0, n2=5000.0))
    assert [row.name for row in costs.models] == ["a", "b"]
    assert costs.models[1].total_micros == costs.nodes[1].row.total_micros


def test_a_node_without_a_loader_is_borne_by_no_model() -> None:
    """It has a row of its own, last, and no price per million."""
    costs = costs_of(
        week([model("n1", "a")], [node("n1"), node("n2", busy_share=0.0)]), basis(n1=1.0, n2=2000.0)
    )
    last = costs.models[-1]
    assert last.name == NO_MODEL
    assert last.total_micros == costs.nodes[1].row.total_micros
    assert last.usd_per_million is None


def test_an_idle_model_bears_its_node_and_has_no_price() -> None:
    """Under the floor the price is not given, what it cost is."""
    idle = model("n1", "a", loader_busy_s=0.0, prompt_tokens=10, cached_tokens=0, completion_tokens=5)
    row = costs_of(week([idle], [node("n1", busy_share=0.0)]), basis(n1=2000.0)).models[0]
    assert row.usd_per_million is None
    assert row.why_not == "idle: fewer than 100,000 tokens"
    assert row.total_micros > 0
    assert row.workload_micros == 0


def test_a_node_that_sent_nothing_still_costs() -> None:
    """Its hardware is idle; its energy is the nameplate's, from nothing to that."""
    costs = costs_of(week([model("n1", "a")], [node("n1")]), basis(n1=2000.0, n2=2000.0))
    silent = costs.nodes[1]
    assert silent.hardware_micros == costs.nodes[0].hardware_micros
    assert silent.energy.sources == ("nameplate",)
    assert (silent.energy.low_kwh, silent.energy.high_kwh) == (0.0, silent.energy.kwh)
    assert silent.row.workload_micros == 0


def test_a_node_that_left_the_inventory_costs_energy_only() -> None:
    """For as long as it sent minutes."""
    costs = costs_of(week([model("old", "a")], [node("old", covered_s=3600.0)]), basis(n1=2000.0))
    assert [one.row.name for one in costs.nodes] == ["n1", "old"]
    assert costs.nodes[1].hardware_micros == 0
    assert costs.unpriced_nodes == ("old",)


def test_energy_names_its_sources_and_fills_gaps() -> None:
    """Half the week by a meter at 30 W: the rest at the same mean, between idle and nameplate."""
    half = {"shelly": PowerTotals(joules=30.0 * WEEK_S / 2, seconds=WEEK_S / 2, watts_max=80.0)}
    energy = costs_of(week([model("n1", "a")], [node("n1", power=half)]), basis(n1=2000.0)).nodes[0].energy
    assert energy.sources == ("meter", "estimate")
    assert energy.measured_share == pytest.approx(0.5)
    assert energy.kwh == pytest.approx(0.030 * HOURS)
    assert energy.low_kwh == pytest.approx((0.030 * 0.98 + 0.005) * HOURS / 2)
    assert energy.high_kwh == pytest.approx((0.030 * 1.02 + 0.140) * HOURS / 2)


def test_unmetered_energy_is_estimated_by_the_time_it_worked() -> None:
    """5 W and a quarter of the way to 140."""
    energy = costs_of(week([model("n1", "a")], [node("n1", watts=None)]), basis(n1=2000.0)).nodes[0].energy
    assert energy.sources == ("estimate",)
    assert energy.kwh == pytest.approx((5 + 135 / 4) / 1000 * HOURS)


def test_a_node_with_watts_of_its_own_is_estimated_by_them() -> None:
    """A quarter of the way from 4 to 64 W; the other from 5 to 140."""
    totals = week([model("n1", "a")], [node("n1", watts=None), node("n2", watts=None)])
    given = replace(basis(n1=2000.0, n2=2000.0), watts={"n1": (4.0, 64.0)})
    small, usual = (one.energy for one in costs_of(totals, given).nodes)
    assert small.kwh == pytest.approx(19 / 1000 * HOURS)
    assert usual.kwh == pytest.approx((5 + 135 / 4) / 1000 * HOURS)


def test_energy_of_a_machine_that_idles_high_is_not_all_work() -> None:
    """At 60 W and 1 % busy, work takes at most the nameplate for that time."""
    busy = costs_of(week([model("n1", "a")], [node("n1", busy_share=0.01, watts=60.0)]), basis(n1=0.0)).nodes[
        0
    ]
    assert busy.row.workload_micros == pytest.approx(0.140 * 0.01 * HOURS * 0.25 * 1e6, abs=2)


def test_a_nodes_work_is_told_by_its_loaders_where_nothing_reads_its_chip() -> None:
    """Two loaders at a half and a half: three quarters, as if independent."""
    models = [model("n1", name, loader_busy_s=WEEK_S / 2) for name in ("a", "b")]
    found = costs_of(week(models, [node("n1", busy_share=None)]), basis(n1=2000.0)).nodes[0]
    assert found.busy_share == pytest.approx(0.75)


def test_missing_minutes_count_as_idle() -> None:
    """No token of them is counted, so no workload is either."""
    part = node("n1", covered_s=WEEK_S / 2, thermal_observed_s=WEEK_S / 2, packed_s=WEEK_S / 4)
    found = costs_of(week([model("n1", "a")], [part]), basis(n1=2000.0)).nodes[0]
    assert found.busy_share == pytest.approx(0.25)


def test_comparison_takes_each_kind_at_its_own_price() -> None:
    """0.6 M at 2.00, 0.4 M at 0.50 and 0.5 M at 8.00."""
    costs = costs_of(week([model("n1", "a"), model("n1", "c")], [node("n1")]), basis(n1=2000.0))
    comparison = costs.models[0].comparison
    assert comparison is not None
    assert comparison.api_micros == 5_400_000
    assert comparison.savings_micros == 5_400_000 - costs.models[0].total_micros
    assert costs.models[1].comparison is None
    assert costs.fleet.comparison is not None
    assert costs.fleet.comparison.own_micros == costs.models[0].total_micros


def test_keys_bear_the_fleet_by_their_tokens_and_the_rest_has_none() -> None:
    """A key with half of each kind bears half."""
    half = KeyTotals(
        begin_unix=BEGIN, node="n1", key="app", requests=500, prompt_tokens=500_000, cached_tokens=200_000,
        completion_tokens=250_000,
    )  # fmt: skip
    costs = costs_of(week([model("n1", "a")], [node("n1")], [half]), basis(n1=2000.0))
    app, rest = costs.keys
    assert (app.name, rest.name) == ("app", NO_MODEL)
    assert app.total_micros == pytest.approx(costs.fleet.total_micros / 2, abs=3)
    assert rest.requests == 500


def test_without_any_price_there_is_none_per_million() -> None:
    """Energy alone is not what a million tokens cost."""
    costs = costs_of(week([model("n1", "a")], [node("n1")]), basis(n1=None))
    assert costs.fleet.why_not == "no node has a price_usd in the inventory"
    assert costs.fleet.usd_per_million is None
    assert costs.energy_micros > 0


def test_range_names_what_makes_it() -> None:
    """A year of life more or less, and the meter."""
    doubts = costs_of(week([model("n1", "a")], [node("n1")]), basis(n1=2000.0)).doubts
    assert [doubt.reason for doubt in doubts] == [
        "hardware lasts 24 to 48 months, not 36",
        "energy of n1 is read from a meter, to 2%",
    ]


def test_unit_of_buckets_does_not_matter() -> None:
    """The same week cut in two days costs the same."""
    one, two = model("n1", "a"), replace(model("n1", "a"), begin_unix=BEGIN + 86_400)
    whole = model(
        "n1", "a", requests=2000, prompt_tokens=2_000_000, cached_tokens=800_000, completion_tokens=1_000_000,
        loader_busy_s=0.5 * WEEK_S, loader_observed_s=2.0 * WEEK_S, latency_ms=histogram(1000.0, 1000.0),
        first_token_ms=histogram(300.0, 300.0), queue_ms=histogram(100.0, 100.0), loader_minutes=20_160,
    )  # fmt: skip
    cut = costs_of(week([one, two], [node("n1")]), basis(n1=2000.0))
    assert cut.fleet == costs_of(week([whole], [node("n1")]), basis(n1=2000.0)).fleet


def test_a_node_that_joined_later_in_the_window_counts_as_well() -> None:
    """Its rows begin on another day: none of them stands for all."""
    late = replace(model("n2", "a"), begin_unix=BEGIN + 86_400)
    costs = costs_of(week([model("n1", "a"), late], [node("n1"), node("n2")]), basis(n1=2000.0, n2=2000.0))
    (row,) = [row for row in costs.models if row.name == "a"]
    assert (row.requests, row.prompt_tokens) == (2000, 2_000_000)
    assert costs.fleet.prompt_tokens == 2_000_000


@given(total=st.integers(0, 10**15), weights=st.lists(st.floats(0, 1e12), min_size=1, max_size=30))
def test_divided_money_adds_up_and_is_fair(total: int, weights: list[float]) -> None:
    """Each part is within one unit of its exact share."""
    if not any(weights):
        with pytest.raises(ValueError, match="above 0"):
            divide(total, weights)
        return
    parts = divide(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - total * (weight / max(weights)) / sum(each / max(weights) for each in weights)) <= (
            1 + total * 1e-12
        )


@given(parts=st.lists(st.integers(-(10**12), 10**12), max_size=30))
def test_shown_cents_add_up_to_the_shown_total(parts: list[int]) -> None:
    """Whoever adds the column up gets the sum below it."""
    cents = in_cents(parts)
    assert abs(sum(cents) * 10_000 - sum(parts)) <= 5_000
    assert all(abs(cent * 10_000 - part) < 10_000 for cent, part in zip(cents, parts, strict=True))
