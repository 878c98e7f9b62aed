"""SQL over a window of telemetry: DuckDB on Parquet files of this machine, fetched by our own store."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import chain, islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from garnet_cli.errors import UsageError
from garnet_cli.store.cache import ParquetCache
from garnet_cli.store.days import begin_of, days_between
from garnet_cli.store.fetch import each
from garnet_cli.store.manifest import ParquetFile
from garnet_cli.store.minutes import DAY, DaySources, day_sources
from garnet_cli.store.parquet import ParquetWriters
from garnet_cli.store.quantiles import QUANTILES
from garnet_cli.store.readers import read_each, read_event_batch, read_minute
from garnet_cli.store.tables import SCHEMAS, event_table, minute_tables
from node_scripts.store.objects import ObjectStore

MEMORY_LIMIT = "800MB"
RAW_AT_ONCE = 1440
ROWS_AT_ONCE = 1000
READING = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}
"""Statements that only read. ``DESCRIBE``, ``SUMMARIZE`` and ``FROM …`` are selections to DuckDB."""

TIMES = {
    "minutes": ("make_timestamp(minute_unix * 1000000) AS minute", "minute_unix"),
    "models": ("make_timestamp(minute_unix * 1000000) AS minute", "minute_unix"),
    "keys": ("make_timestamp(minute_unix * 1000000) AS minute", "minute_unix"),
    "peers": ("make_timestamp(minute_unix * 1000000) AS minute", "minute_unix"),
    "events": ("make_timestamp((time_unix * 1000000)::BIGINT) AS time", "time_unix"),
}
"""View to its extra column, a UTC TIMESTAMP, and the column that a window is cut by."""


@dataclass(slots=True)
class Answer:
    """Rows as they come, to be taken while the telemetry is open."""

    columns: list[str]
    types: list[str]
    rows: Iterator[tuple[Any, ...]]


@dataclass(slots=True)
class Telemetry:
    """A window of telemetry as views ``minutes``, ``models``, ``keys``, ``peers`` and ``events``.

    ``models`` has a row for each model of each minute, its clients' figures without a prefix and its
    loaders' as ``loader_…``; see quantiles.py for percentiles.
    """

    connection: duckdb.DuckDBPyConnection
    raw_objects: int = 0
    """How many objects were read one by one because no compaction took them in yet."""
    set_aside: dict[str, str] = field(default_factory=dict)
    """Key to reason, of objects that cannot be read."""

    def ask(self, sql: str, parameters: Sequence[Any] = ()) -> Answer:
        """Run one reading statement. Raises UsageError for another one and for DuckDB's own errors."""
        with sql_errors():
            cursor = self.connection.execute(self._reading(sql), list(parameters) or None)
            described = cursor.description or []
            first = cursor.fetchmany(ROWS_AT_ONCE)
        return Answer(
            columns=[one[0] for one in described],
            types=[str(one[1]) for one in described],
            rows=chain(first, self._rest(cursor)),
        )

    @contextmanager
    def batches(self, sql: str, rows: int) -> Iterator[Any]:
        """Yield the rows of one reading statement as Arrow record batches; raises as ``ask``."""
        with sql_errors():
            answer = self.connection.sql(self._reading(sql))
            if answer is None:
                raise UsageError("this statement has no rows")
            yield answer.to_arrow_reader(rows)

    def _reading(self, sql: str) -> duckdb.Statement:
        statements = self.connection.extract_statements(sql)
        if len(statements) != 1 or statements[0].type not in READING:
            raise UsageError("a query is one SELECT statement")
        return statements[0]

    def _rest(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
        with sql_errors():
            while rows := cursor.fetchmany(ROWS_AT_ONCE):
                yield from rows


@contextmanager
def sql_errors() -> Iterator[None]:
    """Let DuckDB's errors leave the block as UsageError, in one line."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise UsageError(
            "the query needs more memory than it is given",
            remedy="narrow its window, or group by less; for percentiles use quantiles(…)",
        ) from error
    except duckdb.Error as error:
        raise UsageError(f"SQL: {' '.join(str(error).split())}") from error


@contextmanager
def telemetry(
    store: ObjectStore,
    fleet: str,
    begin_unix: float,
    end_unix: float,
    *,
    tables: Collection[str] = tuple(SCHEMAS),
    cache: ParquetCache | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> Iterator[Telemetry]:
    """Open the telemetry of [begin, end) for queries.

    What is asked in SQL can read these views and nothing else: no file, no network, no extension.
    Raises StoreError and GarnetError.
    """
    kept = cache or ParquetCache.usual()
    with tempfile.TemporaryDirectory(prefix="garnet-query-") as folder:
        set_aside: dict[str, str] = {}
        compacted: dict[str, list[Path]] = {table: [] for table in SCHEMAS}
        raw: list[DaySources] = []
        days = days_between(begin_unix - DAY.total_seconds(), end_unix)

        def find(day: str) -> DaySources:
            return day_sources(store, fleet, date.fromisoformat(day), kept, tables)

        for sources in each(find, map(date.isoformat, days)):
            set_aside |= sources.set_aside
            for table, paths in sources.files.items():
                compacted[table] += paths
            wanted = begin_of(sources.day + DAY) > begin_unix
            raw.append(sources if wanted else replace(sources, raw_minutes=[]))
        made = raw_files(store, raw, Path(folder), set_aside)
        files = {table: made[table] + paths for table, paths in compacted.items()}
        objects = sum(len(one.raw_minutes) + len(one.raw_events) for one in raw)
        connection = connect(files, begin_unix, end_unix, Path(folder), memory_limit)
        with closing(connection):
            yield Telemetry(connection, objects, set_aside)


def connect(
    files: dict[str, list[Path]], begin_unix: float, end_unix: float, folder: Path, memory_limit: str
) -> duckdb.DuckDBPyConnection:
    """Return a connection that has views over ``files`` and can reach nothing more; spills to ``folder``."""
    connection = duckdb.connect()
    spill = folder / "spill"
    spill.mkdir()
    connection.execute(f"SET memory_limit = '{memory_limit}'")
    connection.execute(f"SET temp_directory = {_quoted(spill)}")
    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute("SET autoload_known_extensions = false")
    connection.execute("SET preserve_insertion_order = false")
    for table, paths in files.items():
        listed = ", ".join(map(_quoted, paths))
        time, cut = TIMES[table]
        source = f"read_parquet([{listed}], union_by_name = true)"
        window = f"{cut} >= {float(begin_unix)!r} AND {cut} < {float(end_unix)!r}"
        connection.execute(f"CREATE VIEW {table} AS SELECT {time}, * FROM {source} WHERE {window}")  # noqa: S608 -- our own words
    connection.execute(QUANTILES)
    every = ", ".join(_quoted(path) for paths in files.values() for path in paths)
    connection.execute(f"SET allowed_paths = [{every}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def raw_files(
    store: ObjectStore, days: Iterable[DaySources], folder: Path, set_aside: dict[str, str]
) -> dict[str, list[Path]]:
    """Write the raw objects of ``days`` as Parquet into ``folder``; every table gets a file.

    An empty one at least: it has all columns, also those that older files lack.
    """
    files: dict[str, list[Path]] = {}
    for table, schema in SCHEMAS.items():
        files[table] = [folder / f"{table}-columns.parquet"]
        pq.write_table(schema.empty_table(), files[table][0])

    def keep(file: ParquetFile, path: Path) -> None:
        files[file.table].append(path.rename(folder / file.name))

    with ParquetWriters("query", keep) as writers:
        for sources in days:
            minutes = read_each(store, sources.raw_minutes, read_minute, set_aside)
            while part := list(islice(minutes, RAW_AT_ONCE)):
                writers.add(minute_tables(part))
            for batch in read_each(store, sources.raw_events, read_event_batch, set_aside):
                writers.add({"events": event_table(batch)})
        writers.finish()
    return files


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
