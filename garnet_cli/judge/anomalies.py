"""Flag a model whose price per million tokens has doubled, with the likeliest causes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from garnet_cli.judge.costs import CostDiff
from garnet_cli.store.totals import Totals

CauseKind = Literal[
    "cache_misses",
    "poisoned_cache",
    "idle_up",
    "throttling",
    "errors",
    "traffic_down",
    "unknown",
]
Verdict = Literal["doubled", "too_thin"]
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Anomaly:
    """One model whose price, fully loaded or busy-only, has at least doubled, or whose week is too thin."""

    model: str
    verdict: Verdict
    figure: Literal["fully loaded", "busy-only"]
    """The price that rose more."""
    last_usd_per_million: float | None
    this_usd_per_million: float | None
    """``None`` where the week is too thin for a price."""
    ratio: float | None
    sentence: str
    causes: tuple[Cause, ...]
    """The likeliest first; never empty."""

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "model": self.model,
            "verdict": self.verdict,
            "figure": self.figure,
            "last_usd_per_million": self.last_usd_per_million,
            "this_usd_per_million": self.this_usd_per_million,
            "ratio": self.ratio,
            "sentence": self.sentence,
            "causes": [
                {
                    "kind": cause.kind,
                    "sentence": cause.sentence,
                    "share": cause.share,
                    "confidence": cause.confidence,
                    "evidence": [
                        {"figure": one.figure, "unit": one.unit, "last": one.last, "this": one.this}
                        for one in cause.evidence
                    ],
                    "command": cause.command,
                    "nodes": list(cause.nodes),
                }
                for cause in self.causes
            ],
        }


def find_anomalies(diff: CostDiff, this: Totals, last: Totals | None) -> list[Anomaly]:
    """Return the anomalies of ``diff``, whose windows ``this`` and ``last`` are; the greatest rise first.

    Nothing without a last window, and nothing in a quiet week.
    """
    raise NotImplementedError
