"""A backend for matplotlib that writes marks. Imported only where a chart is drawn: matplotlib is heavy."""

from __future__ import annotations

from typing import Any

from matplotlib.backend_bases import RendererBase
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from garnet_cli.report.marks import Point, Shape, Step, Text, Weight
from garnet_cli.report.palette import Colour
from garnet_cli.report.typeface import clean, width

WEIGHTS: dict[str, Weight] = {"light": "light", "300": "light", "semibold": "semibold", "600": "semibold"}
_KINDS = {Path.MOVETO: "move", Path.LINETO: "line", Path.CURVE4: "curve"}


class MarksRenderer(RendererBase):
    """Collects what a figure draws at 72 dots an inch: one dot is one point."""

    def __init__(self, width_pt: float, height_pt: float) -> None:
        """Begin without marks."""
        super().__init__()
        self.width_pt, self.height_pt = width_pt, height_pt
        self.marks: list[Text | Shape] = []

    def get_canvas_width_height(self) -> tuple[float, float]:
        """Return the figure's size."""
        return self.width_pt, self.height_pt

    def points_to_pixels(self, points: Any) -> Any:
        """Return the same: a pixel is a point."""
        return points

    def draw_path(self, gc: Any, path: Any, transform: Any, rgbFace: Any = None) -> None:  # noqa: N803 -- matplotlib's name
        """Add a path; matplotlib counts from below, marks from above."""
        steps = _steps(path, transform + Affine2D().scale(1, -1).translate(0, self.height_pt))
        stroked = gc.get_linewidth() > 0 and gc.get_rgb()[3] > 0
        fill = None if rgbFace is None or tuple(rgbFace[3:]) == (0,) else _colour(rgbFace)
        _, dashes = gc.get_dashes()
        if steps and (fill or stroked):
            self.marks.append(
                Shape(
                    steps=steps,
                    fill=fill,
                    stroke=_colour(gc.get_rgb()) if stroked else None,
                    stroke_pt=float(gc.get_linewidth()) if stroked else 0.0,
                    dash_pt=tuple(float(dash) for dash in dashes or ()),
                )
            )

    def draw_text(
        self, gc: Any, x: float, y: float, s: str, prop: Any, angle: float, *_: Any, **__: Any
    ) -> None:
        """Add a line of text."""
        text, weight, size = clean(s), _weight(prop), float(prop.get_size_in_points())
        self.marks.append(
            Text(
                text=text,
                x_pt=float(x),
                baseline_pt=float(y),
                size_pt=size,
                width_pt=width(text, weight, size),
                weight=weight,
                colour=_colour(gc.get_rgb()),
                angle_degrees=float(angle),
            )
        )

    def get_text_width_height_descent(self, s: str, prop: Any, ismath: Any) -> tuple[float, float, float]:  # noqa: ARG002 -- matplotlib's
        """Return width, height and descent of a line of text."""
        size = float(prop.get_size_in_points())
        return width(clean(s), _weight(prop), size), size * 0.92, size * 0.22


def _steps(path: Any, transform: Any) -> tuple[Step, ...]:
    steps: list[Step] = []
    here: Point = (0.0, 0.0)
    for flat, code in path.iter_segments(transform, simplify=False, curves=True):
        numbers = [round(float(value), 3) for value in flat]
        points: tuple[Point, ...] = tuple(zip(numbers[::2], numbers[1::2], strict=True))
        if code == Path.CLOSEPOLY:
            steps.append(("close", ()))
            continue
        if code == Path.CURVE3:
            steps.append(("curve", _cubic(here, points)))
        elif code in _KINDS:
            steps.append((_KINDS[code], points))  # type: ignore[arg-type]
        here = points[-1]
    return tuple(steps)


def _cubic(here: Point, points: tuple[Point, ...]) -> tuple[Point, ...]:
    """Return the cubic curve equal to a quadratic one."""
    (x0, y0), (x1, y1), (x2, y2) = here, points[0], points[1]
    first = (x0 + 2 / 3 * (x1 - x0), y0 + 2 / 3 * (y1 - y0))
    second = (x2 + 2 / 3 * (x1 - x2), y2 + 2 / 3 * (y1 - y2))
    return first, second, (x2, y2)


def _weight(prop: Any) -> Weight:
    return WEIGHTS.get(str(prop.get_weight()), "regular")


def _colour(rgb: Any) -> Colour:
    red, green, blue = (round(float(channel) * 255) for channel in rgb[:3])
    return red, green, blue
