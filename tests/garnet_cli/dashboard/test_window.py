"""The window of a dashboard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from garnet_cli.dashboard.window import POINTS, window_until


@given(st.floats(1.7e9, 1.9e9), st.floats(0.02, 24 * 400))
def test_window_holds_now_and_its_length_in_few_whole_steps(now: float, hours: float) -> None:
    """Whatever is asked: aligned, long enough, and never more points than a chart can show."""
    window = window_until(now, hours)
    assert window.begin_unix % window.step_s == window.end_unix % window.step_s == 0
    assert window.end_unix - window.step_s <= now < window.end_unix
    assert window.end_unix - window.begin_unix >= hours * 3600 - 1e-3
    assert 1 <= window.steps <= max(POINTS, hours / 24 + 1)
    assert len(window.times) == window.steps
    assert window.index(now) == window.steps - 1
    assert window.index(window.end_unix) is None
    assert window.index(window.begin_unix - 1) is None


def test_a_day_is_shown_in_five_minutes() -> None:
    """What most people ask for."""
    window = window_until(1_793_707_200 + 17, 24)
    assert (window.step_s, window.steps) == (300, 288)


@pytest.mark.parametrize("hours", [0, -1, float("inf"), float("nan")])
def test_a_window_without_length_is_refused(hours: float) -> None:
    """Nothing to show is a mistake of the caller."""
    with pytest.raises(ValueError, match="longer than 0 hours"):
        window_until(1.7e9, hours)
