"""What a rack has to reach, and whether it does."""

from __future__ import annotations

from typing import Literal

LATENCY_P95_MS = 100.0
"""Of the models of 7 to 34 billion parameters; it must stay under."""
UPTIME_PCT = 99.9
SWAP_WINDOW_S = 120.0
THROTTLE_PCT = 1.0
"""Of the busy time; it must stay under."""
TIMES_UNDER_API = 5.0
TIMES_UNDER_API_MOST = 15.0
"""Beyond it the comparison itself is to be looked at."""
COMPLETE_PCT = 99.0

Verdict = Literal["met", "missed", "unknown"]


def at_least(actual: float | None, target: float) -> Verdict:
    """Judge a figure that should reach its target."""
    if actual is None:
        return "unknown"
    return "met" if actual >= target else "missed"


def under(actual: float | None, target: float) -> Verdict:
    """Judge a figure that should stay under its target."""
    if actual is None:
        return "unknown"
    return "met" if actual < target else "missed"


def at_most(actual: float | None, target: float) -> Verdict:
    """Judge a figure that should not pass its target."""
    if actual is None:
        return "unknown"
    return "met" if actual <= target else "missed"
