"""Divide money so that the parts add up to the whole exactly. Pure.

Whole numbers throughout; what is left over after rounding down goes to the largest remainders (Hamilton's
method), among equal ones to the first, so that equal input is divided equally.
"""

from __future__ import annotations

from collections.abc import Sequence

MICROS_PER_CENT = 10_000
MICROS_PER_USD = 1_000_000
WEIGHT_STEPS = 1 << 52
"""Weights are taken as whole parts of the greatest: as fine as a float is."""


def divide(total: int, weights: Sequence[float]) -> list[int]:
    """Return ``total`` divided as ``weights``, which are at least 0. Raises ValueError if none is above 0."""
    greatest = max(weights, default=0.0)
    if greatest <= 0 or min(weights) < 0:
        raise ValueError("money is divided by weights of which one at least is above 0 and none below")
    whole = [round(weight / greatest * WEIGHT_STEPS) for weight in weights]
    together = sum(whole)
    parts = [total * weight // together for weight in whole]
    remainders = [total * weight % together for weight in whole]
    order = sorted(range(len(parts)), key=lambda index: (-remainders[index], index))
    for index in order[: total - sum(parts)]:
        parts[index] += 1
    return parts


def in_cents(parts: Sequence[int]) -> list[int]:
    """Return micros in whole cents, to be shown: they add up to the sum of ``parts`` in cents.

    Each is within a cent of its part, whatever its sign.
    """
    total = round_half_up(sum(parts), MICROS_PER_CENT)
    cents = [part // MICROS_PER_CENT for part in parts]
    order = sorted(range(len(parts)), key=lambda index: (-(parts[index] % MICROS_PER_CENT), index))
    for index in order[: total - sum(cents)]:
        cents[index] += 1
    return cents


def micros_of(usd: float) -> int:
    """Return US dollars in millionths."""
    return round(usd * MICROS_PER_USD)


def round_half_up(value: int, unit: int) -> int:
    """Return ``value`` in whole ``unit``; a half counts as one."""
    return (2 * value + unit) // (2 * unit)
