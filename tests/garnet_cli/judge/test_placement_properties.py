"""What holds of every placement problem."""

from __future__ import annotations

from itertools import chain, combinations, product

import pytest
from hypothesis import HealthCheck, given, settings

from garnet_cli.judge.placement import best_placement
from garnet_cli.judge.placement_check import broken_rules
from garnet_cli.judge.placement_diff import PlacementDiff
from garnet_cli.judge.placement_greedy import greedy_choice
from garnet_cli.judge.placement_objective import Choice, Objective, named
from garnet_cli.judge.placement_problem import PlacementProblem
from garnet_cli.judge.placement_solver import solved_choice
from tests.garnet_cli.judge.placements import problems

SLOW = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def raised(diff: PlacementDiff) -> list[str]:
    """Return the models whose caches a diff raises."""
    return [change.model for change in diff.cache_changes]


def points_of(problem: PlacementProblem, diff: PlacementDiff) -> float:
    """Return the objective of a diff's placement, computed anew from its names."""
    objective = Objective(problem)
    nodes = {node.name: at for at, node in enumerate(problem.nodes)}
    places = tuple(frozenset(nodes[name] for name in diff.placement[model.name]) for model in problem.models)
    at = frozenset(at for at, model in enumerate(problem.models) if model.name in raised(diff))
    return objective.points(Choice(places, at))


@SLOW
@given(problems())
def test_the_best_placement_is_never_worse_than_todays_and_keeps_the_rules(problem: PlacementProblem) -> None:
    """Checked by code that shares nothing with the search."""
    diff = best_placement(problem)
    assert not broken_rules(problem, diff.placement, raised(diff))
    assert diff.points <= diff.points_today + 1e-9
    assert diff.points == pytest.approx(points_of(problem, diff))
    assert diff.points_today == pytest.approx(Objective(problem).points(Objective(problem).today))


@SLOW
@given(problems())
def test_equal_problems_give_equal_diffs(problem: PlacementProblem) -> None:
    """To the last sentence."""
    assert best_placement(problem).as_json() == best_placement(problem).as_json()


@SLOW
@given(problems(most_nodes=6, most_models=8))
def test_the_greedy_placement_fits_and_is_never_worse_than_todays(problem: PlacementProblem) -> None:
    """Also where it has to stand in for the solver."""
    diff = best_placement(problem, greedy=True)
    assert not broken_rules(problem, diff.placement, raised(diff))
    assert diff.points <= diff.points_today + 1e-9
    assert diff.as_json() == best_placement(problem, greedy=True).as_json()


@SLOW
@given(problems())
def test_every_line_leads_from_today_to_the_placement_and_has_a_reason(problem: PlacementProblem) -> None:
    """Carried out one by one they give what the diff says."""
    diff = best_placement(problem)
    nodes = {name: set(names) for name, names in problem.today.items()}
    for move in diff.moves:
        assert move.reason, move
        if move.origin is not None:
            nodes[move.model].remove(move.origin)
        if move.target is not None:
            assert move.target not in nodes[move.model]
            nodes[move.model].add(move.target)
    assert {name: set(names) for name, names in diff.placement.items()} == nodes


@SLOW
@given(problems(most_nodes=3, most_models=3))
def test_no_placement_of_a_small_fleet_is_better(problem: PlacementProblem) -> None:
    """All of them are tried."""
    objective = Objective(problem)
    solved = solved_choice(objective, greedy_choice(objective))
    best = min(objective.points(choice) for choice in every_choice(objective))
    assert objective.points(solved.choice) == pytest.approx(best, abs=1e-3)
    assert solved.bound <= best + 1e-3


def every_choice(objective: Objective) -> list[Choice]:
    """Return every placement that keeps the rules, by the independent check."""
    count = len(objective.nodes)
    places = [frozenset(some) for size in range(1, count + 1) for some in combinations(range(count), size)]
    caches = [
        frozenset(some)
        for size in range(len(objective.raisable) + 1)
        for some in combinations(sorted(objective.raisable), size)
    ]
    choices = chain.from_iterable(
        (Choice(tuple(chosen), more) for more in caches)
        for chosen in product(places, repeat=len(objective.models))
    )
    return [
        choice
        for choice in choices
        if not broken_rules(
            objective.problem,
            named(objective, choice),
            [objective.models[at].name for at in choice.raised],
        )
    ]
