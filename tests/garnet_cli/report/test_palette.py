"""Colours that can be told apart in grey and read on white."""

from __future__ import annotations

from itertools import pairwise

from garnet_cli.report.palette import ACCENT, INK, LADDER, PAPER, SOFT, blend, hexadecimal, lightness


def test_data_colours_differ_in_lightness_alone() -> None:
    """Data colours differ in lightness alone."""
    assert all(after - before >= 9 for before, after in pairwise(map(lightness, LADDER)))


def test_text_can_be_read_on_white() -> None:
    """Text can be read on white."""
    for colour in (INK, SOFT, ACCENT):
        luminance = ((lightness(colour) + 16) / 116) ** 3
        assert 1.05 / (luminance + 0.05) >= 4.5, "WCAG 2 level AA"


def test_a_blend_lies_between_its_colours() -> None:
    """A blend lies between its colours."""
    assert blend(INK, PAPER, 0) == PAPER
    assert blend(INK, PAPER, 1) == INK
    assert hexadecimal((255, 0, 10)) == "#ff000a"
