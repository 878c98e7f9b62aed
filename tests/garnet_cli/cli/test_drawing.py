"""Tables on terminals of all widths."""

from __future__ import annotations

import io
import re

import pytest

from garnet_cli.cli.drawing import column_widths, draw, fitting, width
from garnet_cli.cli.status import COLUMNS, LEFT_OUT_FIRST

SOURCE = "Llama-3.2-3B-Instruct-4bit@7f0dc925"
ROWS = [
    (
        "mini-1",
        "llama-3.2-3b",
        "active",
        "loader-12",
        "ready",
        "3",
        "0",
        "12345",
        "0",
        "2561",
        "12.34",
        SOURCE,
    ),
    ("mini-2", "llama-3.2-3b", "previous", "loader-9", "suspect", "1", "0", "99", "0", "-", "-", SOURCE),
    ("mini-3", "-", "-", "-", "unreachable", *("-",) * 7),
]


def drawn(columns: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the lines of the status table on a terminal of so many columns."""
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = io.StringIO()
    draw(stream, COLUMNS, ROWS, "", LEFT_OUT_FIRST, colour=False)
    return stream.getvalue().splitlines()


@pytest.mark.parametrize("columns", [70, 80, 100, 120, 140, 200])
def test_no_word_of_the_status_table_is_broken_on_any_terminal(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each cell is there whole, or its column is named as left out."""
    lines = drawn(columns, monkeypatch)
    assert max(map(width, lines)) <= columns
    text = "\n".join(lines)
    shown, _, left_out = text.partition("too narrow for:")
    missing = [name for name in COLUMNS if re.search(rf"\b{name}\b", " ".join(left_out.split()))]
    assert missing == [name for name in COLUMNS if name in missing and name in LEFT_OUT_FIRST]
    words = set(re.split(r"[\s│┃]+", shown))
    for row in ROWS:
        for name, cell in zip(COLUMNS, row, strict=True):
            assert name in missing or cell in words, (name, cell)


def test_a_wide_terminal_shows_all_with_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """As before."""
    lines = drawn(200, monkeypatch)
    assert lines[0].startswith("┏")
    assert SOURCE in "\n".join(lines)


def test_columns_are_left_out_in_their_order_and_only_as_needed() -> None:
    """Until the words of the others fit."""
    rows = [("aaaa", "bbbb", "cccc")]
    assert fitting(("a", "b", "c"), rows, ("c", "b"), 12, 0) == [0, 1, 2]
    assert fitting(("a", "b", "c"), rows, ("c", "b"), 11, 0) == [0, 1]
    assert fitting(("a", "b", "c"), rows, ("c", "b"), 7, 0) == [0]
    assert fitting(("a", "b", "c"), rows, ("c",), 1, 0) == [0, 1]


def test_words_come_before_lines_and_a_word_that_cannot_fit_is_cut() -> None:
    """The wide column gives way, not all of them a little."""
    assert column_widths(("a",), [("two words",)], 20) == [9]
    assert column_widths(("a", "b"), [("two words", "x" * 8)], 15) == [7, 8]
    assert column_widths(("a", "b"), [("abc", "x" * 30)], 20) == [3, 17]
