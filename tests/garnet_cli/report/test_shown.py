"""Numbers as they are printed."""

# ruff: noqa: RUF001 -- true minus signs and dashes are what is tested

from __future__ import annotations

import pytest

from garnet_cli.report.shown import NO_BREAK, THIN, Shown
from garnet_cli.report.words import words

SHOWN = Shown(words=words("en"))


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (SHOWN.short(9_999), "9,999"),
        (SHOWN.short(12_345), "12.3 k"),
        (SHOWN.short(999_499), "999 k"),
        (SHOWN.short(999_600), "1.00 M"),
        (SHOWN.short(4_512_000_000), "4.51 B"),
        (SHOWN.short(-12_345), "−12.3 k"),
        (SHOWN.short(0), "0"),
        (SHOWN.pct(12.34), "12.3 %"),
        (SHOWN.pct(99.996, 2), "99.996 %"),
        (SHOWN.pct(0.004, 1), "0.004 %"),
        (SHOWN.pct(100.0, 2), "100 %"),
        (SHOWN.pct(0.0, 2), "0 %"),
        (SHOWN.change(12.3), "+12 %"),
        (SHOWN.change(-0.04, "points"), "−0.04 pt"),
        (SHOWN.change(0.0), "0.0 %"),
        (SHOWN.usd(1601.22), "$1,601"),
        (SHOWN.usd(-12.4), "−$12.40"),
        (SHOWN.rate(0.1424), "$0.142"),
        (SHOWN.rate(0.00042), "$0.000420"),
        (SHOWN.rate(12.345), "$12.35"),
        (SHOWN.seconds(0.4), "0.4 s"),
        (SHOWN.seconds(96), "96 s"),
        (SHOWN.seconds(482), "8 min 02 s"),
        (SHOWN.seconds(742), "12 min"),
        (SHOWN.seconds(7_500), "2 h 05 min"),
        (SHOWN.seconds(2_678_400), "31 d 00 h"),
        (SHOWN.bytes(22 * 2**30), "22.0 GiB"),
        (SHOWN.bytes(512), "512 B"),
        (SHOWN.target(99.9, "pct"), "99.9 %"),
        (SHOWN.target(5.0, "times"), "5×"),
        (SHOWN.target(100.0, "ms"), "100 ms"),
        (SHOWN.target(120.0, "s"), "2 min"),
        (SHOWN.unit(15_187.0, "ms"), "15.2 s"),
        (SHOWN.span("5×", "15×"), "5–15×"),
        (SHOWN.span("$0.344", "$0.559"), "$0.344–$0.559"),
        (SHOWN.span("45.0\u202f%", "60.0\u202f%"), "45.0–60.0 %"),
        (SHOWN.span("n/a", "60.0\u202f%"), "n/a"),
        (SHOWN.day("2026-10-03"), "3 Oct"),
        (SHOWN.period("2026-09"), "Sep 2026"),
        (SHOWN.period("2026-Q3"), "Q3 2026"),
        (SHOWN.local("2026-10-03 14:05"), "3 Oct, 14:05"),
        (SHOWN.moment(1_793_487_600, "Europe/Berlin"), "31 Oct, 24:00"),
    ],
)
def test_a_figure_is_printed(printed: str, expected: str) -> None:
    """A figure is printed."""
    assert printed.replace(THIN, " ").replace(NO_BREAK, " ") == expected


@pytest.mark.parametrize(
    "way", ["number", "short", "figures", "pct", "change", "usd", "rate", "seconds", "bytes", "count"]
)
def test_what_is_unknown_is_never_zero(way: str) -> None:
    """What is unknown is never zero."""
    assert getattr(SHOWN, way)(None) == "n/a"


def test_a_unit_that_is_not_known_is_left_away() -> None:
    """A unit that is not known is left away."""
    assert SHOWN.unit(12.5, "furlongs") == "12.5"
