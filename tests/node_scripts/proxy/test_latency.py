"""Latency figures."""

from __future__ import annotations

from node_scripts.contracts import Latency
from node_scripts.proxy.latency import KEPT_REQUESTS, LatencyRing


def test_without_requests_there_are_no_figures() -> None:
    """Unknown is not zero."""
    assert LatencyRing().figures() == Latency(count=0)


def test_percentiles_are_nearest_ranks() -> None:
    """Of a hundred requests of 1 to 100 ms."""
    ring = LatencyRing()
    for number in range(1, 101):
        ring.add(float(number), number / 2)
    figures = ring.figures()
    assert (figures.p50_ms, figures.p95_ms, figures.p99_ms) == (50.0, 95.0, 99.0)
    assert figures.first_token_p95_ms == 47.5


def test_only_the_last_512_count() -> None:
    """Old requests leave."""
    ring = LatencyRing()
    for _ in range(KEPT_REQUESTS):
        ring.add(1000.0, None)
    for _ in range(KEPT_REQUESTS):
        ring.add(1.0, None)
    assert ring.figures() == Latency(count=KEPT_REQUESTS, p50_ms=1.0, p95_ms=1.0, p99_ms=1.0)
