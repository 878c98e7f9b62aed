"""Tables: figures whole, names broken, heads repeated, rows never lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from garnet_cli.report.layout import faults, flow
from garnet_cli.report.marks import Page, Text
from garnet_cli.report.style import Form
from garnet_cli.report.table import Cell, Column, Table

TABLE = Table(
    columns=(
        Column(title="Name", align="left", flexible=1.0),
        Column(title="Many tokens"),
        Column(title="Share"),
    ),
    rows=tuple(
        (Cell(text=f"name-{row}"), Cell(text=f"{row * 1001:,}"), Cell(text="12 %")) for row in range(120)
    ),
)


def lines_of(page: Page) -> list[str]:
    """Lines of."""
    return [mark.text for mark in page.marks if isinstance(mark, Text)]


def test_a_long_table_goes_on_with_its_head_and_every_row_once() -> None:
    """A long table goes on with its head and every row once."""
    drawn = flow([TABLE], Form())
    assert len(drawn) > 2
    assert faults(drawn) == []
    assert all("Share" in lines_of(page)[:4] for page in drawn)
    names = [line for page in drawn for line in lines_of(page) if line.startswith("name-")]
    assert names == [f"name-{row}" for row in range(120)]


def test_both_parts_have_the_same_columns() -> None:
    """Both parts have the same columns."""
    first, second = (
        {mark.x_pt for mark in page.marks if isinstance(mark, Text) and mark.text == "Share"}
        for page in flow([TABLE], Form())[:2]
    )
    assert first == second


@pytest.mark.parametrize("rows", range(1, 60))
def test_no_page_has_fewer_than_three_rows_of_a_table_that_has_them(rows: int) -> None:
    """No page has fewer than three rows of a table that has them."""
    drawn = flow([replace(TABLE, rows=TABLE.rows[:rows])], Form())
    counts = [sum(line.startswith("name-") for line in lines_of(page)) for page in drawn]
    assert sum(counts) == rows
    assert min(counts) >= min(3, rows)


def test_figures_end_at_the_same_place() -> None:
    """Figures end at the same place."""
    ends = {
        round(mark.x_pt + mark.width_pt, 3)
        for mark in flow([TABLE], Form())[0].marks
        if isinstance(mark, Text) and "," in mark.text
    }
    assert len(ends) == 1


def test_a_sum_is_set_off_at_the_end_and_only_there() -> None:
    """A sum is set off at the end and only there."""
    drawn = flow([replace(TABLE, total=True)], Form())
    heavy = [
        mark.text
        for page in drawn
        for mark in page.marks
        if isinstance(mark, Text) and mark.weight == "semibold" and mark.text.startswith("name-")
    ]
    assert heavy == ["name-119"]


def test_a_long_name_takes_more_lines_and_its_figures_none() -> None:
    """A long name takes more lines and its figures none."""
    row = (Cell(text="a-rather-long-name-" * 9), Cell(text="1,234,567,890"), Cell(text="12 %"))
    drawn = flow([replace(TABLE, rows=(row, *TABLE.rows[:2]))], Form())
    assert faults(drawn) == []
    assert "1,234,567,890" in lines_of(drawn[0])
    assert sum(line.startswith("a-rather") or "long-name" in line for line in lines_of(drawn[0])) > 1
