"""Latency figures over the last requests of one loader."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

from node_scripts.contracts import Latency

KEPT_REQUESTS = 512


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile ``share`` (0..1) of sorted, non-empty ``ordered``."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


class LatencyRing:
    """The last 512 requests answered in full."""

    def __init__(self) -> None:
        """Start empty."""
        self._whole_ms: deque[float] = deque(maxlen=KEPT_REQUESTS)
        self._first_ms: deque[float] = deque(maxlen=KEPT_REQUESTS)

    def add(self, whole_ms: float, first_token_ms: float | None) -> None:
        """Note one request: milliseconds to its end, and to its first token if that was seen."""
        self._whole_ms.append(whole_ms)
        if first_token_ms is not None:
            self._first_ms.append(first_token_ms)

    def figures(self) -> Latency:
        """Return the percentiles; ``None`` without any request."""
        if not self._whole_ms:
            return Latency(count=0)
        whole = sorted(self._whole_ms)
        first = sorted(self._first_ms)
        return Latency(
            count=len(whole),
            p50_ms=round(percentile(whole, 0.50), 3),
            p95_ms=round(percentile(whole, 0.95), 3),
            p99_ms=round(percentile(whole, 0.99), 3),
            first_token_p95_ms=round(percentile(first, 0.95), 3) if first else None,
        )
