"""The report's colours: one accent, greys, and a ladder of data colours that differ in lightness.

Lightness falls from step to step (CIE L* about 27, 45, 62, 76, 87), so that the ladder can be told apart in
greyscale and whatever the reader's colour vision; a hue repeats what lightness already says.
"""

from __future__ import annotations

Colour = tuple[int, int, int]
"""Red, green and blue, each 0-255."""

INK: Colour = (27, 31, 36)
"""Text."""
SOFT: Colour = (96, 104, 114)
"""Text of second rank: units, captions, sources. 5.6:1 against white."""
RULE: Colour = (205, 210, 216)
"""Thin lines between rows."""
FIRM: Colour = (27, 31, 36)
"""The line above a table and below its head."""
TINT: Colour = (244, 245, 247)
"""A quiet ground."""
PAPER: Colour = (255, 255, 255)
ACCENT: Colour = (134, 25, 52)
"""Garnet: the title's mark, and what is missed."""
LADDER: tuple[Colour, ...] = ((22, 61, 102), (46, 112, 143), (95, 158, 160), (166, 190, 152), (224, 217, 186))
"""Data, most important first."""
OTHER: Colour = (214, 218, 223)
"""All that is not named, and missing data."""
BAND: Colour = (220, 228, 236)
"""The interval around a forecast."""


def hexadecimal(colour: Colour) -> str:
    """Return ``#rrggbb``."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def lightness(colour: Colour) -> float:
    """Return CIE L*, 0-100, of an sRGB colour (IEC 61966-2-1 and CIE 15)."""

    def linear(channel: int) -> float:
        value = channel / 255
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4  # noqa: PLR2004

    luminance = sum(
        weight * linear(channel) for weight, channel in zip((0.2126, 0.7152, 0.0722), colour, strict=True)
    )
    return 116 * luminance ** (1 / 3) - 16 if luminance > 0.008856 else 903.3 * luminance  # noqa: PLR2004


def blend(colour: Colour, ground: Colour, share: float) -> Colour:
    """Return ``share`` (0-1) of ``colour`` on ``ground``."""
    mixed = [round(a * share + b * (1 - share)) for a, b in zip(colour, ground, strict=True)]
    return (mixed[0], mixed[1], mixed[2])
