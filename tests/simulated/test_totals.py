"""Totals in memory are those of the store but for chance, and show what is injected."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from garnet_cli.store.cache import ParquetCache
from garnet_cli.store.totals import ModelTotals, NodeTotals, Span, Totals
from garnet_cli.store.totals_merge import merge_rows
from garnet_cli.store.totals_query import read_totals
from node_scripts.store.directory import DirectoryStore
from tests.simulated.fleets import quiet_fleet, random_fleet
from tests.simulated.spec import FleetSpec, Injected, InjectedKind
from tests.simulated.store import simulate
from tests.simulated.totals import simulate_totals

MODEL = "llama-3.3-70b"


def model(totals: Totals, name: str = MODEL) -> ModelTotals:
    """Return one model over nodes and time."""
    rows = merge_rows(totals.models, {"begin_unix", "node"})
    return next(row for row in rows if row.model == name)


def node(totals: Totals, name: str) -> NodeTotals:
    """Return one node over time."""
    return next(row for row in merge_rows(totals.nodes, {"begin_unix"}) if row.node == name)


def two(kind: InjectedKind, **more: str | float) -> tuple[Totals, Totals]:
    """Return a week without and one with something injected in all of it."""
    spec = quiet_fleet(days=7)
    injected = Injected(kind=kind, **{"model": MODEL, **more})  # type: ignore[arg-type]
    return simulate_totals(spec), simulate_totals(replace(spec, injected=(injected,)))


def test_totals_in_memory_are_those_of_the_store_but_for_chance(tmp_path: Path) -> None:
    """The same rates: counts within a few per cent, in the same rows."""
    spec = quiet_fleet(days=7)
    simulate(spec, tmp_path)
    span = Span(begin_unix=spec.begin_unix, end_unix=spec.end_unix, bucket="day", timezone=spec.timezone)
    read = read_totals(DirectoryStore(tmp_path), spec.fleet, span, cache=ParquetCache(tmp_path / "cache"))
    made = simulate_totals(spec)
    assert read.buckets == made.buckets
    assert [row.node for row in read.nodes] == [row.node for row in made.nodes]
    assert [(row.begin_unix, row.node, row.model) for row in read.models] == [
        (row.begin_unix, row.node, row.model) for row in made.models
    ]
    for one in ("requests", "prompt_tokens", "completion_tokens", "loader_prompt_tokens"):
        assert getattr(model(read), one) == pytest.approx(getattr(model(made), one), rel=0.06)
    # A minute's burst is one minute's work, an hour's is spread.
    assert model(read).loader_busy_s == pytest.approx(model(made).loader_busy_s, rel=0.2)
    assert model(read).latency_ms.quantile(0.95) == pytest.approx(
        model(made).latency_ms.quantile(0.95), rel=0.1
    )
    assert node(read, "mini-1").joules == pytest.approx(node(made, "mini-1").joules, rel=0.2)


@pytest.mark.parametrize("seed", range(5))
def test_equal_specs_give_equal_totals_with_consistent_rows(seed: int) -> None:
    """Whatever the fleet: counts add up, shares are shares."""
    spec = random_fleet(seed, kinds=("missing_minutes", "model_evicted", "errors"))
    totals = simulate_totals(spec)
    assert totals == simulate_totals(spec)
    assert len(totals.buckets) == 7
    for row in totals.models:
        assert row.requests == row.answered + row.cancelled + row.failed
        assert row.latency_ms.count == row.answered
        assert row.cached_tokens <= row.prompt_tokens
        assert (row.loader_busy_s or 0.0) <= row.loader_observed_s + 1e-6
    used = sum(row.prompt_tokens for row in totals.keys)
    assert used == sum(row.prompt_tokens for row in totals.models)
    for one in totals.nodes:
        assert one.packed_throttled_s <= one.packed_s <= one.covered_s
        assert one.minutes_present <= one.minutes_expected


def test_without_histograms_all_else_is_the_same() -> None:
    """So that a thousand weeks are quick."""
    spec = quiet_fleet(days=7)
    full, lean = simulate_totals(spec), simulate_totals(spec, histograms=False)
    assert not lean.models[0].latency_ms.count
    assert full.nodes == lean.nodes
    for one, other in zip(full.models, lean.models, strict=True):
        assert (one.requests, one.prompt_tokens, one.loader_busy_s) == (
            other.requests,
            other.prompt_tokens,
            other.loader_busy_s,
        )


def test_totals_of_a_window_are_the_merged_days() -> None:
    """One row a node and model."""
    spec = quiet_fleet(days=7)
    window, days = simulate_totals(spec, "window"), simulate_totals(spec)
    assert model(window).requests == model(days).requests
    assert model(window).latency_ms.buckets == model(days).latency_ms.buckets
    assert len(window.nodes) == 4


def test_cache_misses_lower_the_hit_rate_and_raise_the_work() -> None:
    """For the model that they are injected in, and no other."""
    before, after = two("cache_misses")
    assert (model(after).hit_rate or 1) < 0.2 < (model(before).hit_rate or 0)
    assert (model(after).loader_busy_s or 0) > 1.05 * (model(before).loader_busy_s or 0)
    assert model(after, "qwen3-32b").hit_rate == pytest.approx(model(before, "qwen3-32b").hit_rate, abs=0.02)


def test_a_poisoned_cache_slows_while_it_hits() -> None:
    """More tokens, more time a token, errors, and hits as before or better."""
    before, after = two("poisoned_cache")
    assert (model(after).hit_rate or 0) > (model(before).hit_rate or 0)
    assert model(after).completion_tokens > 1.7 * model(before).completion_tokens
    assert model(after).failed > 10 * model(before).failed
    assert (model(after).token_time_ms.mean or 0) > 2 * (model(before).token_time_ms.mean or 0)


def test_moved_traffic_idles_one_node_and_loses_no_request() -> None:
    """Its loader idles, the others have its work."""
    before, after = two("traffic_moved", node="mini-1")
    busy = [sum(r.loader_requests for r in t.models if r.node == "mini-1") for t in (before, after)]
    assert busy[1] < 0.05 * busy[0]
    assert model(after).requests == pytest.approx(model(before).requests, rel=0.05)


def test_throttling_shows_on_its_node_in_packed_time() -> None:
    """And slows what it serves."""
    before, after = two("throttling", node="mini-1", model="")
    assert (node(after, "mini-1").throttled_share or 0) > 0.3
    assert (node(after, "mini-2").throttled_share or 0) < 0.01
    assert node(after, "mini-1").packed_s > 1.3 * node(before, "mini-1").packed_s


def test_traffic_goes_down_by_its_share() -> None:
    """To a fifth."""
    before, after = two("traffic_down", strength=0.8)
    assert model(after).requests == pytest.approx(0.2 * model(before).requests, rel=0.1)


def test_missing_minutes_are_missed() -> None:
    """Expected and not there."""
    _, after = two("missing_minutes", node="mini-3", strength=0.25)
    assert node(after, "mini-3").complete_share == pytest.approx(0.75, abs=0.02)
    assert node(after, "mini-1").complete_share == 1.0


def test_an_evicted_model_has_no_loader_and_is_served_by_peers() -> None:
    """On the node that it left."""
    before, after = two("model_evicted", node="mini-1")
    rows = [[r for r in t.models if (r.node, r.model) == ("mini-1", MODEL)] for t in (before, after)]
    assert all(row.loader_minutes == 1440 for row in rows[0])
    assert all(row.loader_minutes == 0 and row.loader_lookups is None for row in rows[1])
    assert sum(row.served_by_peers for row in rows[1]) > 0


def test_growth_shows_from_week_to_week() -> None:
    """By its share, but for chance."""
    spec: FleetSpec = replace(quiet_fleet(days=28), growth_per_week=0.25, weekly_noise=0.0)
    totals = simulate_totals(spec, histograms=False)
    weeks = [totals.between(spec.local_midnight(7 * n), spec.local_midnight(7 * n + 7)) for n in range(4)]
    asked = [model(week).requests for week in weeks]
    for one, other in pairwise(asked):
        assert other / one == pytest.approx(1.25, rel=0.08)
