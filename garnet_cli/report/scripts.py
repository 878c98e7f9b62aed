"""Writing systems that need more than one character after another: direction, and Arabic's joined letters."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

_RIGHT_TO_LEFT = {"R", "AL"}
_CLUSTER_BEFORE_I = re.compile("((?:[\u0915-\u0939]\u093c?\u094d)*[\u0915-\u0939]\u093c?)\u093f")
"""Devanagari's vowel sign I, which stands before the consonants that it is spoken after."""


def for_display(text: str) -> str:
    """Return the characters from left to right as they are drawn.

    Directions by the Unicode bidirectional algorithm (UAX #9); Arabic letters in the form that their
    neighbours ask for (Unicode standard, 9.2), where that form has a character of its own. Devanagari's
    sign I is moved before its consonants; other ligatures are not formed. Text without such letters is
    returned as it is.
    """
    text = _CLUSTER_BEFORE_I.sub("\u093f\\1", text)
    if text.isascii() or not any(
        unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in text
    ):
        return text
    from fpdf.bidi import BidiParagraph  # noqa: PLC0415 -- only where a report is drawn

    return str(BidiParagraph(text=joined(text)).get_reordered_string())


def as_spelled(text: str) -> str:
    """Return what a reader of the PDF takes for the drawn characters: letters, not their forms.

    Right-to-left text stays in the order in which it is drawn, as readers expect it and turn it themselves.
    """
    drawn = for_display(text)
    if not any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in drawn):
        return text
    return "".join(
        unicodedata.normalize("NFKC", character) if "\ufb50" <= character <= "\ufefc" else character
        for character in drawn
    )


@cache
def _forms() -> dict[str, dict[str, str]]:
    """Return each Arabic letter's forms by ``isolated``, ``initial``, ``medial`` and ``final``."""
    forms: dict[str, dict[str, str]] = {}
    for code in (*range(0xFB50, 0xFBFF), *range(0xFE80, 0xFEF5)):
        kind, _, letters = unicodedata.decomposition(chr(code)).partition(" ")
        if kind.strip("<>") in {"isolated", "initial", "medial", "final"} and " " not in letters:
            forms.setdefault(chr(int(letters, 16)), {}).setdefault(kind.strip("<>"), chr(code))
    return forms


def joined(text: str) -> str:
    """Return Arabic letters as presentation forms, by whether their neighbours join them."""
    forms = _forms()
    shown: list[str] = []
    for place, letter in enumerate(text):
        own = forms.get(letter)
        if own is None:
            shown.append(letter)
            continue
        before = _neighbour(text, place, -1)
        after = _neighbour(text, place, 1)
        after_joins = "final" in forms.get(after, {}) and "initial" in own
        before_joins = "initial" in forms.get(before, {}) and "final" in own
        form = {
            (True, True): "medial",
            (True, False): "final",
            (False, True): "initial",
            (False, False): "isolated",
        }[before_joins, after_joins]
        shown.append(own.get(form) or own.get("isolated") or letter)
    return "".join(shown)


def _neighbour(text: str, place: int, step: int) -> str:
    """Return the next letter in one direction, marks above and below skipped; empty at the end."""
    place += step
    while 0 <= place < len(text):
        if unicodedata.category(text[place]) != "Mn":
            return text[place]
        place += step
    return ""
