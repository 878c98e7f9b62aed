"""Read minutes and events of any window, each exactly once: compacted ones and those still raw."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa

from garnet_cli.errors import GarnetError
from garnet_cli.store.cache import ParquetCache
from garnet_cli.store.days import days_between, raw_objects
from garnet_cli.store.manifest import Manifest, read_day
from garnet_cli.store.parquet import matching
from garnet_cli.store.readers import read_each, read_event_batch, read_minute
from garnet_cli.store.tables import INNER, SCHEMAS, events_of, minutes_of
from node_scripts.records import Event, Minute
from node_scripts.store.layout import parse_minute_key
from node_scripts.store.objects import ObjectMissingError, ObjectStore

DAY = timedelta(days=1)
LOOKS = 3
"""How often a day is looked at anew when a file vanishes because a newer generation replaced it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DaySources:
    """Where one day's rows are: local Parquet files by table, and keys of raw objects."""

    day: date
    files: dict[str, list[Path]] = field(default_factory=dict)
    raw_minutes: list[str] = field(default_factory=list)
    raw_events: list[str] = field(default_factory=list)
    set_aside: dict[str, str] = field(default_factory=dict)
    """Key to reason, of what compaction could not read."""


def day_sources(
    store: ObjectStore,
    fleet: str,
    day: date,
    cache: ParquetCache,
    tables: Collection[str] = tuple(SCHEMAS),
) -> DaySources:
    """Find a day's rows and fetch its Parquet files of ``tables``.

    The manifest is read before the raw objects are listed: what arrives in between is raw, and what
    a manifest names is deleted a day later at the earliest. Raises StoreError, GarnetError.
    """
    for look in range(LOOKS):
        manifest = read_day(store, fleet, day).manifest
        try:
            files = {table: _paths(store, manifest, table, cache) for table in tables}
        except ObjectMissingError as error:
            if look == LOOKS - 1:
                raise GarnetError(f"{day}: {error}", remedy="restore it from a copy of the store") from error
            continue
        known = manifest.keys() if manifest else set()
        minutes, events = ([one.key for one in found] for found in raw_objects(store, fleet, day))
        return DaySources(
            day=day,
            files=files,
            raw_minutes=[key for key in minutes if key not in known and parse_minute_key(key)],
            raw_events=[key for key in events if key not in known],
            set_aside=manifest.set_aside if manifest else {},
        )
    raise AssertionError("the last look returns or raises")


def read_minutes(
    store: ObjectStore,
    fleet: str,
    begin_unix: float,
    end_unix: float,
    nodes: Collection[str] | None = None,
    *,
    cache: ParquetCache | None = None,
    set_aside: dict[str, str] | None = None,
) -> Iterator[Minute]:
    """Yield the minutes that begin in [begin, end), of ``nodes`` or all: by day, node, time and part.

    Of raw objects only those of the window and the nodes are fetched; ``set_aside`` takes key and reason of
    each that cannot be read. One day of one node is in memory at a time. Raises StoreError; GarnetError for
    records of a newer Garnet or a damaged file.
    """
    aside = {} if set_aside is None else set_aside
    window = [("minute_unix", ">=", math.ceil(begin_unix)), ("minute_unix", "<", math.ceil(end_unix))]
    for day in days_between(begin_unix, end_unix):
        tables = ("minutes", *(inner.table for inner in INNER))
        sources = day_sources(store, fleet, day, cache or ParquetCache.usual(), tables)
        aside.update(sources.set_aside)
        raw = _by_node(sources.raw_minutes, begin_unix, end_unix)
        for node in sorted({*raw, *_nodes_in(sources.files["minutes"])}):
            if nodes is not None and node not in nodes:
                continue
            filters = [("node", "=", node), *window]
            rows = {table: _rows(sources.files[table], table, filters) for table in tables}
            found = [*minutes_of(rows), *read_each(store, raw.get(node, []), read_minute, aside)]
            for minute in sorted(found, key=lambda one: (one.minute_unix, one.part)):
                if begin_unix <= minute.minute_unix < end_unix:
                    yield minute


def read_events(
    store: ObjectStore,
    fleet: str,
    begin_unix: float,
    end_unix: float,
    nodes: Collection[str] | None = None,
    *,
    cache: ParquetCache | None = None,
    set_aside: dict[str, str] | None = None,
) -> Iterator[Event]:
    """Yield the events of [begin, end), of ``nodes`` or all, by the day of their batch, then by id.

    A batch lies under the day of its first event: the day before is looked at, too. Otherwise as
    ``read_minutes``.
    """
    aside = {} if set_aside is None else set_aside
    for day in days_between(begin_unix - DAY.total_seconds(), end_unix):
        sources = day_sources(store, fleet, day, cache or ParquetCache.usual(), ("events",))
        aside.update(sources.set_aside)
        filters = [("time_unix", ">=", float(begin_unix)), ("time_unix", "<", float(end_unix))]
        found = list(events_of(_rows(sources.files["events"], "events", filters)))
        for batch in read_each(store, sources.raw_events, read_event_batch, aside):
            found += batch
        for event in sorted(found, key=lambda one: one.id):
            if begin_unix <= event.time_unix < end_unix and (nodes is None or event.node in nodes):
                yield event


def _paths(store: ObjectStore, manifest: Manifest | None, table: str, cache: ParquetCache) -> list[Path]:
    return cache.paths(store, manifest, manifest.of_table(table)) if manifest else []


def _rows(paths: Sequence[Path], table: str, filters: Sequence[tuple[str, str, object]]) -> pa.Table:
    parts = [matching(path, table, list(filters)) for path in paths]
    return pa.concat_tables([SCHEMAS[table].empty_table(), *parts])


def _nodes_in(paths: Sequence[Path]) -> set[str]:
    import pyarrow.parquet as pq  # noqa: PLC0415 -- 40 ms that raw days need not pay

    return {
        node for path in paths for node in pq.read_table(path, columns=["node"])["node"].unique().to_pylist()
    }


def _by_node(keys: Sequence[str], begin_unix: float, end_unix: float) -> dict[str, list[str]]:
    """Return the keys of minutes that begin in [begin, end), by node."""
    found: dict[str, list[str]] = {}
    for key in keys:
        named = parse_minute_key(key)
        if named is not None and begin_unix <= named.minute_unix < end_unix:
            found.setdefault(named.node, []).append(key)
    return found
