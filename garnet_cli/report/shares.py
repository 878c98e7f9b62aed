"""Shares and changes in percent, ``None`` where there is nothing to divide by."""

from __future__ import annotations

from collections.abc import Iterable


def pct(part: float | None, whole: float | None) -> float | None:
    """Return ``part`` of ``whole`` in percent."""
    return None if part is None or not whole else 100.0 * part / whole


def change_pct(now: float | None, before: float | None) -> float | None:
    """Return by how many percent a figure grew; of one that was below 0, above 0 is a rise, too."""
    return None if now is None or not before else 100.0 * (now - before) / abs(before)


def known_sum(values: Iterable[float | None]) -> float | None:
    """Return the sum of what is known; ``None`` where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def highest(values: Iterable[float | None]) -> float | None:
    """Return the greatest of what is known."""
    return max((value for value in values if value is not None), default=None)
