"""Charts: within their frame, their text real text, labels apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from garnet_cli.report import chart_costs, chart_forecast
from garnet_cli.report.chart_days import shares, spread, stacked, strip, ticks
from garnet_cli.report.marks import Shape, Text
from garnet_cli.report.palette import ACCENT, Colour
from garnet_cli.report.shown import Shown
from garnet_cli.report.words import words
from tests.garnet_cli.report.made import made

SHOWN = Shown(words=words("en"))
DAYS = [f"2026-10-{day:02d}" for day in range(1, 32)]


def assert_within(marks: list[Text | Shape], width_pt: float, height_pt: float) -> None:
    """Assert within."""
    for mark in marks:
        if isinstance(mark, Text):
            assert mark.x_pt >= -0.5
            assert mark.x_pt + mark.width_pt <= width_pt + 0.5, mark.text
            assert 0 < mark.baseline_pt <= height_pt + 0.5
        else:
            for _, points in mark.steps:
                assert all(-2 <= x <= width_pt + 2 and -2 <= y <= height_pt + 2 for x, y in points)


@given(highest=st.floats(min_value=1e-6, max_value=1e15))
def test_ticks_are_few_round_and_reach_the_highest(highest: float) -> None:
    """Ticks are few round and reach the highest."""
    found = ticks(highest)
    assert found[0] == 0
    assert highest <= found[-1] * (1 + 1e-9)
    assert found[-2] < highest * (1 + 1e-9)
    assert 2 <= len(found) <= 7


@given(st.lists(st.floats(min_value=0, max_value=100), min_size=1, max_size=6).map(sorted))
def test_labels_are_moved_apart_and_stay_in_order(places: list[float]) -> None:
    """Labels are moved apart and stay in order."""
    moved = spread(places, 9.0)
    assert all(after - before >= 9.0 - 1e-6 for before, after in pairwise(moved))
    if all(after - before >= 9.0 for before, after in pairwise(places)):
        assert moved == places


def test_stacked_bars_are_as_high_as_their_figures() -> None:
    """Stacked bars are as high as their figures."""
    layers = (("one", [100.0, 50.0]), ("two", [100.0, 0.0]))
    marks = stacked(DAYS[:2], layers, [100.0, 100.0], SHOWN)(400, 150)
    assert_within(marks, 400, 150)
    heights: dict[Colour, list[float]] = {}
    for mark in marks:
        if isinstance(mark, Shape) and mark.fill:
            ups = [y for _, points in mark.steps for _, y in points]
            heights.setdefault(mark.fill, []).append(max(ups) - min(ups))
    first, second = heights.values()
    assert first[0] > 0
    assert abs(first[0] - 2 * first[1]) < 0.01
    assert abs(second[0] - first[0]) < 0.01
    assert second[1] < 0.01
    assert {"one", "two", "1 Oct"} <= {mark.text for mark in marks if isinstance(mark, Text)}


def test_days_without_data_are_marked() -> None:
    """Days without data are marked."""

    def marked(complete: Sequence[float | None]) -> int:
        marks = stacked(DAYS, (("tokens", [5.0] * 31),), complete, SHOWN)(400, 150)
        return sum(isinstance(mark, Shape) and mark.stroke == ACCENT for mark in marks)

    assert marked([100.0] * 31) == 0
    assert marked([*([100.0] * 28), 50.0, 0.0, None]) == 3


def test_the_highest_share_is_named_and_those_above_the_target_stand_out() -> None:
    """The highest share is named and those above the target stand out."""
    values: list[float | None] = [0.2] * 31
    values[30], values[3] = 2.5, None
    marks = shares(DAYS, values, 1.0, "target", SHOWN)(400, 120)
    assert_within(marks, 400, 120)
    assert "2.5\u202f%" in {mark.text for mark in marks if isinstance(mark, Text)}
    assert sum(isinstance(mark, Shape) and mark.fill == ACCENT for mark in marks) == 1


def test_charts_of_nothing_are_drawn_without_complaint() -> None:
    """Charts of nothing are drawn without complaint."""
    assert_within(shares(DAYS[:1], [0.0], None, "", SHOWN)(400, 120), 400, 120)
    assert_within(stacked(DAYS[:1], (("tokens", [0.0]),), [None], SHOWN)(400, 120), 400, 120)
    assert_within(strip(DAYS[:1], [None], SHOWN)(400, 62), 400, 62)


def test_the_forecast_is_drawn_with_its_ceiling_within_the_frame() -> None:
    """The forecast is drawn with its ceiling within the frame."""
    capacity = made(nodes=1, models=1).capacity
    assert chart_forecast.drawable(capacity)
    marks = chart_forecast.busy_share(capacity, SHOWN)(490, 150)
    assert_within(marks, 490, 150)
    assert {"ceiling", "forecast"} <= {mark.text for mark in marks if isinstance(mark, Text)}
    assert not chart_forecast.drawable(made(nodes=1, models=1, history=False).capacity)


def test_costs_are_drawn_for_models_that_have_a_price() -> None:
    """Costs are drawn for models that have a price."""
    models = chart_costs.drawable(made(models=40).costs.models)
    assert len(models) == chart_costs.MOST_MODELS
    height = chart_costs.height_pt(models)
    marks = chart_costs.ladder(models, SHOWN)(490, height)
    assert_within(marks, 490, height)
    named = {mark.text for mark in marks if isinstance(mark, Text)}
    assert {model.model for model in models} <= named
    assert {"here", "API"} <= named
    assert chart_costs.drawable(made(traffic=False).costs.models) == []
