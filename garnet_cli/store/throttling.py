"""Runs of throttled minutes, and the temperatures with and without throttling, in SQL over stored minutes."""

from __future__ import annotations

from dataclasses import dataclass

from garnet_cli.store.query import Telemetry

SHARE = 0.05
"""Of a minute's known time: less than one look of five seconds in it does not make it a throttled one."""
LEVELS = "thermal_moderate_s + thermal_heavy_s + thermal_trapping_s + thermal_sleeping_s"

SQL = f"""
WITH told AS (
    SELECT node, minute_unix, sum({LEVELS}) >= {SHARE} * sum(thermal_observed_s) AND sum({LEVELS}) > 0
        AS throttled, sum(thermal_observed_s) > 0 AS known,
        sum(thermal_packed_s) > 0 AS busy, max(thermal_package_celsius_maximum) AS celsius
    FROM minutes WHERE minute_unix >= $1 AND minute_unix < $2 GROUP BY node, minute_unix
), runs AS (
    SELECT *, throttled AND NOT coalesce(
        lag(throttled) OVER earlier AND lag(minute_unix) OVER earlier = minute_unix - $3, false
    ) AS begins
    FROM told WINDOW earlier AS (PARTITION BY node ORDER BY minute_unix)
)
SELECT node, bool_or(known), count(*) FILTER (begins),
    quantile_cont(celsius, 0.05) FILTER (throttled AND busy),
    quantile_cont(celsius, 0.99) FILTER (busy)
FROM runs GROUP BY node ORDER BY node
"""  # noqa: S608 -- our own words


@dataclass(frozen=True, kw_only=True, slots=True)
class Throttling:
    """One node's heat over a window."""

    node: str
    events: int | None
    """Runs of consecutive minutes in which the chip was throttled; ``None`` where no level was read."""
    onset_celsius: float | None
    """The package's peak in all but the coolest twentieth of its busy, throttled minutes."""
    busy_celsius: float | None
    """The package's peak that 99 of 100 busy minutes do not pass."""


def throttling(
    telemetry: Telemetry, begin_unix: int, end_unix: int, *, minute_s: int = 60
) -> dict[str, Throttling]:
    """Return each node's throttling in [begin, end), within which ``telemetry`` is open."""
    return {
        node: Throttling(node=node, events=events if known else None, onset_celsius=onset, busy_celsius=busy)
        for node, known, events, onset, busy in telemetry.ask(SQL, [begin_unix, end_unix, minute_s]).rows
    }
