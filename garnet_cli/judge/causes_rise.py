"""One price that rose, and how much of the rise each kind of cause explains. Pure.

Parts are natural logarithms: a price that doubled rose by 0.69. What a place's loaders do is weighted by its
share of the busy seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from garnet_cli.judge.causes_factors import Factors, log_ratio
from garnet_cli.judge.causes_figures import Figures

Figure = Literal["fully loaded", "busy-only"]

THROTTLED_POINTS = 0.03
"""A node throttles when it did in 3 % more of its working time than before, and twice as much."""
FAILED_POINTS = 0.02
POISON_FAILED_POINTS = 0.01
"""Errors are up by so much of the requests, and at least doubled."""
MISSED_POINTS = 0.05
"""Misses are up when so much less of the prompts came from the cache."""
SLOWER = math.log(1.25)
"""A token that takes a quarter longer, or answers that are a quarter longer."""
HITS_KEPT = 0.9
"""A cache that is poisoned is hit: at least so much of the hit rate is still there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A model on one node in both windows."""

    node: str
    this: Figures
    last: Figures
    factors: Factors | None

    @property
    def throttled(self) -> bool:
        """Say whether the node throttles more than before."""
        return _up(self.this.throttled_share, self.last.throttled_share, THROTTLED_POINTS)

    @property
    def failing(self) -> bool:
        """Say whether more requests fail than before."""
        return _up(self.this.failed_share, self.last.failed_share, FAILED_POINTS)

    @property
    def missing(self) -> bool:
        """Say whether less of the prompts came from the cache."""
        this, last = self.this.cached_share, self.last.cached_share
        return this is not None and last is not None and last - this >= MISSED_POINTS

    @property
    def poisoned(self) -> bool:
        """Say whether the cache is hit as before, and yet answers are slow or long, and fail."""
        if self.factors is None or self.throttled or self.missing:
            return False
        kept = self.last.hit_rate is None or (self.this.hit_rate or 0.0) >= HITS_KEPT * self.last.hit_rate
        failing = _up(self.this.failed_share, self.last.failed_share, POISON_FAILED_POINTS)
        return (
            kept and bool(self.this.hit_rate) and failing and max(self.factors.slowness, self.longer) > SLOWER
        )

    @property
    def longer(self) -> float:
        """Return the rise of an answer's length."""
        return log_ratio(self.this.completion_per_request, self.last.completion_per_request)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rise:
    """A price of one model, fleet-wide or on one node, that rose from the last window to this one."""

    model: str
    node: str
    """Where; "" is fleet-wide."""
    figure: Figure
    rise: float
    """Of the price."""
    total: float
    """Of what the model bears in an hour."""
    this: Figures
    last: Figures
    whole_this: Figures
    """The model fleet-wide; the same as above where that is meant."""
    whole_last: Figures
    factors: Factors | None
    places: tuple[Place, ...]
    since: str
    """Begin of the last window and end of this one, in UTC, as commands take them."""
    until: str
    fallen_key: tuple[str, float, float] | None = None
    """The key with the greatest fall in the fleet: its name, requests an hour before and now."""

    def places_where(self, holds: Callable[[Place], bool]) -> tuple[Place, ...]:
        """Return the places for which ``holds``."""
        return tuple(place for place in self.places if holds(place))


@dataclass(slots=True)
class Parts:
    """What each kind of cause explains of a rise; the rest is unknown."""

    cache_misses: float = 0.0
    poisoned_cache: float = 0.0
    idle_up: float = 0.0
    throttling: float = 0.0
    errors: float = 0.0
    traffic_down: float = 0.0
    missing_minutes: float = 0.0


def parts_of(rise: Rise) -> Parts:
    """Return what explains a rise."""
    parts = Parts()
    work = max(0.0, rise.factors.work) if rise.factors else 0.0
    if rise.figure == "busy-only":
        _work_parts(rise, parts, 1.0)
        return parts
    # A model that works longer for a token bears more of its nodes: so much of the rise is the work's.
    through_work = min(max(0.0, rise.total), work)
    _work_parts(rise, parts, through_work / work if work else 0.0)
    parts.idle_up += max(0.0, rise.total - through_work)
    _fall_parts(rise, parts)
    return parts


def _work_parts(rise: Rise, parts: Parts, scale: float) -> None:
    """Add what makes a token more work, each place by its share of the busy seconds."""
    busy = sum(place.this.busy_s or 0.0 for place in rise.places if place.factors)
    for place in rise.places:
        if place.factors is None or not busy:
            continue
        weight = scale * (place.this.busy_s or 0.0) / busy
        found = place.factors
        slowness, waste, mix = (max(0.0, part) for part in (found.slowness, found.waste, found.mix))
        if place.missing:
            parts.cache_misses += weight * max(0.0, found.misses)
        if place.throttled:
            parts.throttling += weight * slowness
        if place.poisoned:
            parts.poisoned_cache += weight * (slowness + waste + mix)
        elif place.failing:
            parts.errors += weight * waste


def _fall_parts(rise: Rise, parts: Parts) -> None:
    """Divide the fall of the tokens an hour among what took them away."""
    fall = -_hourly(rise.this.tokens, rise.this, rise.last.tokens, rise.last)
    if fall <= 0:
        return
    parts.missing_minutes = min(
        fall, max(0.0, -log_ratio(rise.this.complete_share, rise.last.complete_share))
    )
    fall -= parts.missing_minutes
    failed = -log_ratio(1 - (rise.this.failed_share or 0.0), 1 - (rise.last.failed_share or 0.0))
    by_errors = min(fall, max(0.0, failed))
    if rise.places_where(lambda place: place.failing) and not rise.places_where(lambda place: place.poisoned):
        parts.errors += by_errors
        fall -= by_errors
    whole = -_hourly(rise.whole_this.tokens, rise.whole_this, rise.whole_last.tokens, rise.whole_last)
    everywhere = min(fall, max(0.0, whole))
    parts.traffic_down += everywhere
    parts.idle_up += fall - everywhere


def _hourly(this: int, now: Figures, last: int, before: Figures) -> float:
    """Return the logarithm of the ratio of two rates; 10, a factor of 22,000, stands for nothing left."""
    if not last:
        return 0.0
    return math.log((this / now.hours) / (last / before.hours)) if this else -10.0


def _up(this: float | None, last: float | None, points: float) -> bool:
    return this is not None and last is not None and this - last >= points and this >= 2 * last
