"""Charts: matplotlib draws, and what it draws becomes marks; their text is the document's own text.

A chart is therefore vectors in the PDF, its labels can be selected and searched, and the preview picture
shows the same. Axes are as quiet as can be: a baseline, few ticks, no frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from garnet_cli.report.marks import Shape, Text
from garnet_cli.report.palette import RULE, SOFT, hexadecimal
from garnet_cli.report.style import CHART
from garnet_cli.report.typeface import FOLDER, MAIN

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@cache
def _fonts() -> None:
    """Tell matplotlib of the document's fonts; it looks their names up, though the renderer knows widths."""
    from matplotlib import font_manager  # noqa: PLC0415 -- takes half a second

    for name in MAIN.values():
        font_manager.fontManager.addfont(FOLDER / f"{name}.ttf")


@contextmanager
def figure(width_pt: float, height_pt: float) -> Iterator[tuple[Figure, list[Text | Shape]]]:
    """Give an empty figure of this size, and a list that holds its marks once the block has ended."""
    import matplotlib as mpl  # noqa: PLC0415 -- takes half a second
    from matplotlib.figure import Figure  # noqa: PLC0415 -- likewise

    from garnet_cli.report.chart_renderer import MarksRenderer  # noqa: PLC0415 -- likewise

    _fonts()
    marks: list[Text | Shape] = []
    settings: Any = {
        "font.family": ["IBM Plex Sans"],
        "font.size": CHART.size_pt,
        "axes.unicode_minus": True,
        "text.color": hexadecimal(SOFT),
        "text.parse_math": False,
        "path.simplify": False,
    }
    with mpl.rc_context(settings):
        made = Figure(figsize=(width_pt / 72, height_pt / 72), dpi=72, frameon=False)
        yield made, marks
        renderer = MarksRenderer(width_pt, height_pt)
        made.draw(renderer)
        marks.extend(renderer.marks)


def axes(made: Figure, left_pt: float, top_pt: float, right_pt: float, bottom_pt: float) -> Axes:
    """Add axes with these margins, without a frame, with a baseline and small quiet tick labels."""
    wide, high = made.get_figwidth() * 72, made.get_figheight() * 72
    plot = made.add_axes(
        (
            left_pt / wide,
            bottom_pt / high,
            (wide - left_pt - right_pt) / wide,
            (high - top_pt - bottom_pt) / high,
        )
    )
    plot.patch.set_visible(False)
    for side in ("top", "left", "right"):
        plot.spines[side].set_visible(False)
    plot.spines["bottom"].set_color(hexadecimal(SOFT))
    plot.spines["bottom"].set_linewidth(0.6)
    plot.tick_params(length=0, labelsize=CHART.size_pt, labelcolor=hexadecimal(SOFT), pad=4)
    return plot


def gridlines(plot: Axes, values: list[float], labels: list[str]) -> None:
    """Draw thin lines at these values with their labels at the left."""
    plot.set_yticks(values, labels)
    for value in values:
        if value:
            plot.axhline(value, color=hexadecimal(RULE), linewidth=0.4, zorder=0)
