"""The trend of a weekly figure: its interval holds what it says, and no trend is seen where there is none."""

from __future__ import annotations

import random
from itertools import permutations

import pytest

from garnet_cli.judge.kendall import kendall_chance, student_t
from garnet_cli.judge.trend import trend_of

SERIES = 1500


def held(weeks: int, slope: float, *, outlier: bool = False) -> tuple[float, float]:
    """Return how often the interval held the coming week, and how often a trend was seen."""
    dice = random.Random(f"{weeks} {slope} {outlier}")
    inside = certain = 0
    for _ in range(SERIES):
        values = [100 + slope * week + dice.gauss(0, 5) for week in range(weeks + 1)]
        if outlier:
            values[dice.randrange(weeks - 1)] *= dice.choice((0.3, 3))
        trend = trend_of(values[:weeks])
        coming = trend.at(1)
        assert coming.high is not None
        inside += coming.low <= values[weeks] <= coming.high
        certain += trend.certain
    return inside / SERIES, certain / SERIES


@pytest.mark.parametrize("weeks", [3, 4, 6, 12])
def test_four_of_five_coming_weeks_lie_in_the_interval(weeks: int) -> None:
    """And not nearly all: an interval that wide says nothing."""
    inside, certain = held(weeks, 0.0)
    assert 0.78 <= inside <= 0.95
    assert certain <= 0.07


@pytest.mark.parametrize("weeks", [6, 12])
def test_the_interval_holds_under_growth_and_with_a_week_far_off(weeks: int) -> None:
    """A week of holidays does not bend the line."""
    assert held(weeks, 4.0)[0] >= 0.75
    assert held(weeks, 4.0, outlier=True)[0] >= 0.75
    assert held(12, 4.0)[1] >= 0.95


def test_few_weeks_are_flat() -> None:
    """Four that rise are no trend yet: chance does that once in twelve times."""
    trend = trend_of([10.0, 12.0, 14.0, 16.0])
    assert (trend.certain, trend.slope_per_week, trend.at(1).expected) == (False, 0.0, 13.0)
    high = trend.at(1).high
    assert high is not None
    assert high >= 18.0
    five = trend_of([10.0, 12.0, 14.1, 16.0, 18.0])
    assert five.certain
    assert five.at(1).expected == pytest.approx(20.0, abs=0.2)


def test_one_week_says_nothing_of_how_far_weeks_differ() -> None:
    """Its interval has no upper end."""
    found = trend_of([7.0]).at(1)
    assert (found.expected, found.low, found.high) == (7.0, 0.0, None)


def test_missing_weeks_keep_their_place() -> None:
    """The line goes through them."""
    trend = trend_of([10.0, 11.0, 12.0, None, None, 15.0, 16.0, 17.1])
    assert trend.weeks == 6
    assert trend.slope_per_week == pytest.approx(1.0, abs=0.05)
    with pytest.raises(ValueError, match="no week"):
        trend_of([None, None])


def test_a_week_far_off_is_left_out_but_not_the_last() -> None:
    """The last one may be the begin of something new."""
    values = [10.0, 11.0, 9.5, 10.2, 10.4, 9.9, 10.1, 10.0]
    assert trend_of([*values[:3], 60.0, *values[4:]]).left_out == 1
    assert trend_of([*values[:-1], 60.0]).left_out == 0


def test_a_falling_figure_ends_at_nothing() -> None:
    """There are no negative requests."""
    trend = trend_of([50.0, 40.0, 30.0, 20.0, 10.0])
    assert trend.at(1).expected == pytest.approx(0.0, abs=1e-9)
    assert (trend.at(9).expected, trend.at(9).low) == (0.0, 0.0)


def test_a_limit_is_reached_earliest_and_latest_around_the_expected_week() -> None:
    """From 0.5 by 0.02 a week: 0.8 in 15 weeks."""
    noise = (0.004, -0.003, 0.002, -0.004, 0.003, -0.002, 0.001, 0.0)
    found = trend_of([0.36 + 0.02 * week + 4 * noise[week] for week in range(8)]).reaches(0.8)
    assert found.expected is not None
    assert found.earliest is not None
    assert found.latest is not None
    assert found.earliest < found.expected < found.latest
    assert found.expected == pytest.approx(15, abs=2)
    flat = trend_of([0.3, 0.31, 0.3, 0.29, 0.3]).reaches(0.8, most_weeks=26)
    assert (flat.earliest, flat.expected, flat.latest) == (None, None, None)


def test_the_rank_test_is_exact() -> None:
    """Against every order of five values."""
    values = (1.0, 2.0, 4.0, 3.0, 5.0)

    def score(order: tuple[float, ...]) -> int:
        return abs(sum((b > a) - (b < a) for i, a in enumerate(order) for b in order[i + 1 :]))

    orders = list(permutations(values))
    as_strict = sum(score(order) >= score(values) for order in orders)
    assert kendall_chance(values) == pytest.approx(as_strict / len(orders))
    assert kendall_chance((1.0, 1.0, 1.0)) == 1.0


def test_students_t_falls_to_the_normal() -> None:
    """At its ends and beyond the table."""
    assert (student_t(1), student_t(30), student_t(31)) == (3.078, 1.310, 1.282)
