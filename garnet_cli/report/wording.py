"""Sentences of the report in a language: templates from a file, numbers as that language has them.

``language/<language>_findings.toml`` holds the sentences that tell findings; headings and labels of the page
are in the file beside it, ``language/<language>.toml``.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from garnet_cli.errors import UsageError

FOLDER = Path(__file__).parent / "language"
SUFFIX = "_findings.toml"
SMALL = 10
LARGE = 100
THOUSAND = 1000
EPSILON = 1e-6
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True)
class Wording:
    """One language's sentences and forms of numbers."""

    language: str
    templates: Mapping[str, Any]
    """As the file has them: tables of templates."""

    def say(self, key: str, **values: object) -> str:
        """Return the sentence ``table.name`` with its values; raises KeyError for one that there is not."""
        found: Any = self.templates
        for part in key.split("."):
            found = found[part]
        return str(found).format(**values)

    def many(self, key: str, count: int, **values: object) -> str:
        """Return the sentence for ``count`` of something; of one that of ``table.name_one``."""
        return self.say(f"{key}_one" if count == 1 else key, count=self.count(count), **values)

    def entries(self, table: str) -> Mapping[str, Any]:
        """Return a table of the file."""
        found: Mapping[str, Any] = self.templates[table]
        return found

    def count(self, value: float) -> str:
        """Return a whole number with its thousands apart."""
        return self._localised(f"{value:,.0f}")

    def number(self, value: float) -> str:
        """Return a number with three digits or all whole ones."""
        digits = 0 if abs(value) >= LARGE else 1 if abs(value) >= SMALL else 2
        text = f"{value:,.{digits}f}"
        return self._localised(text.rstrip("0").rstrip(".") if "." in text else text)

    def tokens(self, value: float) -> str:
        """Return a large count by words, such as ``1.2 billion``."""
        scales: Sequence[str] = self.templates["numbers"]["scales"]
        step = 0
        while step < len(scales) and round(abs(value) / THOUSAND ** (step + 2), 3) >= 1:
            step += 1
        if step == 0:
            return self.count(value)
        return f"{self.number(value / THOUSAND ** (step + 1))} {scales[step - 1]}"

    def pct(self, value: float) -> str:
        """Return a percentage; near 100 with the digits that tell it from 100."""
        if LARGE > value > LARGE - 1:
            # 99.996 is not 100: what is missing is what counts.
            missing = LARGE - value
            digits = min(4, max(1, 1 - math.floor(math.log10(missing))))
            text = f"{math.floor(value * 10**digits + EPSILON) / 10**digits:.{digits}f}".rstrip("0").rstrip(
                "."
            )
        else:
            text = f"{value:,.1f}"
            text = text.removesuffix(".0")
        return f"{self._localised(text)} %"

    def usd(self, value: float) -> str:
        """Return an amount of US dollars: cents below a hundred, whole dollars above."""
        digits = 2 if abs(value) < LARGE else 0
        sign = MINUS if round(value, digits) < 0 else ""
        return f"{sign}${self._localised(f'{abs(value):,.{digits}f}')}"

    def seconds(self, value: float) -> str:
        """Return a duration in the two largest of hours, minutes and seconds."""
        whole = max(0, round(value))
        hours, minutes, seconds = whole // 3600, whole // 60 % 60, whole % 60
        days, hours = (hours // 24, hours % 24) if hours >= 48 else (0, hours)  # noqa: PLR2004 -- two days
        parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
        first = next((place for place, (count, _) in enumerate(parts) if count), len(parts) - 1)
        return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count) or "0 s"

    def names(self, values: Sequence[str], most: int = 4) -> str:
        """Return names as a list, at most ``most`` of them."""
        shown = list(values[:most])
        rest = len(values) - len(shown)
        if rest:
            shown.append(self.say("numbers.more", count=rest))
        if len(shown) < 2:  # noqa: PLR2004 -- nothing to join
            return "".join(shown)
        return self.say("numbers.and_", first=", ".join(shown[:-1]), last=shown[-1])

    def month(self, first: date) -> str:
        """Return a month's name with its year."""
        months: Sequence[str] = self.templates["numbers"]["months"]
        return self.say("numbers.month", month=months[first.month - 1], year=first.year)

    def month_named(self, name: str) -> str:
        """Return the month ``2026-10`` by its name."""
        return self.month(date.fromisoformat(f"{name}-01"))

    def quarter(self, first: date) -> str:
        """Return a quarter with its year."""
        return self.say("numbers.quarter", number=(first.month + 2) // 3, year=first.year)

    def _localised(self, text: str) -> str:
        numbers = self.templates["numbers"]
        table = str.maketrans({",": numbers["thousands"], ".": numbers["decimal"], "-": MINUS})
        return text.translate(table)


def languages() -> list[str]:
    """Return the languages that there are."""
    return sorted(path.name.removesuffix(SUFFIX) for path in FOLDER.glob(f"*{SUFFIX}"))


@cache
def wording(language: str = "en") -> Wording:
    """Return a language's wording. Raises UsageError for one that there is not."""
    path = FOLDER / f"{language}{SUFFIX}"
    if language not in languages():
        raise UsageError(f'no language "{language}"', remedy=f"there are {', '.join(languages())}")
    return Wording(language=language, templates=tomllib.loads(path.read_text(encoding="utf-8")))
