"""The packed throttle percentage, to the sample."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node_scripts.monitor.throttle import (
    ThermalStep,
    ThrottleSums,
    add_step,
    packed_throttle_pct,
    step_s,
    steps_of,
    sums_of_minutes,
    sums_of_steps,
)
from node_scripts.records import ThermalMinute

Series = list[tuple[float, int | None, bool | None]]


def _series(levels: Sequence[int | None], *, packed: bool | None = True) -> Series:
    return [(5.0 * (number + 1), level, packed) for number, level in enumerate(levels)]


def test_a_series_crosses_five_percent_at_the_fourth_throttled_sample_and_not_before() -> None:
    """Of sixty packed samples three throttled ones are 5 % exactly, the fourth makes it more."""
    series = _series([0] * 80 + [1] * 10)
    crossed = [
        len(series[:count]) - 80
        for count in range(1, len(series) + 1)
        if (packed_throttle_pct(steps_of(series[:count])) or 0.0) > 5.0
    ]
    assert crossed[0] == 4
    assert packed_throttle_pct(steps_of(series[:83])) == pytest.approx(5.0)
    assert packed_throttle_pct(steps_of(series[:84])) == pytest.approx(100 * 4 / 60)


def test_a_series_falls_to_five_percent_when_the_throttled_samples_leave_the_window() -> None:
    """The last of four throttled samples is the sixtieth before the one at which none is left."""
    series = _series([0] * 60 + [1] * 4 + [0] * 70)
    above = [
        count
        for count in range(1, len(series) + 1)
        if (packed_throttle_pct(steps_of(series[:count])) or 0.0) > 5.0
    ]
    assert above[0] == 64
    assert above[-1] == 60 + 60


def test_only_packed_time_counts() -> None:
    """A chip that is warm while it has nothing to do is no harm."""
    steps = steps_of(_series([2] * 40, packed=False) + [(205.0 + 5 * n, 0, True) for n in range(20)])
    assert packed_throttle_pct(steps) == 0.0


@pytest.mark.parametrize(("read", "expected"), [(47, None), (48, 0.0), (60, 0.0)])
def test_it_is_unknown_below_eighty_percent_of_valid_samples(read: int, expected: float | None) -> None:
    """48 of 60 samples are 80 %; unknown levels are no zeros."""
    levels: list[int | None] = [None] * (60 - read) + [0] * read
    assert packed_throttle_pct(steps_of(_series(levels))) == expected


@pytest.mark.parametrize(("packed", "expected"), [(11, None), (12, 100.0)])
def test_it_is_unknown_below_sixty_packed_seconds(packed: int, expected: float | None) -> None:
    """Twelve packed samples of five seconds are enough."""
    idle = _series([3] * (60 - packed), packed=False)
    busy: Series = [(idle[-1][0] + 5.0 * (n + 1), 1, True) for n in range(packed)]
    assert packed_throttle_pct(steps_of(idle + busy)) == expected


def test_unknown_packed_is_not_packed() -> None:
    """A proxy that does not answer makes the figure unknown, not 0."""
    assert packed_throttle_pct(steps_of(_series([1] * 60, packed=None))) is None


@pytest.mark.parametrize("level", [-1, 5, 33, None])
def test_levels_that_are_none_are_not_valid(level: int | None) -> None:
    """Only 0 to 4 are macOS's."""
    assert sums_of_steps([ThermalStep(5.0, 5.0, level, packed=True)]) == ThrottleSums()


@pytest.mark.parametrize(("gap_s", "expected"), [(5.0, 5.0), (9.0, 9.0), (3600.0, 10.0), (-1.0, 0.0)])
def test_a_sample_stands_for_at_most_two_intervals(gap_s: float, expected: float) -> None:
    """Time that nobody looked at is not counted."""
    assert step_s(gap_s, 5.0) == expected


def test_a_gap_of_minutes_makes_the_figure_unknown() -> None:
    """A node that slept for four minutes has not been cool for four minutes."""
    series = _series([0] * 60)
    series.append((series[-1][0] + 240.0, 0, True))
    assert packed_throttle_pct(steps_of(series)) is None


def test_a_step_across_the_begin_of_the_window_is_cut_there() -> None:
    """Windows of a begin that is no sample's time hold exactly their own seconds."""
    steps = [ThermalStep(10.0 * n, 10.0, 1 if n == 1 else 0, packed=True) for n in range(1, 32)]
    assert packed_throttle_pct(steps, end_s=306.0) == pytest.approx(100 * 4 / 294)


def test_no_samples_are_unknown() -> None:
    """Nothing is not 0 %."""
    assert packed_throttle_pct([]) is None
    assert sums_of_minutes([]).packed_throttle_pct(300.0) is None


@given(
    st.lists(
        st.tuples(st.sampled_from([None, 0, 1, 2, 3, 4]), st.sampled_from([None, False, True])),
        min_size=60,
        max_size=60,
    )
)
def test_minutes_add_up_to_the_percentage_of_their_samples(
    found: list[tuple[int | None, bool | None]],
) -> None:
    """Five telemetry minutes give what their sixty samples give, and heavy is a part of throttled."""
    steps = steps_of([(5.0 * (n + 1), level, packed) for n, (level, packed) in enumerate(found)])
    minutes = [ThermalMinute() for _ in range(5)]
    for number, step in enumerate(steps):
        add_step(minutes[number // 12], step)
    sums = sums_of_minutes(minutes)
    assert sums.packed_throttle_pct(300.0) == pytest.approx(packed_throttle_pct(steps))
    assert sum(sum(minute.level_s) for minute in minutes) == pytest.approx(sums.observed_s)
    assert sums.packed_heavy_s <= sums.packed_throttled_s <= sums.packed_s <= sums.observed_s
