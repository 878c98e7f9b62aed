"""What a page is made of, as plain data: lines of text, paths, pictures; in points from the top left corner.

One description is written to the PDF, painted as the preview picture, and checked for overlaps by the tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from garnet_cli.report.palette import INK, Colour

Weight = Literal["light", "regular", "semibold"]
Point = tuple[float, float]
Step = tuple[Literal["move", "line", "curve", "close"], tuple[Point, ...]]
"""One step of a path; ``curve`` is a cubic Bézier's two control points and its end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """One line of text in one weight, in logical order."""

    text: str
    x_pt: float
    """The left end, before rotation."""
    baseline_pt: float
    size_pt: float
    width_pt: float
    weight: Weight = "regular"
    colour: Colour = INK
    angle_degrees: float = 0.0
    """Counter-clockwise around the left end of the baseline."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """A path, filled, stroked or both."""

    steps: tuple[Step, ...]
    fill: Colour | None = None
    stroke: Colour | None = None
    stroke_pt: float = 0.0
    dash_pt: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A PNG or JPEG: the customer's logo."""

    data: bytes
    x_pt: float
    top_pt: float
    width_pt: float
    height_pt: float
    alt: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Illustration:
    """Marks that are one figure to a screen reader."""

    title: str
    alt: str
    marks: tuple[Text | Shape, ...]


Mark = Text | Shape | Picture | Illustration


@dataclass(frozen=True, kw_only=True, slots=True)
class Bookmark:
    """An entry of the document's outline."""

    title: str
    level: int
    top_pt: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One page as it will be seen."""

    width_pt: float
    height_pt: float
    marks: tuple[Mark, ...] = ()
    bookmarks: tuple[Bookmark, ...] = ()


def rectangle(x_pt: float, top_pt: float, width_pt: float, height_pt: float, fill: Colour) -> Shape:
    """Return a filled rectangle."""
    right, bottom = x_pt + width_pt, top_pt + height_pt
    return Shape(
        steps=(
            ("move", ((x_pt, top_pt),)),
            ("line", ((right, top_pt),)),
            ("line", ((right, bottom),)),
            ("line", ((x_pt, bottom),)),
            ("close", ()),
        ),
        fill=fill,
    )


def rule(x_pt: float, y_pt: float, width_pt: float, colour: Colour, stroke_pt: float = 0.5) -> Shape:
    """Return a horizontal line."""
    return Shape(
        steps=(("move", ((x_pt, y_pt),)), ("line", ((x_pt + width_pt, y_pt),))),
        stroke=colour,
        stroke_pt=stroke_pt,
    )
