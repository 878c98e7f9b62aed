"""Shares and changes in percent."""

from __future__ import annotations

from garnet_cli.report.shares import change_pct, highest, known_sum, pct


def test_share_of_nothing_is_unknown() -> None:
    """Not 0, and no division by it."""
    assert (pct(1, 0), pct(None, 5), pct(1, 4)) == (None, None, 25)


def test_change_keeps_its_direction_below_zero() -> None:
    """Savings that fall from -50 to -75 fell."""
    assert (change_pct(75, 50), change_pct(-75, -50), change_pct(25, -50)) == (50, -50, 150)
    assert (change_pct(1, 0), change_pct(None, 1), change_pct(1, None)) == (None, None, None)


def test_what_is_unknown_is_left_out() -> None:
    """Of nothing known there is no sum and no peak."""
    assert (known_sum([1, None, 2]), known_sum([None])) == (3, None)
    assert (highest([1, None, 2]), highest([])) == (2, None)
