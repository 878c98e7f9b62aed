"""A model's size class, from the number of parameters that its name or its source tells."""

from __future__ import annotations

import re
from collections.abc import Iterable

PARAMETERS = re.compile(r"(?<![a-z0-9.])(?:(\d{1,3})x)?(\d{1,4}(?:\.\d+)?)([bm])(?![a-z0-9])", re.IGNORECASE)
"""``70b``, ``1.5B``, ``8x7b``, ``135M``; not ``A3B``, the active parameters of a mixture of experts."""

UNDER = "under 7B"
MIDDLE = "7-34B"
OVER = "over 34B"
CLASSES = (UNDER, MIDDLE, OVER)
LEAST_MIDDLE = 7.0
MOST_MIDDLE = 34.0


def parameters_billion(name: str) -> float | None:
    """Return how many billion parameters a name tells; the greatest where it tells several."""
    found = [
        float(times or 1) * float(number) / (1 if unit in "bB" else 1000)
        for times, number, unit in PARAMETERS.findall(name)
    ]
    return max(found, default=None)


def size_class(names: Iterable[str]) -> str:
    """Return the class that the first of ``names`` tells which tells any; empty where none does."""
    told = (parameters_billion(name) for name in names)
    size = next((one for one in told if one is not None), None)
    if size is None:
        return ""
    if size < LEAST_MIDDLE:
        return UNDER
    return MIDDLE if size <= MOST_MIDDLE else OVER
