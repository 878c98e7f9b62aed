"""The best placement: the practice that it reproduces, one small fleet for each."""

from __future__ import annotations

import builtins
import json
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.placement import simulated
from garnet_cli.judge import placement_solver
from garnet_cli.judge.placement import best_placement
from garnet_cli.judge.placement_diff import PlacementDiff
from tests.garnet_cli.judge.placements import GIB, fleet, model, node


def texts(diff: PlacementDiff) -> list[str]:
    """Return what to do, in order."""
    return [move.text for move in diff.moves] + [change.text for change in diff.cache_changes]


def test_a_fleet_that_keeps_the_rules_is_left_alone() -> None:
    """No move without a reason."""
    diff = best_placement(fleet(3, model("a", "n1", "n2", busy_share=0.6), model("b", "n2", "n3")))
    assert not diff.changes
    assert (diff.method, diff.points, diff.unmet, diff.notes) == ("exact", 0.0, (), ())
    assert diff.placement == {"a": ("n1", "n2"), "b": ("n2", "n3")}


def test_a_model_above_plan_gets_a_node_of_its_own_and_what_shares_it_moves_out() -> None:
    """The first practice. Its work would bear sharing; the plan does not."""
    asked = {"requests_per_s": 13.0, "plan_requests_per_s": 8.0}
    problem = fleet(
        4,
        model("a", "n1", "n2", "n3", busy_share=1.3, last_busy_share=1.2, **asked),
        model("b", "n1", "n2", busy_share=0.1),
        model("c", "n3", "n4", need_gib=20, busy_share=0.1),
    )
    diff = best_placement(problem)
    assert texts(diff) == ["move b from n1 to n4"]
    assert diff.nodes[0].models == ("a",)
    assert diff.moves[0].rule == "own_node"
    assert diff.moves[0].reason == (
        "a is asked 13 requests/s in the busiest hours, planned were 8 requests/s: it gets n1 to itself,"
        " which b shares now"
    )
    stay = tuple(replace(one, fixed=True) for one in problem.models)
    full = best_placement(replace(problem, models=stay))
    assert not full.changes
    assert "no node can be its own" in full.unmet[0]


def test_a_model_above_a_modest_plan_on_idle_nodes_gets_none() -> None:
    """What is above plan and hurts nobody is told, not moved."""
    asked = {"requests_per_s": 2.0, "plan_requests_per_s": 1.0}
    diff = best_placement(fleet(3, model("a", "n1", "n2", busy_share=0.1, **asked), model("b", "n1", "n2")))
    assert not diff.changes
    assert "a is above plan (2 requests/s, planned 1 requests/s), but its nodes have room" in diff.notes[0]


def test_a_low_hit_rate_with_long_contexts_raises_the_cache() -> None:
    """The second practice: a change of the configuration, no move."""
    low = {"hit_rate": 0.18, "mean_prompt_tokens": 6100.0, "evictions": 950, "cache_mib": 2 * GIB}
    diff = best_placement(fleet(2, model("b", "n1", "n2", cache_wanted_mib=4 * GIB, **low)))
    assert texts(diff) == ["raise the prompt cache of b to 4 GB"]
    assert diff.cache_gb == {"b": 4.0}
    reason = diff.cache_changes[0].reason
    assert "18 % of its prompt-cache lookups found a prefix" in reason
    assert "6,100 tokens" in reason
    assert "950 sequences were pushed out: 2.0 GiB a loader is too little" in reason


def test_a_cache_is_raised_only_where_every_node_has_room_or_can_make_it() -> None:
    """On full nodes a neighbour moves out; where none can, the diff says so."""
    low = {"hit_rate": 0.18, "mean_prompt_tokens": 6100.0, "evictions": 950, "cache_mib": 2 * GIB}
    big = model("b", "n1", "n2", need_gib=30, cache_wanted_mib=8 * GIB, **low)
    full = fleet(2, big, model("c", "n1", "n2", need_gib=16))
    stuck = best_placement(full)
    assert not stuck.changes
    assert "no room on n1 and n2 for 6.0 GiB more" in stuck.unmet[0]
    room = best_placement(fleet(3, big, model("c", "n1", "n3", need_gib=16)))
    assert (
        texts(room) == ["move c from n1 to n2", "raise the prompt cache of b to 8 GB"]
        or room.cache_changes == ()
    )
    wide = best_placement(fleet(4, big, model("c", "n1", "n3", need_gib=16), model("d", "n3", "n4")))
    assert texts(wide) == ["move c from n1 to n4", "raise the prompt cache of b to 8 GB"]
    assert "makes room on n1 for the larger prompt cache of b" in wide.moves[0].reason


def test_a_throttled_node_sheds_one_model() -> None:
    """The third practice: one of two, not both, and the one that makes a third of the work or more."""
    problem = fleet(
        3,
        model("a", "n1", "n2", busy_share=0.3),
        model("b", "n2", "n3", busy_share=0.2),
        model("c", "n1", "n3", busy_share=0.3),
    )
    diff = best_placement(node(problem, "n2", throttle_share=0.061))
    assert [(move.kind, move.origin, move.rule) for move in diff.moves] == [("move", "n2", "throttle")]
    assert "n2 was throttled in 6.1 % of its busy time (limit 3.0 %)" in diff.moves[0].reason
    assert not best_placement(node(problem, "n2", throttle_share=0.029)).changes


def test_a_throttled_node_with_one_model_needs_cooling_not_a_move() -> None:
    """Idling a node is not what the rule means."""
    problem = fleet(3, model("a", "n1", "n2", busy_share=0.5), model("c", "n1", "n3", busy_share=0.4))
    diff = best_placement(node(problem, "n2", throttle_share=0.2))
    assert not diff.changes
    assert "look at its cooling" in diff.notes[0]


def test_nothing_moves_onto_a_throttled_node_if_another_will_do() -> None:
    """The idle but hot n3 is left alone."""
    problem = fleet(
        4, model("a", "n1", busy_share=0.2), model("b", "n1", "n2"), model("c", "n2", "n4", busy_share=0.3)
    )
    diff = best_placement(node(problem, "n3", throttle_share=0.2))
    assert texts(diff) == ["add a to n2"] or texts(diff) == ["add a to n4"]


def test_every_model_gets_a_second_node_where_memory_allows() -> None:
    """The reason names the node on which it hangs."""
    diff = best_placement(fleet(2, model("a", "n1", need_gib=30), model("b", "n1", "n2", need_gib=10)))
    assert texts(diff) == ["add a to n2"]
    assert (diff.moves[0].rule, diff.moves[0].points > 80) == ("redundancy", True)
    assert diff.moves[0].reason == "a is on n1 alone: lost, nobody would serve it"


def test_a_model_without_a_second_node_says_why_and_what_would_help() -> None:
    """Too large beside what is there; the price of a node is told if known."""
    problem = fleet(2, model("a", "n1", need_gib=40), model("b", "n1", "n2", need_gib=10), limit_gib=50)
    problem = node(node(problem, "n2", limit_mib=45 * GIB), "n1", price_usd=1999.0)
    diff = best_placement(problem)
    assert not diff.changes
    assert "a stays on n1 alone: it needs 40.0 GiB, and no other node has that much free" in diff.unmet[0]
    assert "n2 with 35.0 GiB" in diff.unmet[0]
    assert "$1,999" in diff.unmet[0]


def test_a_small_model_makes_room_for_one_without_a_second_node() -> None:
    """Two changes that only pay together."""
    problem = fleet(
        3,
        model("a", "n1", need_gib=40),
        model("b", "n2", "n3", need_gib=10),
        model("c", "n3", "n1", need_gib=30),
    )
    problem = node(problem, "n1", limit_mib=100 * GIB)
    diff = best_placement(problem)
    assert set(texts(diff)) == {"add a to n2", "move b from n2 to n1"}
    room = next(move for move in diff.moves if move.model == "b")
    assert room.rule == "memory"
    assert room.reason == "it makes room on n2 for a: together they need 50.0 GiB of 48.0 GiB"


def test_a_node_that_would_be_too_busy_gives_work_away() -> None:
    """The sentence has both figures and who grew."""
    problem = fleet(
        3,
        model("a", "n1", "n2", busy_share=1.8, last_busy_share=0.9),
        model("b", "n1", "n3", busy_share=0.2),
        loss_points=0.0,
    )
    diff = best_placement(problem)
    assert diff.moves[0].text == "add a to n3"
    assert diff.moves[0].rule == "overload"
    assert "n1 would be 100 % busy in the busiest hours (ceiling 80 %), with it 70 %" in diff.moves[0].reason
    assert "a is expected to keep 1.80 nodes busy, 0.90 in the week that was" in diff.moves[0].reason


def test_the_loss_of_a_node_must_not_overload_another() -> None:
    """Each at 50 % is fine until one is gone."""
    diff = best_placement(fleet(3, model("a", "n1", "n2", busy_share=1.0)))
    assert texts(diff) == ["add a to n3"]
    assert diff.moves[0].rule == "loss"
    assert "with n2 lost, n1 would be 100 % busy" in diff.moves[0].reason
    assert max(load.busy_share_after_loss for load in diff.nodes) == pytest.approx(0.5)


def test_a_fleet_that_is_too_small_says_how_many_nodes_it_lacks() -> None:
    """No placement helps."""
    diff = best_placement(node(fleet(2, model("a", "n1", "n2", busy_share=2.4)), "n1", price_usd=999.0))
    assert "the fleet is too small: 2.4 nodes' worth of work" in diff.unmet[0]
    assert "1 more needed (from $999 each" in diff.unmet[0]


def test_a_model_of_unknown_size_is_not_moved_and_the_diff_says_why() -> None:
    """Nor is anything moved beside it."""
    problem = fleet(2, model("a", "n1", need_source="unknown"), model("b", "n2"))
    diff = best_placement(problem)
    assert diff.placement == {"a": ("n1",), "b": ("n2",)}
    assert "a: how much memory a loader needs is unknown, so it is not moved" in diff.notes[0]
    assert any("b stays on n2 alone" in line for line in diff.unmet)


def test_pins_and_fixed_nodes_are_kept() -> None:
    """A node throttles, but both of its models have to stay."""
    problem = fleet(
        3, model("a", "n2", "n1", busy_share=0.5, pinned=("n2",)), model("b", "n2", "n3", busy_share=0.5)
    )
    hot = node(problem, "n2", throttle_share=0.2)
    assert texts(best_placement(hot)) == ["move b from n2 to n1"]
    assert not best_placement(node(hot, "n2", fixed=True)).changes
    both = replace(hot, models=(hot.models[0], replace(hot.models[1], pinned=("n2",))))
    stuck = best_placement(both)
    assert not stuck.changes
    assert "no model can leave it" in stuck.unmet[0]


def test_a_node_over_its_memory_today_is_relieved() -> None:
    """Not all at once if that is not possible; never made worse."""
    problem = fleet(2, model("a", "n1", "n2", need_gib=30), model("b", "n1", "n2", need_gib=20))
    diff = best_placement(problem)
    assert diff.points < diff.points_today
    assert all(load.need_mib is not None and load.need_mib <= 48 * GIB for load in diff.nodes)


def test_greedy_stands_in_without_a_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    """The diff says so."""
    real = builtins.__import__

    def without(name: str, *arguments: Any, **named: Any) -> Any:
        if name == "highspy":
            raise ImportError(name)
        return real(name, *arguments, **named)

    problem = fleet(2, model("a", "n1"))
    asked = best_placement(problem, greedy=True)
    monkeypatch.setattr(builtins, "__import__", without)
    diff = best_placement(problem)
    assert texts(diff) == texts(asked) == ["add a to n2"]
    assert (diff.method, diff.method_note, diff.gap_points) == ("greedy", "highspy cannot be imported", None)


def test_the_solver_says_nothing_on_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    """That is the data's."""
    best_placement(fleet(3, model("a", "n1", busy_share=1.5), model("b", "n1", "n2", busy_share=0.4)))
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_a_search_that_ends_at_its_limit_states_the_gap() -> None:
    """Whatever the limit: no placement is better than what was found less the gap."""
    exact = best_placement(simulated(1, 5, 6))
    assert (exact.method, exact.gap_points, exact.method_note) == ("exact", 0.0, "")
    ended = best_placement(replace(simulated(1, 5, 6), solve_nodes=1))
    assert ended.method == "bounded"
    assert ended.method_note == "the search ended at 1 search nodes"
    assert ended.gap_points is not None
    assert exact.points - 1e-3 <= ended.points <= exact.points + ended.gap_points + 1e-3


def test_a_search_that_the_clock_ends_leaves_no_trace() -> None:
    """What it had found by then would differ from run to run."""
    problem = replace(simulated(1, 5, 6), solve_s=1e-9)
    found = best_placement(problem)
    assert found.method == "bounded"
    assert found.placement == best_placement(problem, greedy=True).placement


def test_a_large_fleet_is_bettered_in_neighbourhoods(monkeypatch: pytest.MonkeyPatch) -> None:
    """Better than greedily placed, its gap stated, and never better than the best."""
    problem = simulated(0, 5, 6)
    best, greedy = best_placement(problem), best_placement(problem, greedy=True)
    monkeypatch.setattr(placement_solver, "AT_ONCE_UP_TO", 0)
    monkeypatch.setattr(placement_solver, "NEIGHBOURS", 4)
    diff = best_placement(problem)
    assert diff.method_note == "the search ended at neighbourhoods of 4 nodes"
    assert best.points - 1e-3 <= diff.points < greedy.points
    assert diff.gap_points is not None
    assert diff.points - diff.gap_points <= best.points + 1e-3
    assert diff.as_json() == best_placement(problem).as_json()


def test_names_that_do_not_fit_together_are_refused() -> None:
    """A placement of another fleet."""
    with pytest.raises(ValueError, match="not there"):
        best_placement(fleet(1, model("a", "n7")))
    with pytest.raises(ValueError, match="twice"):
        best_placement(fleet(1, model("a", "n1"), model("a", "n1")))


def test_all_of_it_is_json() -> None:
    """Also a line without which the rest would not fit, whose points are infinite."""
    problem = fleet(
        3,
        model("a", "n1", need_gib=40),
        model("b", "n2", "n3", need_gib=10),
        model("c", "n3", "n1", need_gib=30),
    )
    found = json.loads(
        json.dumps(best_placement(node(problem, "n1", limit_mib=100 * GIB)).as_json(), allow_nan=False)
    )
    assert {move["text"] for move in found["moves"]} == {"add a to n2", "move b from n2 to n1"}
    assert None in [move["points"] for move in found["moves"]]
    assert found["placement"]["a"] == ["n1", "n2"]
    assert found["changes"] is True
