"""The map of models (rows) on nodes (columns), drawn in marks: cells, darker the busier."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from garnet_cli.report.marks import Shape, Text, rectangle
from garnet_cli.report.palette import ACCENT, INK, LADDER, PAPER, RULE, SOFT, TINT, Colour, blend
from garnet_cli.report.paragraph import baseline, lines, set_line, told_apart
from garnet_cli.report.sections import Placed
from garnet_cli.report.shown import Shown
from garnet_cli.report.style import CELL, CHART
from garnet_cli.report.typeface import clean, width

NAMES_PT = 150.0
ROW_PT = 14.0
LINE_PT = 9.0
WIDEST_PT = 46.0
NARROWEST_PT = 10.0
FIGURES_FROM_PT = 19.0
"""Columns at least so wide have the busy share in figures."""
HEAD_MOST_PT = 92.0
MOST_ROWS = 36
DARK_FROM = 0.62
"""Share of the darkest colour from which figures are white."""


def parts(names: Sequence[str], most: int) -> list[tuple[str, ...]]:
    """Cut a list into parts of nearly equal length, none longer than ``most``."""
    count = max(1, -(-len(names) // most))
    size, longer = divmod(len(names), count)
    found, begin = [], 0
    for place in range(count):
        end = begin + size + (1 if place < longer else 0)
        found.append(tuple(names[begin:end]))
        begin = end
    return found


def most_nodes(width_pt: float) -> int:
    """Return how many columns one map can have."""
    return int((width_pt - NAMES_PT) / NARROWEST_PT)


def height_pt(models: Sequence[str], nodes: Sequence[str], width_pt: float) -> float:
    """Return the map's height."""
    return _head_pt(nodes, width_pt) + sum(_row_pt(model) for model in models) + 2.0


def _column_pt(nodes: Sequence[str], width_pt: float) -> float:
    return min(WIDEST_PT, (width_pt - NAMES_PT) / max(1, len(nodes)))


def _upright(nodes: Sequence[str], width_pt: float) -> bool:
    return any(width(clean(n), "regular", CHART.size_pt) > _column_pt(nodes, width_pt) - 4 for n in nodes)


def _head_pt(nodes: Sequence[str], width_pt: float) -> float:
    if not _upright(nodes, width_pt):
        return CHART.leading_pt + 4.0
    longest = max(width(clean(node), "regular", CHART.size_pt) for node in nodes)
    return min(HEAD_MOST_PT, longest) + 8.0


def _row_pt(model: str) -> float:
    count = len(lines(model, "regular", CELL.size_pt, NAMES_PT - 10))
    return max(ROW_PT, count * LINE_PT + 5.0)


def placement(
    models: Sequence[str], nodes: Sequence[str], placed: Sequence[Placed], shown: Shown
) -> Callable[[float, float], list[Text | Shape]]:
    """Return the painter of one map."""
    at = {(pair.model, pair.node): pair for pair in placed}

    def paint(width_pt: float, height_pt: float) -> list[Text | Shape]:  # noqa: ARG001 -- a painter takes both
        column, top = _column_pt(nodes, width_pt), _head_pt(nodes, width_pt)
        marks: list[Text | Shape] = _heads(nodes, width_pt, column, top)
        for model in models:
            high = _row_pt(model)
            broken = lines(model, "regular", CELL.size_pt, NAMES_PT - 10)
            first = top + (high - LINE_PT * len(broken)) / 2
            for number, line in enumerate(broken):
                text_at = first + LINE_PT * number + (LINE_PT + 0.72 * CELL.size_pt) / 2
                marks += set_line(line, CELL, 0, text_at, NAMES_PT - 10)
            for place, node in enumerate(nodes):
                marks += _cell(at.get((model, node)), NAMES_PT + place * column, top, column, high, shown)
            top += high
        return marks

    return paint


def _heads(nodes: Sequence[str], width_pt: float, column_pt: float, head_pt: float) -> list[Text | Shape]:
    marks: list[Text | Shape] = []
    short = told_apart(nodes, CHART, HEAD_MOST_PT)
    for place, node in enumerate(nodes):
        left = NAMES_PT + place * column_pt
        if not _upright(nodes, width_pt):
            marks += set_line(clean(node), CHART, left, baseline(CHART, 0), column_pt - 2, "centre")
            continue
        name = short[place]
        marks.append(
            Text(
                text=name,
                x_pt=left + column_pt / 2 - 1 + 0.36 * CHART.size_pt,
                baseline_pt=head_pt - 4.0,
                size_pt=CHART.size_pt,
                width_pt=width(name, "regular", CHART.size_pt),
                colour=SOFT,
                angle_degrees=90,
            )
        )
    return marks


def _cell(
    pair: Placed | None, x_pt: float, top_pt: float, column_pt: float, row_pt: float, shown: Shown
) -> list[Text | Shape]:
    wide, high = column_pt - 2.0, row_pt - 2.0
    if pair is None or not (pair.wanted or pair.seen):
        return [rectangle(x_pt, top_pt + 1, wide, high, TINT)]
    if not pair.seen:
        return [rectangle(x_pt, top_pt + 1, wide, high, PAPER), _outline(x_pt, top_pt + 1, wide, high, SOFT)]
    share = (pair.busy_pct or 0.0) / 100
    strength = 0.18 + 0.82 * min(1.0, share) ** 0.7
    marks: list[Text | Shape] = [rectangle(x_pt, top_pt + 1, wide, high, blend(LADDER[0], PAPER, strength))]
    if not pair.wanted:
        marks.append(_outline(x_pt, top_pt + 1, wide, high, ACCENT))
    if column_pt >= FIGURES_FROM_PT and pair.busy_pct is not None:
        colour = PAPER if strength > DARK_FROM else INK
        middle = top_pt + row_pt / 2 + 0.36 * CHART.size_pt - 0.4
        figure = shown.number(pair.busy_pct, 0 if pair.busy_pct >= 1 or pair.busy_pct == 0 else 1)
        marks += set_line(figure, CHART.but(colour=colour), x_pt, middle, wide, "centre")
    return marks


def _outline(x_pt: float, top_pt: float, width_pt: float, height_pt: float, colour: Colour) -> Shape:
    half = 0.5
    box = rectangle(x_pt + half, top_pt + half, width_pt - 2 * half, height_pt - 2 * half, RULE)
    return Shape(steps=box.steps, stroke=colour, stroke_pt=1.0)
