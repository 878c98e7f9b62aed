"""One line of the eviction log, and how its figures are written."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any, Literal

GIB = 1024**3
DAY_S = 86_400

Rule = Literal[
    "nowhere_served",
    "loaded_again",
    "refused_since",
    "not_asked_for",
    "little_used",
    "room_for_busier",
    "peers_overloaded",
    "carried_by_peers",
    "replaced",
    "replaced_back",
    "budget_under_need",
    "normal_turnover",
    "kept_long_enough",
    "hits_held",
    "traffic_grew",
    "hits_fell",
    "too_little_known",
]
"""The rules, by name; what each says is in its entry's ``reason``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EvictionEntry:
    """A model evicted from a node, or the sequences evicted from one loader's prompt cache."""

    what: Literal["model", "cache"]
    node: str
    model: str
    count: int
    size_bytes: int | None
    """A model's loader at its largest, or all sequences whose size is known; ``None``: unknown."""
    time_unix: float | None = None
    """When a model left; ``None`` of sequences, which leave all the time."""
    tokens: int | None = None
    """Of the sequences."""
    kinds: dict[str, int] = field(default_factory=dict)
    """Sequences by mlx_lm's kind."""
    justified: bool | None
    """By traffic; ``None``: too little is known."""
    rule: Rule
    reason: str
    """The rule that decided, in one sentence with its figures."""
    remedy: str = ""
    """What to do; empty where nothing is."""

    @property
    def verdict(self) -> str:
        """Return the verdict in words."""
        return {True: "justified", False: "placement bug", None: "unclear"}[self.justified]

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {**asdict(self), "verdict": self.verdict}


def percent(share: float) -> str:
    """Return a share (0..1) in per cent, with a decimal below 10."""
    return f"{100 * share:.0f} %" if share >= 0.0995 or share == 0 else f"{100 * share:.1f} %"  # noqa: PLR2004 -- 9.95 %


def gigabytes(size_bytes: float) -> str:
    """Return bytes as GB of 1024³, as the inventory counts memory."""
    return f"{size_bytes / GIB:.1f} GB"


def lasting(seconds: float) -> str:
    """Return a duration to two figures that matter."""
    minutes = timedelta(seconds=seconds) / timedelta(minutes=1)
    if minutes < 1:
        return f"{seconds:.0f} s"
    if minutes < 90:  # noqa: PLR2004 -- an hour and a half reads well as minutes
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.0f} h" if seconds < 2 * DAY_S else f"{seconds / DAY_S:.0f} days"
