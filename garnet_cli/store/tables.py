"""The five tables of a compacted day, and the way from records to their rows and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from garnet_cli.store.columns import Column, columns_of, nested
from node_scripts.decoding import convert
from node_scripts.records import (
    RECORD_SCHEMA,
    ClientSide,
    Event,
    KeyMinute,
    LoaderSide,
    Minute,
    ModelMinute,
    PeerMinute,
)

IDENTITY = pa.schema([("node", pa.string()), ("minute_unix", pa.int64()), ("part", pa.int64())])
"""What says of every row but an event's which record it came from."""

MINUTE_COLUMNS = columns_of(Minute)
MODEL_COLUMNS = [
    *columns_of(ClientSide, "", ("client",)),
    *columns_of(LoaderSide, "loader_", ("loader",), {"loader": "loader_name"}),
]
"""A client's figures carry no prefix, a loader's ``loader_``."""
KEY_COLUMNS = columns_of(KeyMinute)
PEER_COLUMNS = columns_of(PeerMinute)
EVENT_COLUMNS = columns_of(Event)


@dataclass(frozen=True, slots=True)
class Inner:
    """A table of the entries of one of a minute's dicts."""

    table: str
    attribute: str
    label: str
    """Column of the dict's key."""
    kind: type
    columns: Sequence[Column]

    def schema(self) -> Any:
        """Return its Arrow schema."""
        return pa.schema(
            [*IDENTITY, (self.label, pa.string()), *((one.name, one.type) for one in self.columns)]
        )

    def rows(self, minutes: Sequence[Minute]) -> Any:
        """Return the entries of ``minutes`` as a table."""
        held = [
            (minute, name, entry)
            for minute in minutes
            for name, entry in getattr(minute, self.attribute).items()
        ]
        entries = [entry for _, _, entry in held]
        arrays = [
            pa.array([minute.node for minute, _, _ in held], pa.string()),
            pa.array([minute.minute_unix for minute, _, _ in held], pa.int64()),
            pa.array([minute.part for minute, _, _ in held], pa.int64()),
            pa.array([name for _, name, _ in held], pa.string()),
            *(column.array(entries) for column in self.columns),
        ]
        return pa.Table.from_arrays(arrays, schema=self.schema())

    def entry(self, row: Mapping[str, Any]) -> Any:
        """Return one row's entry."""
        return convert(nested(self.columns, row), self.kind)


INNER = (
    Inner("models", "models", "model", ModelMinute, MODEL_COLUMNS),
    Inner("keys", "keys", "key", KeyMinute, KEY_COLUMNS),
    Inner("peers", "peers", "peer", PeerMinute, PEER_COLUMNS),
)

SCHEMAS: dict[str, Any] = {
    "minutes": pa.schema([(column.name, column.type) for column in MINUTE_COLUMNS]),
    **{inner.table: inner.schema() for inner in INNER},
    "events": pa.schema([*((one.name, one.type) for one in EVENT_COLUMNS), ("detail", pa.string())]),
}
"""Table to its Arrow schema. Columns are only ever added; an old file lacks the later ones."""


def minute_tables(minutes: Sequence[Minute]) -> dict[str, Any]:
    """Return the rows of ``minutes`` by table."""
    arrays = [column.array(minutes) for column in MINUTE_COLUMNS]
    return {
        "minutes": pa.Table.from_arrays(arrays, schema=SCHEMAS["minutes"]),
        **{inner.table: inner.rows(minutes) for inner in INNER},
    }


def event_table(events: Sequence[Event]) -> Any:
    """Return the rows of ``events``; ``detail`` is JSON text."""
    details = [json.dumps(event.detail, sort_keys=True, ensure_ascii=False) for event in events]
    arrays = [*(column.array(events) for column in EVENT_COLUMNS), pa.array(details, pa.string())]
    return pa.Table.from_arrays(arrays, schema=SCHEMAS["events"])


def minutes_of(tables: Mapping[str, Any]) -> Iterator[Minute]:
    """Yield the minutes whose rows ``tables`` holds, in the order of ``minutes``.

    Raises ValueError for rows of a later schema than this Garnet's.
    """
    entries = {inner.table: _by_identity(inner, tables[inner.table].to_pylist()) for inner in INNER}
    for row in tables["minutes"].to_pylist():
        if row["schema"] > RECORD_SCHEMA:
            raise ValueError(f"rows of schema {row['schema']}, this garnet reads up to {RECORD_SCHEMA}")
        identity = _identity(row)
        inner_dicts = {inner.attribute: entries[inner.table].get(identity, {}) for inner in INNER}
        minute = convert(nested(MINUTE_COLUMNS, row), Minute)
        for attribute, held in inner_dicts.items():
            setattr(minute, attribute, held)
        yield minute


def events_of(table: Any) -> Iterator[Event]:
    """Yield the events whose rows ``table`` holds."""
    for row in table.to_pylist():
        yield convert({**nested(EVENT_COLUMNS, row), "detail": json.loads(row["detail"])}, Event)


def conformed(table: Any, name: str) -> Any:
    """Return rows of an older file with the columns that came later, null."""
    schema = SCHEMAS[name]
    arrays = [
        table.column(field.name).cast(field.type)
        if field.name in table.column_names
        else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _identity(row: Mapping[str, Any]) -> tuple[str, int, int]:
    return (row["node"], row["minute_unix"], row["part"])


def _by_identity(
    inner: Inner, rows: Iterable[Mapping[str, Any]]
) -> dict[tuple[str, int, int], dict[str, Any]]:
    found: dict[tuple[str, int, int], dict[str, Any]] = {}
    for row in rows:
        found.setdefault(_identity(row), {})[row[inner.label]] = inner.entry(row)
    return found
