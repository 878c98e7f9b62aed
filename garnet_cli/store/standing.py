"""What a scorecard needs of a long window, in SQL: latencies by model, throttling, and how much is there.

Seconds and milliseconds are added as decimals, so that the order of adding changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from garnet_cli.store.query import Telemetry
from node_scripts.histogram import Histogram

MINUTES_SQL = """
SELECT coalesce(sum(thermal_packed_s::DECIMAL(38, 6)), 0)::DOUBLE,
    coalesce(sum(thermal_packed_throttled_s::DECIMAL(38, 6)), 0)::DOUBLE
FROM minutes WHERE minute_unix >= $1 AND minute_unix < $2
"""
PRESENT_SQL = """
SELECT node, count(DISTINCT minute_unix) FROM minutes
WHERE minute_unix >= $1 AND minute_unix < $2 GROUP BY node ORDER BY node
"""
HEADS_SQL = """
SELECT model, sum(latency_ms.zeros)::BIGINT, sum(latency_ms.total::DECIMAL(38, 6))::DOUBLE,
    min(latency_ms.minimum), max(latency_ms.maximum)
FROM models WHERE minute_unix >= $1 AND minute_unix < $2 GROUP BY model ORDER BY model
"""
BUCKETS_SQL = """
SELECT model, bucket, sum(n)::BIGINT FROM (
    SELECT model, unnest(latency_ms.buckets) AS bucket, unnest(latency_ms.counts) AS n
    FROM models WHERE minute_unix >= $1 AND minute_unix < $2
) GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A fleet over a window, all nodes together."""

    latency_ms: Mapping[str, Histogram]
    """Of answered requests, by model."""
    packed_s: float
    """Seconds with a request in prefill or decode and the thermal level read."""
    packed_throttled_s: float
    minutes: Mapping[str, int]
    """Minutes that are there, by node."""

    def __add__(self, other: Standing) -> Standing:
        """Return two windows together."""
        models = sorted({*self.latency_ms, *other.latency_ms})
        latency = {model: Histogram() for model in models}
        for one in (self, other):
            for model, histogram in one.latency_ms.items():
                latency[model].merge(histogram)
        nodes = sorted({*self.minutes, *other.minutes})
        return Standing(
            latency_ms=latency,
            packed_s=self.packed_s + other.packed_s,
            packed_throttled_s=self.packed_throttled_s + other.packed_throttled_s,
            minutes={node: self.minutes.get(node, 0) + other.minutes.get(node, 0) for node in nodes},
        )


def standing(telemetry: Telemetry, begin_unix: int, end_unix: int) -> Standing:
    """Return the standing of [begin, end), within which ``telemetry`` is open."""
    window = [begin_unix, end_unix]
    counts: dict[str, dict[int, int]] = {}
    for model, bucket, count in telemetry.ask(BUCKETS_SQL, window).rows:
        counts.setdefault(model, {})[bucket] = count
    latency = {
        model: Histogram(
            buckets=counts.get(model, {}),
            zeros=zeros or 0,
            total=float(total or 0.0),
            minimum=minimum,
            maximum=maximum,
        )
        for model, zeros, total, minimum, maximum in telemetry.ask(HEADS_SQL, window).rows
    }
    packed_s, throttled_s = next(telemetry.ask(MINUTES_SQL, window).rows)
    return Standing(
        latency_ms=latency,
        packed_s=float(packed_s),
        packed_throttled_s=float(throttled_s),
        minutes=dict(telemetry.ask(PRESENT_SQL, window).rows),
    )
