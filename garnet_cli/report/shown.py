"""Numbers as they are printed: few figures, true minus signs, units held to numbers, ``n/a`` for unknown.

Every function takes ``None`` for unknown. Figures shown are rounded from the JSON's, never computed anew.
"""

# ruff: noqa: PLR2004 -- from which size on a figure is shown how is what this file says

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from garnet_cli.report.words import Words

MINUS = "\N{MINUS SIGN}"
THIN = "\u202f"
"""Narrow no-break space, between a number and its unit."""
ROUNDS_UP = 0.9995
"""From this share of a power on, three figures show the power itself."""
NO_BREAK = "\u00a0"
_POWERS = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"), (1e3, "thousand"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """Number formats in one language."""

    words: Words

    @property
    def unknown(self) -> str:
        """What stands for a figure that is not known."""
        return self.words("numbers.unknown")

    def number(self, value: float | None, decimals: int = 0) -> str:
        """Return ``12,345.6``."""
        if value is None:
            return self.unknown
        text = f"{abs(value):,.{decimals}f}"
        text = text.replace(",", "\0").replace(".", self.words("numbers.decimal"))
        text = text.replace("\0", self.words("numbers.group"))
        return f"{MINUS}{text}" if value < 0 and any(digit in text for digit in "123456789") else text

    def count(self, value: float | None) -> str:
        """Return a whole number."""
        return self.number(value)

    def short(self, value: float | None) -> str:
        """Return a large number in three figures: ``1.24 M``."""
        if value is None:
            return self.unknown
        if abs(value) < 10_000:
            return self.number(value)
        for power, name in _POWERS:
            if abs(value) >= power * ROUNDS_UP:
                return f"{self.figures(value / power)}{THIN}{self.words(f'numbers.{name}')}"
        return self.number(value)

    def figures(self, value: float | None, significant: int = 3) -> str:
        """Return a number in so many significant figures, but never fewer than its whole part."""
        if value is None:
            return self.unknown
        if value == 0:
            return "0"
        rounded = abs(float(f"{value:.{significant}g}"))
        magnitude = len(str(int(rounded))) if rounded >= 1 else -_zeros(rounded)
        return self.number(value, max(0, significant - magnitude))

    def pct(self, value: float | None, decimals: int = 1) -> str:
        """Return ``12.3 %``; nearly all is never rounded up to all, nor nearly nothing to nothing."""
        if value is None:
            return self.unknown
        while 0 < value < 100 and round(value, decimals) in {0.0, 100.0} and decimals < 4:
            decimals += 1
        if value in {0.0, 100.0}:
            decimals = 0
        return f"{self.number(value, decimals)}{THIN}%"

    def change(self, value: float | None, unit: str = "pct") -> str:
        """Return a change with its sign: ``+12 %``, ``+0.3 pt``."""
        if value is None:
            return self.unknown
        decimals = (
            2 if unit == "points" and abs(value) < 1 else 1 if abs(value) < 10 or unit == "points" else 0
        )
        text = self.number(value, decimals)
        plus = "+" if value > 0 and any(digit in text for digit in "123456789") else ""
        word = "%" if unit == "pct" else self.words("numbers.points")
        return f"{plus}{text}{THIN}{word}"

    def usd(self, value: float | None) -> str:
        """Return money: ``$12,345``; cents below a hundred dollars."""
        if value is None:
            return self.unknown
        small = abs(value) < 100
        text = self.number(abs(value), 2 if small else 0)
        return f"{MINUS if value < 0 else ''}${text}"

    def rate(self, value: float | None) -> str:
        """Return dollars for a million tokens: ``$0.142``, so that decimals stand below each other."""
        if value is None:
            return self.unknown
        size = abs(value)
        text = (
            self.figures(size)
            if 0 < size < 0.01
            else self.number(size, 0 if size >= 1000 else 2 if size >= 10 else 3)
        )
        return f"{MINUS if value < 0 else ''}${text}"

    def seconds(self, value: float | None) -> str:
        """Return a length of time in its two largest units: ``2 h 05 min``."""
        if value is None:
            return self.unknown
        whole = round(value)
        if value < 10 and whole != value:
            return f"{self.number(value, 1)}{THIN}s"
        if whole < 120:
            return f"{whole}{THIN}s"
        minutes, rest = divmod(whole, 60)
        if minutes < 60:
            return f"{minutes}{THIN}min" + (f" {rest:02d}{THIN}s" if rest and minutes < 10 else "")
        hours, minutes = divmod(round(whole / 60), 60)
        if hours < 48:
            return f"{hours}{THIN}h {minutes:02d}{THIN}min"
        days, hours = divmod(round(whole / 3600), 24)
        return f"{days}{THIN}d {hours:02d}{THIN}h"

    def bytes(self, value: float | None) -> str:
        """Return bytes in powers of 1024."""
        if value is None:
            return self.unknown
        for power, unit in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")):
            if value >= 1024**power * ROUNDS_UP:
                return f"{self.figures(value / 1024**power)}{THIN}{unit}"
        return f"{value:.0f}{THIN}B"

    def unit(self, value: float | None, unit: str) -> str:
        """Return a figure in the unit that the report names."""
        if value is None:
            return self.unknown
        return self._in_unit(value, unit)

    def _in_unit(self, value: float, unit: str) -> str:  # noqa: PLR0911 -- one a unit
        match unit:
            case "tokens" | "requests" | "count":
                return self.short(value)
            case "usd":
                return self.usd(value)
            case "usd_per_million_tokens":
                return self.rate(value) + self.words("numbers.per_million")
            case "times":
                return f"{self.figures(value, 2)}{self.words('numbers.times')}"
            case "pct":
                return self.pct(value, 2 if value > 99 or value < 1 else 1)
            case "ms":
                return f"{self.number(value)}{THIN}ms" if abs(value) < 10_000 else self._long(value)
            case "s":
                return self.seconds(value)
            case "celsius":
                return f"{self.number(value, 1)}{THIN}°C"
            case "kwh":
                return f"{self.figures(value)}{THIN}kWh"
            case _:
                return self.figures(value)

    def _long(self, value_ms: float) -> str:
        return f"{self.number(value_ms / 1000, 1)}{THIN}s"

    def target(self, value: float | None, unit: str) -> str:
        """Return a figure that was chosen, not measured: without zeros behind the point."""
        return self.trimmed(self.unit(value, unit))

    def trimmed(self, text: str) -> str:
        """Return a figure without the zeros that end its decimals."""
        point = re.escape(self.words("numbers.decimal"))
        return re.sub(rf"{point}0+(?!\d)|({point}\d*?[1-9])0+(?!\d)", r"\1", text)

    def span(self, low: str, high: str) -> str:
        """Return ``45 to 60 %``, with a dash: a range, its unit once; unknown if an end is."""
        if self.unknown in {low, high}:
            return self.unknown
        unit = re.sub(r"^.*\d", "", low)
        if unit and re.sub(r"^.*\d", "", high) == unit:
            low = low.removesuffix(unit)
        return self.words("numbers.from_to", low=low, high=high)

    def day(self, iso: str) -> str:
        """Return ``3 Oct`` of ``2026-10-03``."""
        at = date.fromisoformat(iso)
        return self.words("numbers.day", day=str(at.day), month=self._month(at.month))

    def month(self, name: str) -> str:
        """Return ``Oct 2026`` of ``2026-10``."""
        year, _, number = name.partition("-")
        return f"{self._month(int(number))}{NO_BREAK}{year}" if number.isdigit() else name

    def period(self, name: str) -> str:
        """Return ``Sep 2026`` of ``2026-09``, ``Q3 2026`` of ``2026-Q3``."""
        year, _, part = name.partition("-")
        return f"{part}{NO_BREAK}{year}" if part.startswith("Q") else self.month(name)

    def moment(self, unix: float, timezone: str) -> str:
        """Return ``31 Oct, 24:00`` local time of a moment; midnight ends the day before."""
        zone = ZoneInfo(timezone)
        at = datetime.fromtimestamp(unix, UTC).astimezone(zone)
        clock = f"{at:%H:%M}"
        if clock == "00:00":
            at, clock = datetime.fromtimestamp(unix - 1, UTC).astimezone(zone), "24:00"
        return self.words("numbers.day_time", day=str(at.day), month=self._month(at.month), time=clock)

    def local(self, text: str) -> str:
        """Return ``3 Oct, 14:05`` of ``2026-10-03 14:05``."""
        day, _, clock = text.partition(" ")
        at = date.fromisoformat(day)
        return self.words("numbers.day_time", day=str(at.day), month=self._month(at.month), time=clock)

    def _month(self, number: int) -> str:
        return str(self.words.entries("numbers", "months")[number - 1])


def _zeros(value: float) -> int:
    """Return how many zeros follow the point before the first figure."""
    zeros = 0
    while value < 0.1 and zeros < 6:
        value *= 10
        zeros += 1
    return zeros
