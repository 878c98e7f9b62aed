"""Small signs beside a word: a status is told by shape and word, colour only repeats it."""

from __future__ import annotations

from typing import Literal

from garnet_cli.report.marks import Point, Shape, Step
from garnet_cli.report.palette import ACCENT, LADDER, SOFT

Sign = Literal["met", "missed", "unknown", "none", "yes", "no", "seen"]
SIGN_PT = 10.0
"""The width that a sign takes up, with the space behind it."""
_RADIUS_PT = 2.7
_ROUND = 0.5523
"""Where the control points of a quarter circle lie, as a share of the radius."""


def sign(kind: Sign, x_pt: float, baseline_pt: float) -> Shape:
    """Return the sign whose left end is at ``x_pt``, in the middle of small letters' height."""
    centre = (x_pt + _RADIUS_PT, baseline_pt - 2.75)
    if kind in {"met", "yes"}:
        return Shape(steps=circle(centre, _RADIUS_PT), fill=LADDER[1])
    if kind in {"missed", "no"}:
        return Shape(steps=_triangle(centre, _RADIUS_PT + 0.5), fill=ACCENT)
    if kind == "none":
        x, y = centre
        return Shape(steps=(("move", ((x - 2.2, y),)), ("line", ((x + 2.2, y),))), stroke=SOFT, stroke_pt=0.8)
    return Shape(steps=circle(centre, _RADIUS_PT - 0.4), stroke=SOFT, stroke_pt=0.8)


def circle(centre: Point, radius_pt: float) -> tuple[Step, ...]:
    """Return a circle of four cubic curves."""
    x, y = centre
    r, k = radius_pt, radius_pt * _ROUND
    return (
        ("move", ((x + r, y),)),
        ("curve", ((x + r, y + k), (x + k, y + r), (x, y + r))),
        ("curve", ((x - k, y + r), (x - r, y + k), (x - r, y))),
        ("curve", ((x - r, y - k), (x - k, y - r), (x, y - r))),
        ("curve", ((x + k, y - r), (x + r, y - k), (x + r, y))),
        ("close", ()),
    )


def _triangle(centre: Point, radius_pt: float) -> tuple[Step, ...]:
    x, y = centre
    return (
        ("move", ((x, y - radius_pt),)),
        ("line", ((x + 0.95 * radius_pt, y + 0.75 * radius_pt),)),
        ("line", ((x - 0.95 * radius_pt, y + 0.75 * radius_pt),)),
        ("close", ()),
    )
