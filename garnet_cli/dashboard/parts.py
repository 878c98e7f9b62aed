"""Read plain JSON of another release: what is not there, or is of another kind, is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def part(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the object called ``name``; an empty one where there is none."""
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def items(value: Mapping[str, Any], name: str) -> list[Any]:
    """Return the list called ``name``; an empty one where there is none."""
    found = value.get(name)
    return found if isinstance(found, list) else []


def number(value: Mapping[str, Any], name: str) -> float | None:
    """Return the number called ``name``; ``None`` where there is none."""
    found = value.get(name)
    return found if isinstance(found, int | float) and not isinstance(found, bool) else None


def total(parts: Iterable[Mapping[str, Any]], name: str) -> float | None:
    """Return the sum of the numbers called ``name``; ``None`` where none has one."""
    numbers = [found for one in parts if (found := number(one, name)) is not None]
    return sum(numbers) if numbers else None


def highest(parts: Iterable[Mapping[str, Any]], name: str) -> float | None:
    """Return the greatest of the numbers called ``name``; ``None`` where none has one."""
    numbers = [found for one in parts if (found := number(one, name)) is not None]
    return max(numbers) if numbers else None
