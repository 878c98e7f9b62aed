"""Figures over what users saw, by phase of a swap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from garnet_cli.demo.traffic import Seen


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase's figures; latencies in milliseconds, ``None`` without an answer."""

    name: str
    requests: int
    failed: int
    dropped: int
    p50_ms: float | None
    p95_ms: float | None


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the nearest-rank percentile, ``None`` of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def phases(seen: Sequence[Seen], begin: float, end: float) -> list[Phase]:
    """Split requests into those that ended before ``begin``, began after ``end``, and the rest."""
    groups = {
        "before": [one for one in seen if one.end < begin],
        "during": [one for one in seen if one.end >= begin and one.begin <= end],
        "after": [one for one in seen if one.begin > end],
    }
    return [phase(name, group) for name, group in groups.items()]


def phase(name: str, seen: Sequence[Seen]) -> Phase:
    """Return the figures of one group of requests."""
    answered = [one.milliseconds for one in seen if one.outcome == "answered"]
    return Phase(
        name=name,
        requests=len(seen),
        failed=sum(one.outcome == "failed" for one in seen),
        dropped=sum(one.outcome == "dropped" for one in seen),
        p50_ms=percentile(answered, 0.50),
        p95_ms=percentile(answered, 0.95),
    )
