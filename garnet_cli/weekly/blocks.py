"""The pieces that an artifact is made of, alike for Markdown and for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from garnet_cli.weekly.contents import NextStep

MILLION = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """A paragraph."""

    text: str
    detail: bool = False
    """Left out on a terminal, as of every piece that has it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bullets:
    """A list, each item a line or a sentence."""

    items: tuple[str, ...]
    title: str = ""
    detail: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table; cells are text, or ``None`` for what is unknown."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    title: str = ""
    numbers: frozenset[str] = frozenset()
    """Columns that are aligned to the right where that is possible."""
    left_out_first: tuple[str, ...] = ()
    """Columns that a narrow terminal does without, in this order."""
    detail: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Steps:
    """What to do next."""

    steps: tuple[NextStep, ...]
    detail: bool = False


Block = Text | Bullets | Table | Steps


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A heading and what is below it."""

    title: str
    blocks: Sequence[Block]


def dollars(micros: int) -> str:
    """Return an amount in dollars and cents, the sign before the dollar."""
    sign = "-" if round(micros / 10_000) < 0 else ""
    return f"{sign}${abs(micros) / MILLION:,.2f}"


def price(usd_per_million: float | None) -> str | None:
    """Return a price of a million tokens: cents, more digits for less than ten of them."""
    if usd_per_million is None:
        return None
    return f"${usd_per_million:,.2f}" if usd_per_million >= 0.1 else f"${usd_per_million:.4f}"  # noqa: PLR2004


def millions(tokens: int) -> str:
    """Return a number of tokens, in millions from one on."""
    return f"{tokens / MILLION:,.1f} M" if tokens >= MILLION else f"{tokens:,}"


def change(ratio: float | None) -> str | None:
    """Return by how much something grew: in percent, from double on as a factor."""
    if ratio is None:
        return None
    if ratio >= 2:  # noqa: PLR2004 -- double
        return f"x{ratio:.1f}"
    pct = round((ratio - 1) * 100)
    return f"{pct:+d} %" if pct else "0 %"


def size(size_bytes: int | None) -> str | None:
    """Return bytes in MB or GB; ``None`` where unknown."""
    if size_bytes is None:
        return None
    return f"{size_bytes / 1e9:,.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:,.1f} MB"  # noqa: PLR2004


def count(number: int, word: str, plural: str = "") -> str:
    """Return a number with its noun, ``1 move`` or ``2 moves``."""
    return f"{number:,} {word if number == 1 else plural or word + 's'}"
