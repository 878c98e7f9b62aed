"""Text broken into lines that fit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from garnet_cli.report.marks import Text, Weight
from garnet_cli.report.style import Style
from garnet_cli.report.typeface import clean, width

TOLERANCE_PT = 0.01
_BETWEEN = re.compile(r"(?<=[-/_.:@+|,])(?=[^\s\d])|(?<=[-/_@|])(?=\d)")
"""Where a long name may be broken: after a joint, but never inside a number."""
_EACH = re.compile("(?<=[\u2e80-\u9fff\uac00-\ud7a3\uff00-\uffef\u0e00-\u0e7f])")
"""Scripts that are written without spaces may be broken after any character."""
_STICKS = {
    *"、。」』ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ",
    *"\uff0c\uff0e\uff01\uff1f\uff1a\uff1b\uff09\uff3d\uff05",
    *(chr(code) for code in (0xE31, *range(0xE33, 0xE3B), *range(0xE47, 0xE4F))),
}
"""Characters that must not begin a line."""


@cache
def lines(text: str, weight: Weight, size_pt: float, width_pt: float) -> tuple[str, ...]:
    """Break text into lines of at most ``width_pt``; at least one line.

    At spaces first; else at a name's joints; else, where one piece alone is wider than the line, anywhere.
    """
    found: list[str] = []
    current = ""
    for word in clean(text).split(" "):
        trial = f"{current} {word}" if current else word
        if width(trial, weight, size_pt) <= width_pt + TOLERANCE_PT:
            current = trial
            continue
        pieces = _pieces(word)
        fits_alone = width(word, weight, size_pt) <= width_pt + TOLERANCE_PT
        if current and (fits_alone or len(pieces) == 1):
            found.append(current)
            current = ""
            if fits_alone:
                current = word
                continue
        glue = " " if current else ""
        for piece in pieces:
            for part in _parts(piece, weight, size_pt, width_pt):
                if width(current + glue + part, weight, size_pt) <= width_pt + TOLERANCE_PT:
                    current = current + glue + part
                else:
                    if current:
                        found.append(current)
                    current = part
                glue = ""
    found.append(current)
    return tuple(found)


def _pieces(word: str) -> list[str]:
    pieces: list[str] = []
    for joint in _BETWEEN.split(word):
        for piece in _EACH.split(joint):
            if pieces and piece and piece[0] in _STICKS:
                pieces[-1] += piece
            elif piece:
                pieces.append(piece)
    return pieces or [word]


def _parts(piece: str, weight: Weight, size_pt: float, width_pt: float) -> list[str]:
    """Cut one piece that is wider than a line wherever the line ends."""
    parts: list[str] = []
    part = ""
    for character in piece:
        if part and width(part + character, weight, size_pt) > width_pt + TOLERANCE_PT:
            parts.append(part)
            part = ""
        part += character
    return [*parts, part]


def set_lines(
    text: str, style: Style, x_pt: float, top_pt: float, width_pt: float, align: str = "left"
) -> tuple[list[Text], float]:
    """Set text in a column; returns its marks and its height in points."""
    marks: list[Text] = []
    for number, line in enumerate(lines(text, style.weight, style.size_pt, width_pt)):
        marks.extend(set_line(line, style, x_pt, baseline(style, top_pt, number), width_pt, align))
    return marks, height(text, style, width_pt)


def set_line(
    line: str, style: Style, x_pt: float, baseline_pt: float, width_pt: float, align: str = "left"
) -> list[Text]:
    """Set one line that is known to fit; nothing for an empty one."""
    if not line:
        return []
    wide = width(line, style.weight, style.size_pt)
    left = {"left": 0.0, "right": width_pt - wide, "centre": (width_pt - wide) / 2}[align]
    return [
        Text(
            text=line,
            x_pt=x_pt + left,
            baseline_pt=baseline_pt,
            size_pt=style.size_pt,
            width_pt=wide,
            weight=style.weight,
            colour=style.colour,
        )
    ]


def shortened(text: str, style: Style, width_pt: float) -> str:
    """Return text for one line, its middle left out where it is too long: its ends tell it from others.

    Only for a chart whose table has the text whole.
    """
    whole = clean(text)
    short, kept = whole, len(whole)
    while width(short, style.weight, style.size_pt) > width_pt and kept > 2:  # noqa: PLR2004 -- an end each
        kept -= 1
        short = f"{whole[: kept - kept // 2]}…{whole[len(whole) - kept // 2 :]}"
    return short


def told_apart(names: Sequence[str], style: Style, width_pt: float) -> list[str]:
    """Return names for one line each; where one is too long, all keep what differs, with what fits around it.

    Only for a chart whose table has the names whole.
    """
    whole = [clean(name) for name in names]
    if all(width(name, style.weight, style.size_pt) <= width_pt for name in whole):
        return whole
    begin, end = _alike(whole), _alike([name[::-1] for name in whole])
    return [_around(name, begin, len(name) - end, style, width_pt) for name in whole]


def _alike(names: Sequence[str]) -> int:
    """Return how many characters all names begin with alike."""
    first, last = min(names), max(names)
    return next((place for place, pair in enumerate(zip(first, last, strict=False)) if len({*pair}) > 1), 0)


def _around(name: str, begin: int, end: int, style: Style, width_pt: float) -> str:
    """Return the part of a name from ``begin`` to ``end``, and as much on both sides as fits."""

    def cut(first: int, last: int) -> str:
        return f"{'…' if first > 0 else ''}{name[first:last]}{'…' if last < len(name) else ''}"

    if end <= begin or width(cut(begin, end), style.weight, style.size_pt) > width_pt:
        return shortened(name, style, width_pt)
    while begin > 0 or end < len(name):
        wider = [(max(0, begin - 1), end), (begin, min(len(name), end + 1))]
        fitting = [
            place
            for place in wider
            if place != (begin, end) and width(cut(*place), style.weight, style.size_pt) <= width_pt
        ]
        if not fitting:
            break
        # What stands before tells more than what follows: hosts are named from the particular to the general.
        begin, end = fitting[0]
    return cut(begin, end)


def baseline(style: Style, top_pt: float, line: int = 0) -> float:
    """Return where a line's baseline is: the letters sit in the middle of the leading."""
    return top_pt + line * style.leading_pt + (style.leading_pt + 0.72 * style.size_pt) / 2


def height(text: str, style: Style, width_pt: float) -> float:
    """Return how high text is in a column of this width, in points."""
    return len(lines(text, style.weight, style.size_pt, width_pt)) * style.leading_pt
