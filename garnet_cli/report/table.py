"""Tables: columns as wide as their figures need, names broken into lines, the head repeated on each page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from garnet_cli.report.layout import Block
from garnet_cli.report.marks import Bookmark, Mark, rectangle, rule
from garnet_cli.report.palette import FIRM, OTHER, RULE, Colour
from garnet_cli.report.paragraph import baseline, height, lines, set_lines
from garnet_cli.report.signs import SIGN_PT, Sign, sign
from garnet_cli.report.style import CELL, HEAD, Style
from garnet_cli.report.typeface import clean, width

BETWEEN_PT = 12.0
"""Between columns."""
PAD_PT = 3.2
"""Above and below a row's text."""
ROWS_TOGETHER = 3
"""At least so many rows at a table's begin or end stay on one page."""
BAR_PT = 5.0
NAMES_SHARE = 0.24
"""Of the width, at least for the one column of names."""
MOST_MORE_PT = 44.0
"""What a column of figures may get beyond its need."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """What stands in one cell."""

    text: str = ""
    note: str = ""
    """A second, smaller text below."""
    sign: Sign | None = None
    """Set before the text."""
    bar: float | None = None
    """A bar of this share (0-1) of the column; text stands beside it."""
    style: Style | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column."""

    title: str
    align: Literal["left", "right"] = "right"
    flexible: float = 0.0
    """Share of the width that figures leave; 0: as wide as its widest cell, never broken."""
    style: Style = CELL
    bar_colour: Colour = OTHER
    note_style: Style = field(default=HEAD.but(weight="regular"))


Row = tuple[Cell, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Rows below a head."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    total: bool = False
    """The last row is a sum: set off by a firm line, in semibold."""
    before_pt: float = 0.0
    keep_with_next: bool = False
    pad_pt: float = PAD_PT
    between_pt: float = BETWEEN_PT
    widths_pt: tuple[float, ...] | None = None
    """Once split, both parts keep the widths of the whole."""

    def _widths(self, width_pt: float) -> tuple[float, ...]:
        if self.widths_pt is not None:
            return self.widths_pt
        natural = [self._natural(place, column) for place, column in enumerate(self.columns)]
        fixed = [0.0 if c.flexible else wide for c, wide in zip(self.columns, natural, strict=True)]
        free = width_pt - sum(fixed) - self.between_pt * (len(self.columns) - 1)
        shares = sum(column.flexible for column in self.columns)
        widths = [
            free * column.flexible / shares if column.flexible else wide
            for column, wide in zip(self.columns, fixed, strict=True)
        ]
        return self._evened(widths, natural, width_pt)

    def _evened(self, widths: list[float], natural: Sequence[float], width_pt: float) -> tuple[float, ...]:
        """Give what a single column of names does not need to the figures: the eye has less far to go."""
        names = [place for place, column in enumerate(self.columns) if column.flexible]
        figures = [place for place, column in enumerate(self.columns) if not column.flexible]
        if len(names) != 1 or not figures:
            return tuple(widths)
        spare = widths[names[0]] - max(natural[names[0]] + self.between_pt, NAMES_SHARE * width_pt)
        more = min(MOST_MORE_PT, max(0.0, spare) / len(figures))
        widths[names[0]] -= more * len(figures)
        for place in figures:
            widths[place] += more
        return tuple(widths)

    def _natural(self, place: int, column: Column) -> float:
        """Return the width of the widest cell; a head of several words may take two lines."""
        widest = _two_lines(column.title)
        for row in self.rows:
            cell = row[place]
            style = self._style(column, cell, row is self.rows[-1])
            beside = SIGN_PT if cell.sign else 0.0
            widest = max(widest, width(clean(cell.text), style.weight, style.size_pt) + beside)
            note = column.note_style
            widest = max(widest, width(clean(cell.note), note.weight, note.size_pt) + beside)
        return widest + 0.1

    def _style(self, column: Column, cell: Cell, last: bool) -> Style:  # noqa: FBT001 -- private
        style = cell.style or column.style
        return style.but(weight="semibold") if self.total and last else style

    def _head_pt(self, widths: Sequence[float]) -> float:
        if not any(column.title for column in self.columns):
            return 0.0
        return max(height(c.title, HEAD, w) for c, w in zip(self.columns, widths, strict=True)) + 4.0

    def _first_baseline(self, row: Row) -> float:
        """Return where the row's first baseline is, below its padding: text of all sizes stands on it."""
        last = row is self.rows[-1]
        return max(
            baseline(self._style(column, cell, last), 0.0)
            for column, cell in zip(self.columns, row, strict=True)
        )

    def _row_pt(self, row: Row, widths: Sequence[float]) -> float:
        last = row is self.rows[-1]
        shared, tallest = self._first_baseline(row), 0.0
        for column, cell, wide in zip(self.columns, row, widths, strict=True):
            style = self._style(column, cell, last)
            room = wide - (SIGN_PT if cell.sign else 0.0)
            own = shared - baseline(style, 0.0)
            own += height(cell.text, style, room) if cell.text else 0.0
            own += height(cell.note, column.note_style, room) if cell.note else 0.0
            tallest = max(tallest, own)
        return tallest + 2 * self.pad_pt

    def height(self, width_pt: float) -> float:
        """Return the height of head and rows."""
        widths = self._widths(width_pt)
        return self._head_pt(widths) + sum(self._row_pt(row, widths) for row in self.rows) + 1.0

    def least(self, width_pt: float) -> float:
        """Return the height of the head and the first rows."""
        widths = self._widths(width_pt)
        together = self.rows if len(self.rows) <= 2 * ROWS_TOGETHER else self.rows[:ROWS_TOGETHER]
        return self._head_pt(widths) + sum(self._row_pt(row, widths) for row in together) + 1.0

    def split(self, width_pt: float, room_pt: float) -> tuple[Block, Block | None]:
        """Split between rows, a few at least on each side; within a row only if it is higher than a page."""
        widths = self._widths(width_pt)
        used, count = self._head_pt(widths) + 1.0, 0
        for row in self.rows:
            used += self._row_pt(row, widths)
            if used > room_pt:
                break
            count += 1
        if count == 0:
            first, rest = self._cut(self.rows[0], widths, room_pt - self._head_pt(widths) - 1.0)
            rows: tuple[Row, ...] = (first,)
            left: tuple[Row, ...] = (rest, *self.rows[1:])
        else:
            count = max(min(count, len(self.rows) - ROWS_TOGETHER), min(count, ROWS_TOGETHER))
            rows, left = self.rows[:count], self.rows[count:]
        return (
            replace(self, rows=rows, total=False, widths_pt=widths, keep_with_next=False),
            replace(self, rows=left, widths_pt=widths) if left else None,
        )

    def _cut(self, row: Row, widths: Sequence[float], room_pt: float) -> tuple[Row, Row]:
        first: list[Cell] = []
        rest: list[Cell] = []
        for column, cell, wide in zip(self.columns, row, widths, strict=True):
            style = self._style(column, cell, last=False)
            room = wide - (SIGN_PT if cell.sign else 0.0)
            broken = lines(cell.text, style.weight, style.size_pt, room)
            count = max(1, int((room_pt - 2 * self.pad_pt) / style.leading_pt))
            if len(broken) <= count and not cell.note:
                first.append(cell)
                rest.append(Cell())
            else:
                first.append(replace(cell, text=" ".join(broken[:count]), note=""))
                rest.append(replace(cell, text=" ".join(broken[count:]), sign=None, bar=None))
        return tuple(first), tuple(rest)

    def draw(self, x_pt: float, top_pt: float, width_pt: float) -> list[Mark]:
        """Return the lines and the cells."""
        widths = self._widths(width_pt)
        head = self._head_pt(widths)
        marks: list[Mark] = []
        left = x_pt
        for column, wide in zip(self.columns, widths, strict=True):
            above = head - 4.0 - height(column.title, HEAD, wide) if head else 0.0
            marks += set_lines(column.title, HEAD, left, top_pt + above, wide, column.align)[0]
            left += wide + self.between_pt
        top = top_pt + head
        marks.append(rule(x_pt, top, width_pt, FIRM, 0.8))
        for place, row in enumerate(self.rows):
            if place:
                firm = self.total and place == len(self.rows) - 1
                marks.append(rule(x_pt, top, width_pt, FIRM if firm else RULE, 0.8 if firm else 0.4))
            marks += self._draw_row(row, widths, x_pt, top)
            top += self._row_pt(row, widths)
        marks.append(rule(x_pt, top, width_pt, RULE, 0.4))
        return marks

    def _draw_row(self, row: Row, widths: Sequence[float], x_pt: float, top_pt: float) -> list[Mark]:
        marks: list[Mark] = []
        last = row is self.rows[-1]
        shared = top_pt + self.pad_pt + self._first_baseline(row)
        for column, cell, wide in zip(self.columns, row, widths, strict=True):
            style = self._style(column, cell, last)
            top = shared - baseline(style, 0.0)
            room, left = wide, x_pt
            if cell.sign:
                left += SIGN_PT
                room -= SIGN_PT
                beside = width(clean(cell.text), style.weight, style.size_pt)
                at = x_pt if column.align == "left" else x_pt + wide - beside - SIGN_PT
                marks.append(sign(cell.sign, at, shared))
            if cell.bar:
                bar_top = shared - BAR_PT
                marks.append(rectangle(left, bar_top, max(0.5, room * cell.bar), BAR_PT, column.bar_colour))
            if cell.text:
                text, used = set_lines(cell.text, style, left, top, room, column.align)
                marks += text
                top += used
            if cell.note:
                marks += set_lines(cell.note, column.note_style, left, top, room, column.align)[0]
            x_pt += wide + self.between_pt
        return marks

    def bookmarks(self, top_pt: float) -> list[Bookmark]:  # noqa: ARG002 -- of the protocol
        """Return none."""
        return []


def _two_lines(title: str) -> float:
    """Return the least width at which a head takes no more than two lines."""
    words = clean(title).split(" ")
    splits = [(" ".join(words[:count]), " ".join(words[count:])) for count in range(1, len(words) + 1)]
    return min(max(width(part, HEAD.weight, HEAD.size_pt) for part in split) for split in splits)
