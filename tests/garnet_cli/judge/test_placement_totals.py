"""From weeks of totals and an inventory to the placement, over simulated fleets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.inventory_file import parse_inventory
from garnet_cli.judge.memory import GIB, ArtifactSize, need_bytes
from garnet_cli.judge.placement import best_placement
from garnet_cli.judge.placement_problem import PlacementModel
from garnet_cli.judge.placement_totals import MIB, placement_problem
from garnet_cli.store.totals import Totals
from tests.simulated.fleets import quiet_fleet
from tests.simulated.spec import FleetSpec, Injected
from tests.simulated.totals import simulate_totals

LLAMA, QWEN = "llama-3.3-70b", "qwen3-32b"
SHAPE = {"num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "hidden_size": 4096}
"""128 KiB a token: a GiB for 8192 of them."""
SMALL = ArtifactSize(weight_bytes=4 * GIB, config=SHAPE)


def inventory(spec: FleetSpec, **keys: str) -> Inventory:
    """Return the inventory of a simulated fleet; ``keys`` are further lines of each model by its place."""
    lines = ["[fleet]", 'name = "simulated"']
    for at, node in enumerate(spec.nodes):
        lines += ["[[nodes]]", f'name = "{node.name}"', 'transport = "local"', f'root = "/tmp/n{at}"']
        lines += [f'listen = "0.0.0.0:{9000 + at}"', "price_usd = 1999"]
    for at, model in enumerate(spec.models):
        lines += [f'[models."{model.name}"]', f'source = "org/model-{at}@{"0" * 40}"']
        lines += [f"nodes = {list(model.nodes)!r}", keys.get(f"model_{at}", "")]
    return parse_inventory("\n".join(lines).encode(), Path("inventory.toml"))


def hours(spec: FleetSpec) -> Totals:
    """Return the totals of a spec by the hour."""
    return simulate_totals(spec, "hour", histograms=False)


def quiet(*injected: Injected, days: int = 7, nodes: int = 4) -> FleetSpec:
    """Return the quiet fleet with something injected; its loaders' sources are the inventory's."""
    spec = quiet_fleet(days=days, nodes=nodes, injected=injected)
    models = tuple(
        replace(model, source=f"org/model-{at}@{'0' * 40}") for at, model in enumerate(spec.models)
    )
    return replace(spec, models=models)


def model(history: Sequence[Totals], fleet: Inventory, name: str, *sizes: ArtifactSize) -> PlacementModel:
    """Return one model of the problem."""
    problem = placement_problem(fleet, history, dict.fromkeys((LLAMA, QWEN), sizes[0]) if sizes else {})
    return next(one for one in problem.models if one.name == name)


def test_a_quiet_fleet_is_left_alone() -> None:
    """Weeks that only differ by chance move nothing."""
    for seed in range(3):
        spec = replace(quiet(), seed=seed)
        diff = best_placement(placement_problem(inventory(spec), [hours(spec)], {}))
        assert not diff.changes, diff
        assert diff.unmet == ()


def test_throttling_in_telemetry_moves_one_model_off() -> None:
    """From thermal seconds of the monitor to a line of the diff: of three nodes the middle one has both."""
    spec = quiet(Injected(kind="throttling", node="mini-2", strength=0.3), nodes=3)
    assert {one.name for one in spec.models if "mini-2" in one.nodes} == {LLAMA, QWEN}
    diff = best_placement(placement_problem(inventory(spec), [hours(spec)], {}))
    assert [(move.kind, move.origin, move.rule) for move in diff.moves] == [("move", "mini-2", "throttle")]
    assert "mini-2 was throttled in" in diff.moves[0].reason


def test_a_diff_that_was_applied_asks_for_nothing_more() -> None:
    """The week still tells of throttling: by then another model was there."""
    spec = quiet(Injected(kind="throttling", node="mini-2", strength=0.3), nodes=3)
    totals = hours(spec)
    first = best_placement(placement_problem(inventory(spec), [totals], {}))
    moved = tuple(replace(one, nodes=first.placement[one.name]) for one in spec.models)
    again = best_placement(placement_problem(inventory(replace(spec, models=moved)), [totals], {}))
    assert first.moves
    assert not again.changes
    assert f"{first.moves[0].model} left mini-2 in or after this week" in again.notes[0]


def test_the_limit_of_throttling_is_the_alerts_warning() -> None:
    """One figure for both."""
    spec = quiet()
    problem = placement_problem(inventory(spec), [hours(spec)], {})
    assert problem.rules.throttle_limit == pytest.approx(0.03)


def test_the_need_is_that_of_the_files_where_they_are_known_else_as_measured_else_unknown() -> None:
    """The same sum that `garnet up` checks; a measured one has a margin."""
    spec = quiet()
    totals = hours(spec)
    known = model([totals], inventory(spec), QWEN, SMALL)
    assert (known.need_mib, known.need_source) == (need_bytes(SMALL, 8192, 8) // MIB, "artifact")
    measured = model([totals], inventory(spec), QWEN)
    seen = max(row.loader_memory_bytes_max or 0 for row in totals.models if row.model == QWEN)
    assert measured.need_source == "measured"
    assert seen / MIB * 1.1 < (measured.need_mib or 0) < seen / MIB * 1.1 + 300
    blind = replace(totals, models=tuple(replace(row, loader_memory_bytes_max=None) for row in totals.models))
    unknown = model([blind], inventory(spec), QWEN)
    assert (unknown.need_mib, unknown.need_source) == (None, "unknown")


def test_what_loaders_of_another_source_used_does_not_count() -> None:
    """The model was swapped: its memory is to be measured anew."""
    spec = quiet_fleet(days=7)
    assert model([hours(spec)], inventory(spec), QWEN).need_source == "unknown"


def test_a_mac_lends_three_quarters_and_what_the_inventory_says_of_memory_wins() -> None:
    """A node that tells of no wired memory is no Mac."""
    spec = quiet()
    totals = hours(spec)
    mac = replace(totals, nodes=tuple(replace(row, memory_wired_bytes_max=1) for row in totals.nodes))
    linux = replace(totals, nodes=tuple(replace(row, memory_wired_bytes_max=None) for row in totals.nodes))
    limits = [placement_problem(inventory(spec), [one], {}).nodes[0].limit_mib for one in (mac, linux)]
    assert limits == [96 * 1024, 128 * 1024 * 9 // 10]
    blind = replace(totals, nodes=tuple(replace(row, memory_total_bytes=None) for row in totals.nodes))
    problem = placement_problem(inventory(spec), [blind], {})
    assert problem.nodes[0].limit_mib is None
    assert "set memory_gb" in " ".join(best_placement(problem).notes)


def test_low_hits_long_prompts_and_evictions_raise_the_cache() -> None:
    """Each of the three is needed: without evictions a larger cache would find no more."""
    spec = quiet()
    low = tuple(
        replace(one, hit_rate=0.2, prompt_tokens=5000.0, evictions_per_minute=0.5)
        if one.name == QWEN
        else one
        for one in spec.models
    )
    full = replace(spec, models=low)
    wanted = model([hours(full)], inventory(spec), QWEN, SMALL)
    assert (wanted.cache_mib, wanted.cache_wanted_mib) == (2048, 4096)
    diff = best_placement(
        placement_problem(inventory(spec), [hours(full)], dict.fromkeys((LLAMA, QWEN), SMALL))
    )
    assert [change.text for change in diff.cache_changes] == [f"raise the prompt cache of {QWEN} to 4 GB"]
    for field, value in (("hit_rate", 0.9), ("prompt_tokens", 300.0), ("evictions_per_minute", 0.0)):
        other = tuple(replace(one, **{field: value}) if one.name == QWEN else one for one in low)  # type: ignore[arg-type]
        spared = model([hours(replace(spec, models=other))], inventory(spec), QWEN, SMALL)
        assert spared.cache_wanted_mib is None, field
    given = model([hours(full)], inventory(spec, model_1="cache_gb = 3"), QWEN, SMALL)
    assert (given.cache_mib, given.cache_wanted_mib) == (3072, 6144)
    raised = model([hours(full)], inventory(spec, model_1="cache_gb = 16"), QWEN, SMALL)
    assert (raised.cache_mib, raised.cache_wanted_mib) == (16384, None)


def test_a_plan_of_the_inventory_is_held_against_the_busiest_hours() -> None:
    """The expectation is never below what was."""
    spec = quiet()
    found = model([hours(spec)], inventory(spec, model_0="plan_requests_per_s = 0.01"), LLAMA)
    assert found.plan_requests_per_s == 0.01
    assert found.requests_per_s >= found.last_requests_per_s > 0.01


def test_growth_over_weeks_is_looked_ahead() -> None:
    """A model that grows by a fifth each week is expected to be busier than it was."""
    spec = replace(quiet(days=42), growth_per_week=0.2, weekly_noise=0.01)
    totals = hours(spec)
    history = [totals.between(spec.local_midnight(at), spec.local_midnight(at + 7)) for at in range(0, 42, 7)]
    found = model(history, inventory(spec), LLAMA)
    assert found.weeks == 6
    assert found.busy_share > 1.05 * found.last_busy_share


def test_a_model_without_telemetry_counts_as_idle_and_a_thin_week_is_told() -> None:
    """The reader knows what the diff rests on."""
    spec = quiet()
    totals = hours(spec)
    bare = replace(totals, models=tuple(row for row in totals.models if row.model != QWEN))
    thin = replace(bare, nodes=tuple(replace(row, minutes_present=0) for row in bare.nodes))
    notes = " ".join(placement_problem(inventory(spec), [thin], {}).notes)
    assert "only 0 % of the week's minutes are known" in notes
    assert f"{QWEN}: no minute tells of it" in notes
    with pytest.raises(ValueError, match="at least one week"):
        placement_problem(inventory(spec), [], {})


def test_fixed_nodes_are_passed_on() -> None:
    """By their names."""
    spec = quiet()
    problem = placement_problem(inventory(spec), [hours(spec)], {}, fixed_nodes=["mini-2"])
    assert [node.fixed for node in problem.nodes] == [False, True, False, False]
