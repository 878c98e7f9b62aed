"""Numbers as tools print them; what is not one is ``None``, never 0."""

from __future__ import annotations

import math
import re

PLAIN = re.compile(r"[-+]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?")
SIZE = re.compile(r"(\d+(?:[.,]\d+)?)\s*([KMGTB]?)B?")
UNITS = {"": 1, "B": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
HOTTEST = 150.0


def number(value: object) -> float | None:
    """Return a finite number of JSON or plist, or of text with a decimal point or comma."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip()
        value = float(text.replace(",", ".")) if PLAIN.fullmatch(text) else None
    if isinstance(value, int | float):
        try:
            found = float(value)
        except OverflowError:
            return None
        return found if math.isfinite(found) else None
    return None


def whole(value: object) -> int | None:
    """Return a whole number of 0 or more."""
    found = number(value)
    if found is None or found < 0 or found != int(found):
        return None
    return int(value) if isinstance(value, int | str) and str(value).strip().isdigit() else int(found)


def celsius(value: object) -> float | None:
    """Return a temperature that a running machine's chip can have; sensors that are not there read 0."""
    found = number(value)
    return found if found is not None and 0.0 < found < HOTTEST else None


def positive(value: object) -> float | None:
    """Return a number above 0: of figures for which 0 means that they could not be read."""
    found = number(value)
    return found if found is not None and found > 0.0 else None


def size_bytes(text: str) -> int | None:
    """Return the bytes of a size such as ``14336.00M`` or ``14336,00M`` (binary units)."""
    found = SIZE.fullmatch(text.strip())
    if found is None:
        return None
    return round(float(found.group(1).replace(",", ".")) * UNITS[found.group(2)])
