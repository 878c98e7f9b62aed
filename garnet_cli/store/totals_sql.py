"""The SQL that adds telemetry up: a statement for a row's plain figures, one for each that is taken apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import Field
from typing import Any

import pyarrow as pa

from garnet_cli.store.tables import SCHEMAS
from garnet_cli.store.totals import Bucket
from garnet_cli.store.totals_rows import COLUMN, HOW
from node_scripts.recent_evictions import UNKNOWN_KIND
from node_scripts.records import PRESSURE_LEVELS

DECIMAL = "DECIMAL(38, 6)"
FINE = "DECIMAL(38, 12)"
"""For what is divided by seconds, which may be a fraction of one."""

EVICTIONS = f"""
WITH told AS (
    SELECT floor(time_unix)::BIGINT AS minute_unix, node, subject AS model,
        coalesce(json_extract_string(detail, '$.kind'), '{UNKNOWN_KIND}') AS kind,
        coalesce(try_cast(json_extract_string(detail, '$.evictions') AS BIGINT), 1) AS evictions,
        coalesce(try_cast(json_extract_string(detail, '$.tokens') AS BIGINT), 0) AS tokens,
        coalesce(try_cast(json_extract_string(detail, '$.size_bytes') AS BIGINT), 0) AS size_bytes
    FROM events WHERE kind = 'eviction'
)
SELECT {{bucket}} AS begin_unix, node, model, kind, sum(evictions), sum(tokens), sum(size_bytes)
FROM told GROUP BY ALL ORDER BY ALL
"""  # noqa: S608 -- our own words
"""Sequences pushed out of prompt caches, by bucket, node, model and kind."""


def bucket_sql(buckets: Sequence[Bucket]) -> str:
    """Return an expression for the begin of the bucket that holds ``minute_unix``.

    Buckets of one length that follow each other are told together: a month's days are one or two such runs.
    """
    cases = []
    begin, length = buckets[0].begin_unix, 0
    for one in buckets:
        if one.end_unix - one.begin_unix != length:
            begin, length = one.begin_unix, one.end_unix - one.begin_unix
            cases.append("")
        cases[-1] = (
            f"WHEN minute_unix < {one.end_unix} THEN {begin} + (minute_unix - {begin}) // {length} * {length}"
        )
    return f"CASE {' '.join(cases)} END"


def column_of(one: Field[Any]) -> str:
    """Return the column that a figure is read from."""
    return str(one.metadata.get(COLUMN, one.name))


def figures_sql(
    labels: Sequence[str], figures: Sequence[Field[Any]], view: str, bucket: str
) -> tuple[list[str], str]:
    """Return the names of those ``figures`` that are plain, and the statement for labels and them."""
    plain = [one for one in figures if one.metadata[HOW] in PLAIN]
    told = [PLAIN[one.metadata[HOW]](column_of(one), view) for one in plain]
    said = [f"{bucket} AS begin_unix", *labels[1:]]
    places = ", ".join(str(number + 1) for number in range(len(labels)))
    sql = f"SELECT {', '.join([*said, *told])} FROM {view} GROUP BY {places} ORDER BY {places}"  # noqa: S608 -- our own words
    return [one.name for one in plain], sql


def buckets_sql(labels: Sequence[str], column: str, view: str, bucket: str) -> str:
    """Return the statement for a histogram's counts, by labels and index."""
    taken = f"unnest({column}.buckets) AS place, unnest({column}.counts) AS n"
    return _counted(labels, taken, view, bucket)


def counts_sql(labels: Sequence[str], column: str, view: str, bucket: str) -> str:
    """Return the statement for the counts of a map, by labels and key."""
    taken = f"unnest(map_keys({column})) AS place, unnest(map_values({column})) AS n"
    return _counted(labels, taken, view, bucket)


def _counted(labels: Sequence[str], taken: str, view: str, bucket: str) -> str:
    names = ", ".join(labels[1:])
    return (
        f"SELECT begin_unix, {names}, place, sum(n)::BIGINT FROM"  # noqa: S608 -- our own words
        f" (SELECT {bucket} AS begin_unix, {names}, {taken} FROM {view}) GROUP BY ALL ORDER BY ALL"
    )


def power_sql(bucket: str) -> str:
    """Return the statement for the energy of each node, by source."""
    return (
        f"SELECT {bucket} AS begin_unix, node, power_source, sum(power_joules::{DECIMAL})::DOUBLE,"  # noqa: S608 -- our own words
        f" sum(power_seconds::{DECIMAL})::DOUBLE, max(power_watts_max)"
        " FROM minutes WHERE power_source IS NOT NULL GROUP BY ALL ORDER BY ALL"
    )


def present_sql(bucket: str) -> str:
    """Return the statement for how many different minutes each node has: parts of one are one."""
    return (
        f"SELECT {bucket} AS begin_unix, node, count(DISTINCT minute_unix) FROM minutes"  # noqa: S608 -- our own words
        " GROUP BY ALL ORDER BY ALL"
    )


def _sum(column: str, view: str) -> str:
    whole = pa.types.is_integer(SCHEMAS[view].field(column).type)
    return f"sum({column})::BIGINT" if whole else f"sum({column}::{DECIMAL})::DOUBLE"


def _levels(_column: str, _view: str) -> str:
    return f"[{', '.join(f'sum(thermal_{level}_s::{DECIMAL})::DOUBLE' for level in PRESSURE_LEVELS)}]"


def _reading(column: str, _view: str) -> str:
    mean, seconds, source = (f"thermal_{column}_{part}" for part in ("mean", "seconds", "source"))
    weighted = f"sum(({mean} * {seconds})::{FINE})::DOUBLE"
    read_s = f"sum({seconds}::{FINE})::DOUBLE"
    return (
        f"{{mean: coalesce({weighted} / nullif({read_s}, 0), min({mean})), seconds: {read_s},"
        f" maximum: max(thermal_{column}_maximum),"
        f" source: list_sort(list(DISTINCT {source}) FILTER ({source} <> ''))}}"
    )


def _head(column: str, _view: str) -> str:
    return (
        f"{{zeros: sum({column}.zeros)::BIGINT, total: sum({column}.total::{DECIMAL})::DOUBLE,"
        f" minimum: min({column}.minimum), maximum: max({column}.maximum)}}"
    )


PLAIN: dict[str, Callable[[str, str], str]] = {
    "sum": _sum,
    "greatest": lambda column, _view: f"max({column})",
    "least": lambda column, _view: f"min({column})",
    "rows": lambda _column, _view: "count(*)",
    "named": lambda column, _view: f"count(*) FILTER ({column} <> '')",
    "names": lambda column, _view: f"list_sort(list(DISTINCT {column}) FILTER ({column} <> ''))",
    "kinds": lambda column, _view: f"histogram({column}) FILTER ({column} IS NOT NULL)",
    "levels": _levels,
    "reading": _reading,
    "histogram": _head,
}
"""By how a figure adds up: its expression, from column and view. A histogram's buckets are asked apart."""
