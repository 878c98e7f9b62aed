"""Why the price of a million tokens may have risen: what a cause is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

CauseKind = Literal[
    "cache_misses",
    "poisoned_cache",
    "idle_up",
    "throttling",
    "errors",
    "traffic_down",
    "missing_minutes",
    "unknown",
]
"""``missing_minutes`` is a cause only where a week is too thin: the price is not what it seems."""
Confidence = Literal["high", "medium", "low"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """One figure that speaks for a cause, last window and this one."""

    figure: str
    """Such as ``cached share of prompt tokens``."""
    unit: str
    """``share``, ``ms``, ``tokens`` …; a share is 0..1."""
    last: float | None
    this: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """Why the price may have risen."""

    kind: CauseKind
    sentence: str
    """For people, with the figures."""
    share: float
    """Share (0..1) of the rise that it explains, as far as it can be computed; causes come by it."""
    confidence: Confidence
    evidence: tuple[Evidence, ...]
    command: str
    """What to type; several are separated by a newline."""
    nodes: tuple[str, ...] = ()
    """Where it was seen; empty: everywhere."""

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "kind": self.kind,
            "sentence": self.sentence,
            "share": self.share,
            "confidence": self.confidence,
            "evidence": [
                {"figure": one.figure, "unit": one.unit, "last": one.last, "this": one.this}
                for one in self.evidence
            ],
            "command": self.command,
            "nodes": list(self.nodes),
        }
