"""How figures are shown, and what is kept of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.results import Table, median, percentile, publish


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that results go to."""
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    return tmp_path / "results"


def test_a_table_aligns_its_columns_and_ends_no_line_in_blanks() -> None:
    """The widest cell or heading decides; the last column is not filled up."""
    table = Table("", ("target", "ms"), [("a", 1), ("a long name", 20)])
    assert table.text().split("\n") == ["target       ms", "a            1", "a long name  20"]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (None, "-"),
        (0.01234, "0.0123"),
        (1.0, "1"),
        (9.994, "9.99"),
        (10.6, "11"),
        (-12.4, "-12"),
        (12345, "12345"),
        (12345.6, "12346"),
        ("text", "text"),
        (0.0, "0"),
    ],
)
def test_a_figure_has_as_many_digits_as_it_is_worth(cell: object, shown: str) -> None:
    """Three digits below ten, whole numbers above, a dash for what was not measured."""
    assert Table("", ("c",), [(cell,)]).text() == f"c\n{shown}"


def test_what_was_measured_is_kept_unrounded_with_how_and_when(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table is for people; the file has every digit, the command, the machine and the notes."""
    monkeypatch.setattr("sys.argv", ["/somewhere/benchmarks/proxy.py", "--rounds", "3"])
    publish("proxy", ("target", "ms"), [("direct", 0.123456)], ["a note"])
    kept = json.loads((folder / "proxy.json").read_text())
    assert kept["rows"] == [{"target": "direct", "ms": 0.123456}]
    assert kept["command"] == "python -m benchmarks.proxy --rounds 3"
    assert kept["notes"] == ["a note"]
    assert "CPUs" in kept["machine"]
    assert "tables" not in kept
    printed = capsys.readouterr().out
    assert "direct  0.123\n" in printed
    assert "a note\n" in printed


def test_further_tables_are_shown_and_kept_by_title(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A benchmark that measures two kinds of things writes one file."""
    publish("swap", ("node",), [("one",)], further=[Table("steps", ("step", "s"), [("flip", 0.5)])])
    kept = json.loads((folder / "swap.json").read_text())
    assert kept["tables"] == {"steps": [{"step": "flip", "s": 0.5}]}
    assert "swap, steps\nstep  s\nflip  0.5\n" in capsys.readouterr().out


def test_a_row_that_does_not_fit_its_columns_is_refused() -> None:
    """A shifted column would be a wrong figure under a right name."""
    with pytest.raises(ValueError, match="zip"):
        Table("", ("a", "b"), [("only one",)]).records()


def test_percentiles_are_values_that_were_measured() -> None:
    """Nearest rank: no value between two measurements is made up."""
    values = [float(value) for value in range(100, 0, -1)]
    assert [percentile(values, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert percentile([7.0], 0.0) == 7
    assert median([3.0, 1.0, 2.0]) == 2
