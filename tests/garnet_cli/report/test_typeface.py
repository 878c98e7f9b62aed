"""Fonts: figures of equal width, every script from some file, widths as they are drawn."""

from __future__ import annotations

import pytest

from garnet_cli.report.marks import Weight
from garnet_cli.report.typeface import FOLDER, MAIN, OTHERS, clean, runs, width


@pytest.mark.parametrize("weight", MAIN)
def test_figures_are_equally_wide(weight: Weight) -> None:
    """Figures are equally wide."""
    assert len({width(figure, weight, 10) for figure in "0123456789"}) == 1
    assert width("\N{MINUS SIGN}", weight, 10) == width("0", weight, 10)


@pytest.mark.parametrize(
    ("text", "font"),
    [
        ("Ж", "IBMPlexSans-Regular"),
        ("Ω", "IBMPlexSans-Regular"),
        ("ế", "IBMPlexSans-Regular"),
        ("漢", "DroidSansFallback"),
        ("ひ", "DroidSansFallback"),
        ("한", "DroidSansFallback"),
        ("ع", "IBMPlexSansArabic-Regular"),
        ("ע", "NotoSansHebrew-Regular"),
        ("ह", "NotoSansDevanagari-Regular"),
        ("ไ", "NotoSansThai-Regular"),
    ],
)
def test_each_script_has_its_font(text: str, font: str) -> None:
    """Each script has its font."""
    assert next(face.name for face, _ in runs(text, "regular")) == font


def test_a_character_that_no_font_has_is_seen_to_be_missing() -> None:
    """A character that no font has is seen to be missing."""
    assert [piece for _, piece in runs("a\N{LLAMA}b", "regular")] == ["a\N{REPLACEMENT CHARACTER}b"]


def test_text_in_two_scripts_is_as_wide_as_its_parts() -> None:
    """Text in two scripts is as wide as its parts."""
    assert width("通义-32b", "regular", 8) == pytest.approx(
        width("通义", "regular", 8) + width("-32b", "regular", 8)
    )


def test_hebrew_is_drawn_from_right_to_left_and_numbers_within_it_are_not() -> None:
    """Hebrew is drawn from right to left and numbers within it are not."""
    assert "".join(piece for _, piece in runs("שלום 42", "regular")) == "42 םולש"


def test_arabic_letters_are_joined_to_their_neighbours() -> None:
    """Arabic letters are joined to their neighbours."""
    drawn = "".join(piece for _, piece in runs("بيت", "regular"))
    assert [f"{ord(letter):x}" for letter in drawn] == ["fe96", "fef4", "fe91"]


def test_devanagaris_sign_i_is_drawn_before_its_consonants() -> None:
    """Devanagaris sign i is drawn before its consonants."""
    assert "".join(piece for _, piece in runs("हिन्दी", "regular")).startswith("\N{DEVANAGARI VOWEL SIGN I}")


def test_text_is_cleaned_of_what_cannot_be_set() -> None:
    """Text is cleaned of what cannot be set."""
    assert clean("two\nlines\tand \u202ea trick\u0000") == "two lines and a trick"
    assert clean('the nodes\' "best" day') == (
        "the nodes\N{RIGHT SINGLE QUOTATION MARK} "
        "\N{LEFT DOUBLE QUOTATION MARK}best\N{RIGHT DOUBLE QUOTATION MARK} day"
    )
    assert clean("garnet swap 'a' 5 s") == "garnet swap 'a' 5 s", "a command is typed as it stands"
    assert clean("the node's 12 % in 5 ms, 3 nodes") == (
        "the node\N{RIGHT SINGLE QUOTATION MARK}s 12\u202f% in 5\u202fms, 3 nodes"
    )


def test_every_font_lies_here_with_its_licence() -> None:
    """Every font lies here with its licence."""
    for name in (*MAIN.values(), *OTHERS):
        assert (FOLDER / f"{name}.ttf").is_file()
        assert name.split("-")[0] in (FOLDER / "README.md").read_text()
    assert "SIL OPEN FONT LICENSE" in (FOLDER / "OFL.txt").read_text()
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 12 * 2**20
