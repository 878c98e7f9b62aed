"""The exact tail test and what it stands on."""

from __future__ import annotations

import math
import random
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from garnet_cli.judge.tail_test import (
    design_effect_of,
    hypergeometric_tail,
    quantile,
    tail_counts,
    tail_probability,
    upper_bound,
)


def test_tail_probability_equals_a_count_of_all_arrangements() -> None:
    """Seven of twenty requests are the canary's, and one of all is the slowest twentieth."""
    canary = [1.0, 2, 3, 4, 5, 6, 100]
    control = [float(value) for value in range(10, 23)]
    assert tail_counts(canary, control) == (1, 1)
    assert tail_probability(canary, control) == pytest.approx(7 / 20)


@given(some.integers(1, 6), some.integers(1, 8), some.integers(0, 6))
def test_hypergeometric_tail_counts_draws(drawn: int, marked: int, least: int) -> None:
    """Against every draw from a small population."""
    population = 10
    drawn, marked = min(drawn, population), min(marked, population)
    draws = list(combinations(range(population), drawn))
    hits = sum(sum(one < marked for one in draw) >= least for draw in draws)
    assert hypergeometric_tail(least, marked, population, drawn) == pytest.approx(hits / len(draws))


def test_equal_values_are_no_evidence() -> None:
    """All alike: the control's count as the slow ones."""
    assert tail_probability([5.0] * 100, [5.0] * 100) == 1.0


def test_no_requests_are_no_evidence() -> None:
    """Neither of the canary's nor of the control's."""
    assert tail_probability([], [1.0]) == tail_probability([1.0], []) == 1.0


def test_upper_bound_needs_59_values() -> None:
    """0.95^59 is the first power below 5 %."""
    values = [float(value) for value in range(100)]
    assert upper_bound(values[:58]) is None
    assert upper_bound(values[:59]) == 58


def test_upper_bound_covers_the_true_quantile() -> None:
    """In at least 95 of 100 samples, by its promise."""
    generator = random.Random(7)
    true = -math.log(0.05)
    bounds = [upper_bound([generator.expovariate(1) for _ in range(200)]) for _ in range(400)]
    covered = sum(bound is not None and bound >= true for bound in bounds)
    assert covered / len(bounds) >= 0.93


def test_design_effect_of_independent_values_is_near_one() -> None:
    """A thousand of them on each of three nodes."""
    generator = random.Random(3)
    series = [[generator.gauss(0, 1) for _ in range(1000)] for _ in range(3)]
    assert design_effect_of(series) == pytest.approx(1.0, abs=0.2)


def test_design_effect_of_repeated_values_is_their_number() -> None:
    """Each value comes five times running."""
    generator = random.Random(3)
    series = [[value for _ in range(600) for value in [generator.gauss(0, 1)] * 5]]
    assert design_effect_of(series) == pytest.approx(5, rel=0.2)


def test_design_effect_does_not_take_a_slower_node_for_a_run() -> None:
    """Each node is looked at around its own mean."""
    generator = random.Random(5)
    series = [[generator.gauss(node * 10, 1) for _ in range(500)] for node in range(4)]
    assert design_effect_of(series) < 1.3


@pytest.mark.parametrize("series", [[], [[]], [[1.0]], [[2.0, 2.0, 2.0]]])
def test_design_effect_of_too_little_is_one(series: list[list[float]]) -> None:
    """Nothing to tell a run by."""
    assert design_effect_of(series) == 1.0


def test_quantile_is_the_nearest_rank() -> None:
    """The 95th of a hundred values is the 95th smallest."""
    assert quantile([float(value) for value in range(1, 101)], 0.95) == 95
