"""A long window by the hour, all nodes together: the little that a forecast needs, in SQL.

Seconds are added as decimals, so that the order of adding changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from garnet_cli.store.query import Telemetry

HOUR_S = 3600

MINUTES_SQL = """
SELECT (minute_unix - $1) // 3600 AS hour, sum(covered_s::DECIMAL(38, 6))::DOUBLE,
    count(DISTINCT (node, minute_unix)), min(minute_unix)
FROM minutes WHERE minute_unix >= $1 AND minute_unix < $2 GROUP BY hour ORDER BY hour
"""
MODELS_SQL = """
SELECT (minute_unix - $1) // 3600 AS hour, sum(requests), sum(prompt_tokens + completion_tokens),
    sum(loader_busy_s::DECIMAL(38, 6))::DOUBLE
FROM models WHERE minute_unix >= $1 AND minute_unix < $2 GROUP BY hour
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class HourLoad:
    """One hour of the fleet, from its begin in steps of an hour from the window's begin."""

    begin_unix: int
    first_unix: int
    """Begin of its first minute that is there."""
    minutes: int
    """Minutes of nodes that are there."""
    covered_s: float
    """Seconds for which nodes' monitors ran, all added up."""
    requests: int
    tokens: int
    """Prompt and completion, of clients."""
    busy_s: float | None
    """Seconds with a request in a loader, of all loaders; ``None`` where none was observed."""


def hourly(telemetry: Telemetry, begin_unix: int, end_unix: int) -> list[HourLoad]:
    """Return the hours of [begin, end) that have minutes; ``telemetry`` is open for all of it."""
    window = [begin_unix, end_unix]
    models = {hour: rest for hour, *rest in telemetry.ask(MODELS_SQL, window).rows}
    found = []
    for hour, covered_s, minutes, first in telemetry.ask(MINUTES_SQL, window).rows:
        requests, tokens, busy_s = models.get(hour, (0, 0, None))
        found.append(
            HourLoad(
                begin_unix=begin_unix + int(hour) * HOUR_S,
                first_unix=int(first),
                minutes=int(minutes),
                covered_s=float(covered_s),
                requests=int(requests),
                tokens=int(tokens),
                busy_s=None if busy_s is None else float(busy_s),
            )
        )
    return found
