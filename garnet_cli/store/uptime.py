"""Uptime of long windows, in SQL over stored minutes; garnet_cli/judge/uptime.py says what it counts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from garnet_cli.judge.uptime import MINUTE_S, FleetUptime, Uptime
from garnet_cli.store.query import Telemetry


def sums(*columns: str) -> str:
    """Return the sums of seconds and a count; as decimals, so that the order of adding changes nothing."""
    return ", ".join([*(f"sum({column}::DECIMAL(38, 6))::DOUBLE" for column in columns), "count(*)"])


SQL = f"""
WITH names AS (
    SELECT unnest($1) AS node, generate_subscripts($1, 1) AS place
), known AS (
    SELECT DISTINCT minute_unix FROM minutes
), own AS (
    SELECT node, minute_unix, least(sum(monitor_proxy_up_s), $2) AS up,
        least(sum(monitor_proxy_down_s), $2 - least(sum(monitor_proxy_up_s), $2)) AS down
    FROM minutes GROUP BY ALL
), grid AS (
    SELECT minute_unix, node, place, coalesce(up, 0.0) AS up, coalesce(down, 0.0) AS down,
        $2 - coalesce(up, 0.0) - coalesce(down, 0.0) AS rest
    FROM known CROSS JOIN names LEFT JOIN own USING (minute_unix, node)
), asked AS (
    SELECT minute_unix, node FROM grid WHERE rest > 0
    UNION SELECT minute_unix, peer FROM peers WHERE unreachable_s > 0
), looks AS (
    SELECT peers.minute_unix, peers.peer AS node, sum(observed_s) AS observed,
        sum(unreachable_s) AS unreachable
    FROM peers SEMI JOIN asked ON asked.minute_unix = peers.minute_unix AND asked.node = peers.peer
    WHERE peers.node <> peers.peer
    GROUP BY peers.minute_unix, peers.peer, peers.node HAVING sum(observed_s) > 0
), seen AS (
    SELECT minute_unix, node, min(unreachable) AS missed, max(observed - unreachable) AS reached
    FROM looks GROUP BY ALL
), judged AS (
    SELECT minute_unix, node, place, up, down, rest, coalesce(missed, 0.0) AS missed,
        coalesce(reached, 0.0) AS reached,
        least(rest, greatest(0.0, coalesce(missed, 0.0) - down)) AS rest_down
    FROM grid LEFT JOIN seen USING (minute_unix, node)
), parts AS (
    SELECT minute_unix, node, place, rest, rest_down, up AS own_up, down + rest_down AS all_down,
        least(rest - rest_down, greatest(0.0, reached - up)) AS rest_up,
        least(up, greatest(0.0, missed - down - rest_down)) AS cut_off
    FROM judged
), told AS (
    SELECT minute_unix, {{span}} AS span, node, place,
        own_up + rest_up AS up, all_down AS down, rest - rest_down - rest_up AS unknown, cut_off
    FROM parts
), best AS (
    SELECT span,
        arg_max({{{{up: up, down: down, unknown: unknown, cut_off: cut_off}}}}, (up, unknown, -place)) AS one
    FROM told GROUP BY span, minute_unix
)
SELECT span, node, {sums("up", "down", "unknown", "cut_off")} FROM told GROUP BY span, node
UNION ALL
SELECT span, '', {sums("one.up", "one.down", "one.unknown", "one.cut_off")} FROM best GROUP BY span
"""  # noqa: S608 -- our own words
"""Only minutes that a node does not account for itself, or that a peer found unreachable, look at peers.

The row without a node is the fleet as clients see it.
"""


def uptime_between(
    telemetry: Telemetry, nodes: Sequence[str], edges: Sequence[int], *, minute_s: int = MINUTE_S
) -> list[FleetUptime]:
    """Return the uptime of ``nodes`` from each of ``edges`` up to the next, as ``judge.uptime`` counts it.

    ``telemetry`` is open from the first edge to the last. Raises ValueError for edges that are not rising
    multiples of ``minute_s``, and for no nodes.
    """
    rising = all(first < second for first, second in pairwise(edges))
    if not rising or any(edge % minute_s for edge in edges) or not nodes:
        raise ValueError("edges are rising full minutes, and there is a node at least")
    found: dict[tuple[int, str], tuple[Uptime, int]] = {}
    # Spelled out: looking through a list of edges for each minute of each node takes a quarter of the time.
    span_sql = " + ".join(["0", *(f"(minute_unix >= {int(edge)})::INT" for edge in edges[1:-1])])
    answer = telemetry.ask(SQL.format(span=span_sql), [list(nodes), float(minute_s)])
    for span, node, up, down, unknown, cut_off, count in answer.rows:
        found[(int(span), node)] = (Uptime(up, down, unknown, cut_off), count)
    return [
        _fleet(found, nodes, span, (end - begin) // minute_s, minute_s)
        for span, (begin, end) in enumerate(pairwise(edges))
    ]


def _fleet(
    found: dict[tuple[int, str], tuple[Uptime, int]],
    nodes: Sequence[str],
    span: int,
    minutes: int,
    minute_s: int,
) -> FleetUptime:
    def whole(node: str) -> Uptime:
        told, count = found.get((span, node), (Uptime(), 0))
        return told + Uptime(unknown_s=float(minute_s * (minutes - count)))

    totals = {node: whole(node) for node in nodes}
    return FleetUptime(nodes=totals, fleet=sum(totals.values(), Uptime()), serving=whole(""))
