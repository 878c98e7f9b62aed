"""Tables on a terminal: with lines where they fit, without, and with fewer columns, where they do not."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from typing import TextIO

LINES_AND_SPACE = 3
"""Columns of a terminal that each of a table's takes beside its words, where lines are drawn."""
SPACE = 2
"""Likewise where none are."""


def width(text: str) -> int:
    """Return the columns that ``text`` takes on a terminal."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def fitting(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    left_out_first: Sequence[str],
    available: int,
    around: int,
) -> list[int]:
    """Return the indices of the columns to draw so that no word of theirs has to be broken.

    ``around`` is what each column takes beside its words. Where leaving out all that may be left out is
    not enough, the rest is returned.
    """
    needed = _longest_words(columns, rows)
    shown = list(range(len(columns)))
    for name in left_out_first:
        if sum(needed[index] + around for index in shown) <= available:
            break
        if name in columns:
            shown.remove(list(columns).index(name))
    return shown


def column_widths(columns: Sequence[str], rows: Sequence[Sequence[str]], available: int) -> list[int]:
    """Return how wide each column is drawn, ``available`` together at most.

    Each gets its longest word first, then those that want little more before those that want much. Where
    the words alone are too wide, the widest column is cut.
    """
    widths = _longest_words(columns, rows)
    natural = [max(map(width, column)) for column in zip(columns, *rows, strict=True)]
    for index in sorted(range(len(widths)), key=lambda index: natural[index] - widths[index]):
        left = available - sum(widths)
        widths[index] += max(0, min(natural[index] - widths[index], left))
    while sum(widths) > available and max(widths) > 1:
        widths[widths.index(max(widths))] -= 1
    return widths


def draw(
    stream: TextIO,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    title: str,
    left_out_first: Sequence[str],
    *,
    colour: bool,
) -> None:
    """Write a table to the terminal ``stream``."""
    from rich import box  # noqa: PLC0415 -- 40 ms that only terminals pay
    from rich.console import Console  # noqa: PLC0415 -- likewise
    from rich.table import Table  # noqa: PLC0415 -- likewise
    from rich.text import Text  # noqa: PLC0415 -- likewise

    console = Console(file=stream, no_color=not colour, highlight=False)
    lines = sum(one + LINES_AND_SPACE for one in _longest_words(columns, rows)) + 1 <= console.width
    around = LINES_AND_SPACE if lines else SPACE
    available = console.width - (1 if lines else 0)
    shown = fitting(columns, rows, left_out_first, available, around)
    widths = column_widths(
        [columns[index] for index in shown],
        [[row[index] for index in shown] for row in rows],
        available - around * len(shown),
    )
    table = Table(
        title=title or None,
        title_justify="left",
        header_style="bold",
        box=box.HEAVY_HEAD if lines else box.SIMPLE_HEAD,
        padding=(0, 1) if lines else (0, SPACE - 1, 0, 0),
        show_edge=lines,
    )
    for index, one in zip(shown, widths, strict=True):
        table.add_column(columns[index], width=one, overflow="fold")
    for row in rows:
        table.add_row(*(Text(row[index]) for index in shown))
    console.print(table)
    left_out = _names_without(columns, shown)
    if left_out:
        console.print(Text(f"the terminal is too narrow for: {', '.join(left_out)}"))


def _longest_words(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    words = (" ".join(column).split() for column in zip(columns, *rows, strict=True))
    return [max(map(width, each), default=0) for each in words]


def _names_without(columns: Sequence[str], shown: Collection[int]) -> list[str]:
    return [name for index, name in enumerate(columns) if index not in shown]
