"""The report's type sizes, its grid and its paper sizes. Points throughout."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from garnet_cli.report.marks import Weight
from garnet_cli.report.palette import ACCENT, INK, SOFT, Colour

Paper = Literal["a4", "letter"]
PAPERS: dict[Paper, tuple[float, float]] = {"a4": (595.28, 841.89), "letter": (612.0, 792.0)}
"""Width and height."""

MARGIN_PT = 51.0
"""Left and right."""
TOP_PT = 62.0
BOTTOM_PT = 62.0
GUTTER_PT = 18.0
GRID_COLUMNS = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Style:
    """How a piece of text is set."""

    size_pt: float
    leading_pt: float
    """From baseline to baseline."""
    weight: Weight = "regular"
    colour: Colour = INK

    def but(self, *, weight: Weight | None = None, colour: Colour | None = None) -> Style:
        """Return the style with another weight or colour."""
        return replace(self, weight=weight or self.weight, colour=colour or self.colour)


TITLE = Style(size_pt=30, leading_pt=34, weight="light")
LEAD = Style(size_pt=11.5, leading_pt=16.5)
SECTION = Style(size_pt=17, leading_pt=21, weight="light")
SUBSECTION = Style(size_pt=9.5, leading_pt=13, weight="semibold")
BODY = Style(size_pt=9, leading_pt=13)
STRONG = BODY.but(weight="semibold")
FIGURE = Style(size_pt=19, leading_pt=22, weight="light")
"""The large number of a figure."""
CELL = Style(size_pt=8.2, leading_pt=11)
SMALL = Style(size_pt=7.4, leading_pt=10)
HEAD = Style(size_pt=7.2, leading_pt=9.5, weight="semibold", colour=SOFT)
NOTE = Style(size_pt=7.2, leading_pt=10, colour=SOFT)
KICKER = Style(size_pt=8, leading_pt=11, weight="semibold", colour=ACCENT)
FOOT = Style(size_pt=7.2, leading_pt=9, colour=SOFT)
CHART = Style(size_pt=7.2, leading_pt=9, colour=SOFT)

CAP_HEIGHT = 0.698
"""Of IBM Plex Sans, as a share of the size."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """What the customer chooses of the document's look."""

    paper: Paper = "a4"
    logo: bytes | None = None
    """A PNG or JPEG; ``None`` for none."""

    @property
    def width_pt(self) -> float:
        """The paper's width."""
        return PAPERS[self.paper][0]

    @property
    def height_pt(self) -> float:
        """The paper's height."""
        return PAPERS[self.paper][1]

    @property
    def text_width_pt(self) -> float:
        """The width between the margins."""
        return self.width_pt - 2 * MARGIN_PT

    def columns(self, count: int) -> float:
        """Return the width of so many of the grid's twelve columns, gutters between them included."""
        one = (self.text_width_pt - (GRID_COLUMNS - 1) * GUTTER_PT) / GRID_COLUMNS
        return count * one + (count - 1) * GUTTER_PT
