"""What a report says of what is to come and to be done; see contents.py for what holds of all of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# --- recommendations, scorecard ------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Recommendation:
    """What to do, the most urgent first."""

    kind: Literal["placement", "capacity", "retire", "thermal", "cost", "cache", "uptime", "data"]
    text: str
    why: str
    command: str
    """May be empty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreLine:
    """One target of the first ninety days."""

    key: str
    label: str
    unit: str
    target: float
    target_high: float | None
    """Where the target is a range, its end."""
    target_is: Literal["at_least", "at_most", "range"]
    actual: float | None
    status: Literal["met", "missed", "unknown"]
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Scorecard:
    """The ninety days up to the period's end; ``lines`` is empty before there are ninety."""

    begin_day: str
    end_day: str
    days_of_data: int
    needed_days: int
    complete_pct: float | None
    lines: tuple[ScoreLine, ...]
    says: str


# --- capacity -----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class WeekLoad:
    """One full week of history."""

    begin_day: str
    tokens: int
    busy_pct: float | None
    complete_pct: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class MonthForecast:
    """One month ahead; low and high bound eight of ten outcomes, if the past is a guide."""

    month: str
    tokens_low: float
    tokens_expected: float
    tokens_high: float
    busy_pct_low: float | None
    busy_pct_expected: float | None
    busy_pct_high: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Capacity:
    """What is to come.

    Busy share is that of the busiest hours (95 of 100 are less busy): the loaders' busy seconds by those of
    all nodes. Weeks are stretches of seven days that end with the period.
    """

    weeks: tuple[WeekLoad, ...]
    months: tuple[MonthForecast, ...]
    """Empty where the past is too short to say anything."""
    ceiling_pct: float
    """Busy share from which on a node is needed: 80 % with one node lost."""
    needed_month: str | None
    """When the expected busy share passes the ceiling; ``None``: not within the forecast."""
    needed_month_earliest: str | None
    """When its upper bound does."""
    node_usd_per_month: float | None
    """A further node, as those of today cost."""
    api_usd_per_month: float | None
    """What an API would ask for the tokens that such a node serves at the ceiling."""
    says: str


# --- the quarter's additions ---------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSwap:
    """A newer model for one that is served."""

    model: str
    proposed: str
    repository: str
    released: str
    licence: str
    need_bytes: int
    """Estimate of weights and cache, see method."""
    fits: bool | None
    """On each node that serves the model today; ``None``: their memory is unknown."""
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Tier:
    """Models of one size class."""

    size_class: str
    models: tuple[str, ...]
    tokens: int
    share_pct: float | None
    usd_per_million: float | None
    latency_p95_ms: float | None
    verdict: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Quarter:
    """What a quarterly report adds."""

    add_capacity: bool | None
    add_capacity_why: str
    swaps: tuple[ModelSwap, ...]
    catalogue_date: str
    tiers: tuple[Tier, ...]
