"""Lines: none too long, no letter lost, names broken at their joints."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from garnet_cli.report.paragraph import TOLERANCE_PT, lines, shortened, told_apart
from garnet_cli.report.style import CELL, CHART
from garnet_cli.report.typeface import clean, width

TEXTS = st.text(alphabet=st.sampled_from("ab WM-/_.:1,漢字한ไทย é…  "), max_size=60)


@given(text=TEXTS, width_pt=st.floats(min_value=12, max_value=300))
def test_no_line_is_wider_than_its_column_and_no_letter_is_lost(text: str, width_pt: float) -> None:
    """No line is wider than its column and no letter is lost."""
    broken = lines(text, "regular", 8, width_pt)
    assert all(width(line, "regular", 8) <= width_pt + 2 * TOLERANCE_PT for line in broken)
    assert "".join(broken).replace(" ", "") == clean(text).replace(" ", "")


def test_text_is_broken_at_spaces_before_it_is_broken_in_names() -> None:
    """Text is broken at spaces before it is broken in names."""
    assert lines("see llama-3.3-70b", "regular", 8, 64) == ("see", "llama-3.3-70b")


def test_a_long_name_is_broken_after_a_joint_and_never_in_a_number() -> None:
    """A long name is broken after a joint and never in a number."""
    assert lines("mistral-small-3.2-24b", "regular", 8, 60) == ("mistral-small-", "3.2-24b")
    assert lines("0123.4567", "regular", 8, 30) == ("0123.4", "567"), "only where nothing else fits"


def test_a_line_does_not_begin_with_a_closing_mark() -> None:
    """A line does not begin with a closing mark."""
    assert all(not line.startswith("。") for line in lines("漢字漢字。" * 5, "regular", 8, 33))


def test_a_shortened_name_keeps_both_ends() -> None:
    """A shortened name keeps both ends."""
    assert shortened("short", CELL, 100) == "short"
    short = shortened("deepseek-r1-distill-qwen-32b", CELL, 70)
    assert short.startswith("deep")
    assert short.endswith("32b")
    assert width(short, "regular", CELL.size_pt) <= 70


def test_long_names_are_shortened_to_what_tells_them_apart() -> None:
    """Long names are shortened to what tells them apart."""
    names = [f"rack-in-the-cellar-row-{row:02d}.internal.example.com" for row in range(12)]
    short = told_apart(names, CHART, 60)
    assert len(set(short)) == 12
    assert all(f"{row:02d}" in name for row, name in enumerate(short))
    assert all(width(name, "regular", CHART.size_pt) <= 60 for name in short)


def test_names_that_fit_are_left_alone() -> None:
    """Names that fit are left alone."""
    assert told_apart(["mini-01", "mini-02"], CHART, 90) == ["mini-01", "mini-02"]
    assert told_apart([], CHART, 90) == []
