"""The course of a weekly figure and what it lets expect, with an honest interval.

A week's figure is a rate, so a week with gaps counts like a whole one; a week of which less than half is
known does not count. The trend is a straight line by least squares with its prediction interval (Student's
t, 80 %: four weeks of five lie in it), after weeks far off the Theil-Sen line were left out. It is believed
only where Kendall's rank test says that chance does not make it (p < 0.05, so never before five weeks);
else the expectation is flat, and the interval holds what the line would have said, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import Any

from garnet_cli.judge.kendall import kendall_chance, student_t

HALF = 0.5
"""Less of a week known than this, and it does not count."""
CHANCE = 0.05
FEWEST_FOR_OUTLIERS = 6
FAR_OFF = 6.0
"""In normalised median absolute deviations from the Theil-Sen line."""
NORMAL_MAD = 1.4826
"""A normal distribution's standard deviation in median absolute deviations."""
MOST_WEEKS = 104


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """What is expected, with the interval that holds it four times of five."""

    expected: float
    low: float
    high: float | None
    """``None``: one week alone says nothing of how far weeks differ."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Crossing:
    """In how many weeks from the last one a limit is reached; ``None``: not within the weeks looked at."""

    earliest: int | None
    expected: int | None
    latest: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A straight line through weeks, with what its prediction interval needs. Week 0 is the last one."""

    level: float
    """Its value in the last week."""
    slope: float
    """Change a week."""
    middle: float
    """Mean position of the weeks behind it."""
    squares: float
    """Sum of their squared distances from ``middle``; 0: it is flat by choice."""
    deviation: float
    """Standard deviation of a week around it."""
    weeks: int
    """How many weeks it rests on."""

    def at(self, weeks_ahead: float) -> Estimate:
        """Return what it says of a week; figures are rates or shares and never below 0."""
        expected = self.level + self.slope * weeks_ahead
        freedom = self.weeks - (2 if self.squares else 1)
        if freedom < 1:
            return Estimate(expected=max(0.0, expected), low=0.0, high=None)
        lever = (weeks_ahead - self.middle) ** 2 / self.squares if self.squares else 0.0
        half = student_t(freedom) * self.deviation * math.sqrt(1 + 1 / self.weeks + lever)
        return Estimate(
            expected=max(0.0, expected), low=max(0.0, expected - half), high=max(0.0, expected + half)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Trend:
    """One figure's course over weeks and what follows from it."""

    weeks: int
    """Weeks that are known."""
    left_out: int
    """Of these, weeks far off the others, not in the lines."""
    last: float
    """The last known week as it was."""
    certain: bool
    """The slope is believed."""
    flat: Line
    sloped: Line | None
    """``None`` with fewer than three weeks."""

    @property
    def slope_per_week(self) -> float:
        """Return the change a week that is believed; 0 where none is."""
        return self.sloped.slope if self.certain and self.sloped else 0.0

    def at(self, weeks_ahead: float) -> Estimate:
        """Return what is expected ``weeks_ahead`` weeks after the last one (1: the coming one)."""
        if self.sloped is None:
            return self.flat.at(weeks_ahead)
        line = self.sloped.at(weeks_ahead)
        if self.certain:
            return line
        flat = self.flat.at(weeks_ahead)
        highs = [one.high for one in (flat, line) if one.high is not None]
        return Estimate(
            expected=flat.expected, low=min(flat.low, line.low), high=max(highs) if highs else None
        )

    def reaches(self, limit: float, most_weeks: int = MOST_WEEKS) -> Crossing:
        """Return when the figure reaches ``limit``; of the coming ``most_weeks`` weeks.

        ``earliest`` is by the interval's upper end, ``latest`` by its lower one.
        """
        earliest = expected = latest = None
        for week in range(1, most_weeks + 1):
            found = self.at(week)
            if earliest is None and found.high is not None and found.high >= limit:
                earliest = week
            if expected is None and found.expected >= limit:
                expected = week
            if found.low >= limit:
                latest = week
                break
        return Crossing(earliest=earliest, expected=expected, latest=latest)

    def as_json(self) -> dict[str, Any]:
        """Return the figures for JSON: the last week, the coming one, the slope."""
        coming = self.at(1)
        return {
            "weeks": self.weeks,
            "weeks_left_out": self.left_out,
            "last": self.last,
            "coming": {"expected": coming.expected, "low": coming.low, "high": coming.high},
            "slope_per_week": self.slope_per_week,
            "trend_certain": self.certain,
        }


def trend_of(values: Sequence[float | None]) -> Trend:
    """Return the trend of weekly figures, oldest first; ``None`` is a week that is not known.

    Raises ValueError if no week is known.
    """
    last = len(values) - 1
    points = [(float(at - last), value) for at, value in enumerate(values) if value is not None]
    if not points:
        raise ValueError("no week is known")
    kept = _without_outliers(points)
    sloped = _least_squares(kept) if len(kept) > 2 else None  # noqa: PLR2004 -- a line through two says all
    chance = kendall_chance([value for _, value in kept])
    return Trend(
        weeks=len(points),
        left_out=len(points) - len(kept),
        last=points[-1][1],
        certain=sloped is not None and sloped.slope != 0 and chance < CHANCE,
        flat=_flat(kept),
        sloped=sloped,
    )


def _without_outliers(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points without those far off the Theil-Sen line, at most a fifth of them."""
    if len(points) < FEWEST_FOR_OUTLIERS:
        return points
    slope = median(
        (second[1] - first[1]) / (second[0] - first[0]) for first, second in combinations(points, 2)
    )
    level = median(value - slope * week for week, value in points)
    off = {week: abs(value - level - slope * week) for week, value in points}
    border = FAR_OFF * NORMAL_MAD * median(off.values())
    far = sorted((week for week in off if off[week] > border), key=lambda week: -off[week])
    # A week that stands last may be the begin of something new: it is kept.
    leave = {week for week in far if week != points[-1][0]}
    if border == 0 or len(leave) > len(points) // 5:
        return points
    return [point for point in points if point[0] not in leave]


def _flat(points: list[tuple[float, float]]) -> Line:
    values = [value for _, value in points]
    mean = sum(values) / len(values)
    squares = sum((value - mean) ** 2 for value in values)
    deviation = math.sqrt(squares / (len(values) - 1)) if len(values) > 1 else 0.0
    return Line(
        level=median(values), slope=0.0, middle=0.0, squares=0.0, deviation=deviation, weeks=len(values)
    )


def _least_squares(points: list[tuple[float, float]]) -> Line:
    count = len(points)
    middle = sum(week for week, _ in points) / count
    mean = sum(value for _, value in points) / count
    squares = sum((week - middle) ** 2 for week, _ in points)
    slope = sum((week - middle) * (value - mean) for week, value in points) / squares
    level = mean - slope * middle
    rest = sum((value - level - slope * week) ** 2 for week, value in points)
    return Line(
        level=level,
        slope=slope,
        middle=middle,
        squares=squares,
        deviation=math.sqrt(rest / (count - 2)),
        weeks=count,
    )
