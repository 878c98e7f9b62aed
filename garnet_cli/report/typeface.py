"""Which font file draws a character, and how wide text is.

IBM Plex Sans has Latin, Greek and Cyrillic in three weights, with figures of equal width. A character that it
lacks comes from the first of the other files that has it. Widths are the fonts' advances, without kerning:
exactly what is written to the PDF.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from garnet_cli.report.marks import Weight
from garnet_cli.report.scripts import for_display

FOLDER = Path(str(files("garnet_cli.report"))) / "fonts"

MAIN: dict[Weight, str] = {
    "light": "IBMPlexSans-Light",
    "regular": "IBMPlexSans-Regular",
    "semibold": "IBMPlexSans-SemiBold",
}
OTHERS = (
    "IBMPlexSansArabic-Regular",
    "NotoSansHebrew-Regular",
    "NotoSansDevanagari-Regular",
    "NotoSansThai-Regular",
    "DroidSansFallback",
)
NO_GLYPH = "�"
"""Drawn where no font has the character."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Face:
    """One font file."""

    name: str
    advances: dict[int, float]
    """Width of each character that it has, as a share of the size."""

    @property
    def path(self) -> Path:
        """The font file."""
        return FOLDER / f"{self.name}.ttf"


@cache
def face(name: str) -> Face:
    """Read a font file's characters and widths."""
    from fontTools.ttLib import (  # type: ignore[import-untyped]  # noqa: PLC0415 -- only to draw
        TTFont,
    )

    with TTFont(FOLDER / f"{name}.ttf", lazy=True) as font:
        units = font["head"].unitsPerEm
        metrics = font["hmtx"].metrics
        return Face(
            name=name,
            advances={code: metrics[glyph][0] / units for code, glyph in font.getBestCmap().items()},
        )


def _face_of(character: str, weight: Weight) -> Face:
    code = ord(character)
    main = face(MAIN[weight])
    if code in main.advances:
        return main
    for name in OTHERS:
        other = face(name)
        if code in other.advances:
            return other
    return main


_UNSEEN = re.compile(
    r"[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufe00-\ufe0f]"
)


_PRINTED = (
    (re.compile(r"(?<=\d) (?=(?:%|°C|ms|s|min|h|d|kWh|[KMGT]iB)(?:[\s.,;:)]|$))"), "\u202f"),
    (re.compile(r"(?<=\w)'"), "\N{RIGHT SINGLE QUOTATION MARK}"),
    (re.compile(r"(?:(?<=[\s(])|^)\"(?=\S)"), "\N{LEFT DOUBLE QUOTATION MARK}"),
    (re.compile(r"(?<=\S)\""), "\N{RIGHT DOUBLE QUOTATION MARK}"),
)


@cache
def clean(text: str) -> str:
    """Return text as it can be set: composed, on one line, without control characters.

    Typewriter marks become typographic ones, and a unit is held to its number. A command is left as it is to
    be typed.
    """
    line = _UNSEEN.sub("", re.sub(r"\s*[\r\n\t]+\s*", " ", unicodedata.normalize("NFC", text)))
    if line.startswith("garnet "):
        return line
    for typed, printed in _PRINTED:
        line = typed.sub(printed, line)
    return line


def runs(text: str, weight: Weight) -> Iterator[tuple[Face, str]]:
    """Split text into pieces of one font each, in the order in which they are drawn from left to right."""
    current: Face | None = None
    piece = ""
    for character in for_display(text):
        found = _face_of(character, weight)
        drawn = character if ord(character) in found.advances else NO_GLYPH
        # A space or digit goes with what it follows, where that font has it: fewer switches, better spacing.
        if (
            current is not None
            and found is not current
            and not character.strip()
            and ord(character) in current.advances
        ):
            found = current
        if found is not current:
            if current is not None:
                yield current, piece
            current, piece = found, ""
        piece += drawn
    if current is not None:
        yield current, piece


@cache
def _share(text: str, weight: Weight) -> float:
    return sum(part.advances[ord(character)] for part, piece in runs(text, weight) for character in piece)


def width(text: str, weight: Weight, size_pt: float) -> float:
    """Return how wide the text is, in points."""
    return _share(text, weight) * size_pt
