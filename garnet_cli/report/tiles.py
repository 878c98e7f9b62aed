"""A row of figures side by side: a label, a large number, a note."""

from __future__ import annotations

from dataclasses import dataclass

from garnet_cli.report.layout import Whole
from garnet_cli.report.marks import Mark, rule
from garnet_cli.report.palette import RULE
from garnet_cli.report.paragraph import height, set_lines
from garnet_cli.report.style import FIGURE, GUTTER_PT, HEAD, NOTE, STRONG, Style

MEDIUM = Style(size_pt=13, leading_pt=17, weight="light")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """One figure."""

    label: str
    figure: str
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tiles(Whole):
    """Figures in columns of equal width, up to four in a row."""

    tiles: tuple[Tile, ...]
    columns: int = 0
    """0: as many as there are tiles."""
    small: bool = False
    medium: bool = False
    """In smaller figures: of second rank, or with words among them."""

    @property
    def _figure(self) -> Style:
        return STRONG if self.small else MEDIUM if self.medium else FIGURE

    def _rows(self) -> list[tuple[Tile, ...]]:
        count = self.columns or len(self.tiles)
        return [self.tiles[begin : begin + count] for begin in range(0, len(self.tiles), count)]

    def _wide(self, width_pt: float) -> float:
        count = self.columns or len(self.tiles)
        return (width_pt - GUTTER_PT * (count - 1)) / count

    def _row_pt(self, row: tuple[Tile, ...], wide: float) -> float:
        labels = max(height(tile.label, HEAD, wide) for tile in row)
        return (
            6.0
            + labels
            + max(
                height(tile.figure, self._figure, wide)
                + (height(tile.note, NOTE, wide) if tile.note else 0.0)
                for tile in row
            )
        )

    def height(self, width_pt: float) -> float:
        """Return the rows' height, with space between them."""
        wide, rows = self._wide(width_pt), self._rows()
        return sum(self._row_pt(row, wide) for row in rows) + 10.0 * (len(rows) - 1)

    def draw(self, x_pt: float, top_pt: float, width_pt: float) -> list[Mark]:
        """Return the figures, each below a thin line."""
        wide = self._wide(width_pt)
        marks: list[Mark] = []
        for row in self._rows():
            labels = max(height(tile.label, HEAD, wide) for tile in row)
            for place, tile in enumerate(row):
                left, top = x_pt + place * (wide + GUTTER_PT), top_pt + 6.0
                marks.append(rule(left, top_pt, wide, RULE, 0.6))
                marks += set_lines(tile.label, HEAD, left, top, wide)[0]
                figure, used = set_lines(tile.figure, self._figure, left, top + labels, wide)
                marks += figure
                if tile.note:
                    marks += set_lines(tile.note, NOTE, left, top + labels + used, wide)[0]
            top_pt += self._row_pt(row, wide) + 10.0
        return marks
