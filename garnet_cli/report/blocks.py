"""The plain blocks: headings, paragraphs, numbered points, columns side by side, illustrations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from garnet_cli.report.layout import Block, Whole
from garnet_cli.report.marks import Bookmark, Illustration, Mark, Shape, Text, rectangle, rule
from garnet_cli.report.palette import ACCENT, RULE
from garnet_cli.report.paragraph import baseline, height, lines, set_line, set_lines
from garnet_cli.report.style import BODY, GUTTER_PT, NOTE, SECTION, STRONG, SUBSECTION, Style

NUMBER_PT = 18.0
"""The column of a point's number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Section(Whole):
    """A section's heading, with a thin line above it."""

    title: str
    level: int = 0
    room_pt: float = 0.0
    """Height that must be free below it: a section does not begin at a page's foot."""

    def height(self, width_pt: float) -> float:
        """Return the heading's height."""
        return 12.0 + height(self.title, SECTION, width_pt) + 4.0

    def draw(self, x_pt: float, top_pt: float, width_pt: float) -> list[Mark]:
        """Return the line and the title."""
        marks, _ = set_lines(self.title, SECTION, x_pt, top_pt + 12.0, width_pt)
        return [rectangle(x_pt, top_pt, 28.0, 2.0, ACCENT), *marks]

    def bookmarks(self, top_pt: float) -> list[Bookmark]:
        """Return the section."""
        return [Bookmark(title=self.title, level=self.level, top_pt=top_pt)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Subsection(Whole):
    """A heading within a section."""

    title: str
    aside: str = ""
    """A remark in grey behind it, such as a unit."""

    def height(self, width_pt: float) -> float:
        """Return the heading's height, with the space below it."""
        below = height(self.aside, NOTE, width_pt) if self.aside else 0.0
        return height(self.title, SUBSECTION, width_pt) + below + 4.0

    def draw(self, x_pt: float, top_pt: float, width_pt: float) -> list[Mark]:
        """Return the title and the remark below it."""
        marks, used = set_lines(self.title, SUBSECTION, x_pt, top_pt, width_pt)
        below, _ = set_lines(self.aside, NOTE, x_pt, top_pt + used, width_pt)
        return [*marks, *below]

    def bookmarks(self, top_pt: float) -> list[Bookmark]:
        """Return the heading, below its section."""
        return [Bookmark(title=self.title, level=1, top_pt=top_pt)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Paragraph:
    """Running text."""

    text: str
    style: Style = BODY
    before_pt: float = 0.0
    keep_with_next: bool = False
    measure_pt: float = 430.0
    """The longest line: longer ones are hard to read."""

    def _lines(self, width_pt: float) -> tuple[str, ...]:
        return lines(self.text, self.style.weight, self.style.size_pt, min(width_pt, self.measure_pt))

    def height(self, width_pt: float) -> float:
        """Return the height of its lines."""
        return len(self._lines(width_pt)) * self.style.leading_pt

    def least(self, width_pt: float) -> float:
        """Return the height of two lines, or of all where there are three or fewer."""
        count = len(self._lines(width_pt))
        return (count if count <= 3 else 2) * self.style.leading_pt  # noqa: PLR2004 -- two may stand alone

    def split(self, width_pt: float, room_pt: float) -> tuple[Block, Block | None]:
        """Split between lines, two at least on each side."""
        set_already = self._lines(width_pt)
        count = min(int(room_pt / self.style.leading_pt + 0.01), len(set_already) - 2)
        count = max(count, 1)
        head, tail = " ".join(set_already[:count]), " ".join(set_already[count:])
        return replace(self, text=head, keep_with_next=False), replace(self, text=tail) if tail else None

    def draw(self, x_pt: float, top_pt: float, width_pt: float) -> list[Mark]:
        """Return its lines."""
        return list(set_lines(self.text, self.style, x_pt, top_pt, min(width_pt, self.measure_pt))[0])

    def bookmarks(self, top_pt: float) -> list[Bookmark]:  # noqa: ARG002 -- of the protocol
        """Return none."""
        return []


@dataclass(frozen=True, kw_only=True, slots=True)
class Point(Whole):
    """A numbered point: what, why, and at the right what it is worth."""

    number: str
    text: str
    why: str
    aside: str = ""
    """Set at the right, such as money."""
    command: str = ""
    aside_pt: float = 112.0

    def _main_pt(self, width_pt: float) -> float:
        return width_pt - NUMBER_PT - (self.aside_pt + GUTTER_PT)

    def height(self, width_pt: float) -> float:
        """Return the height of the higher of both columns, with the line above it."""
        main = self._main_pt(width_pt)
        left = height(self.text, STRONG, main) + (height(self.why, BODY, main) if self.why else 0.0)
        left += 2.0 + height(self.command, NOTE, main) if self.command else 0.0
        right = height(self.aside, STRONG, self.aside_pt) if self.aside else 0.0
        return 6.0 + max(left, right) + 3.0

    def draw(self, x_pt: float, top_pt: float, width_pt: float) -> list[Mark]:
        """Return the line, the number and the columns."""
        main, top, left = self._main_pt(width_pt), top_pt + 6.0, x_pt + NUMBER_PT
        marks: list[Mark] = [rule(x_pt, top_pt, width_pt, RULE)]
        marks += set_line(self.number, STRONG.but(colour=ACCENT), x_pt, baseline(STRONG, top), NUMBER_PT)
        text, used = set_lines(self.text, STRONG, left, top, main)
        marks += text
        if self.why:
            why, more = set_lines(self.why, BODY, left, top + used, main)
            marks += why
            used += more
        if self.command:
            marks += set_lines(self.command, NOTE, left, top + used + 2.0, main)[0]
        if self.aside:
            marks += set_lines(self.aside, STRONG, left + main + GUTTER_PT, top, self.aside_pt, "right")[0]
        return marks


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing(Whole):
    """A chart, drawn for the width that it gets."""

    title: str
    alt: str
    height_pt: float
    paint: Callable[[float, float], Sequence[Text | Shape]]
    """Takes width and height in points; returns marks from the top left corner (0, 0)."""

    def height(self, width_pt: float) -> float:  # noqa: ARG002 -- of the protocol
        """Return its fixed height."""
        return self.height_pt

    def draw(self, x_pt: float, top_pt: float, width_pt: float) -> list[Mark]:
        """Return the chart as one illustration."""
        marks = self.paint(width_pt, self.height_pt)
        return [
            Illustration(
                title=self.title, alt=self.alt, marks=tuple(moved(mark, x_pt, top_pt) for mark in marks)
            )
        ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns(Whole):
    """Columns of blocks side by side, each as wide as its share."""

    columns: tuple[tuple[Block, ...], ...]
    shares: tuple[float, ...]

    def _widths(self, width_pt: float) -> list[float]:
        free = width_pt - GUTTER_PT * (len(self.columns) - 1)
        return [free * share / sum(self.shares) for share in self.shares]

    def height(self, width_pt: float) -> float:
        """Return the height of the highest column."""
        return max(
            sum(
                block.height(wide) + (block.before_pt if place else 0.0) for place, block in enumerate(column)
            )
            for column, wide in zip(self.columns, self._widths(width_pt), strict=True)
        )

    def draw(self, x_pt: float, top_pt: float, width_pt: float) -> list[Mark]:
        """Return the columns' marks."""
        marks: list[Mark] = []
        for column, wide in zip(self.columns, self._widths(width_pt), strict=True):
            top = top_pt
            for place, block in enumerate(column):
                top += block.before_pt if place else 0.0
                marks += block.draw(x_pt, top, wide)
                top += block.height(wide)
            x_pt += wide + GUTTER_PT
        return marks


def moved(mark: Text | Shape, right_pt: float, down_pt: float) -> Text | Shape:
    """Return the mark at another place."""
    if isinstance(mark, Text):
        return replace(mark, x_pt=mark.x_pt + right_pt, baseline_pt=mark.baseline_pt + down_pt)
    return replace(
        mark,
        steps=tuple(
            (kind, tuple((x + right_pt, y + down_pt) for x, y in points)) for kind, points in mark.steps
        ),
    )
