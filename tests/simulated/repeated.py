"""Fill months of a store with a few simulated days over and over: a large fleet takes seconds for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from garnet_cli.store.days import days_between
from garnet_cli.store.manifest import read_day
from garnet_cli.store.parquet import row_groups
from garnet_cli.store.tables import events_of
from node_scripts.records import Event
from node_scripts.store.directory import DirectoryStore
from tests.simulated.spec import FleetSpec
from tests.simulated.store import DAY_S, compact_day, simulate

TIME = "_unix"
"""End of the names of columns that hold a time."""


def simulate_repeated(spec: FleetSpec, folder: Path, days: int) -> None:
    """Write a fleet's telemetry into the directory store at ``folder``, only ``days`` of it simulated.

    These are the first of the whole UTC days that the spec's local days lie in, and they follow each other up
    to the last: rhythm and rows are those of the fleet, but no traffic grows, and nothing differs from one
    round to the next but the times. Raises ValueError for a spec with something injected.
    """
    if spec.injected:
        raise ValueError("what is injected happens once, and would be repeated")
    every = days_between(spec.begin_unix, spec.end_unix)
    first = replace(spec, begin=every[0], days=min(days, len(every)), timezone="UTC")
    simulate(first, folder)
    for number in range(days, len(every)):
        source = every[number % days]
        compact_day(folder, spec, every[number], _later(spec, folder, source, number // days * days * DAY_S))


def _later(
    spec: FleetSpec, folder: Path, day: date, seconds: int
) -> Iterator[tuple[dict[str, Any], list[Event]]]:
    """Yield the rows and events of a day that was written, as if they were ``seconds`` later."""
    store = DirectoryStore(folder)
    manifest = read_day(store, spec.fleet, day).manifest
    if manifest is None:
        raise ValueError(f"{day} was not written")
    for file in manifest.files:
        for rows in row_groups(store.get(manifest.key_of(file)), file.table):
            if file.table == "events":
                yield {}, [_event_later(event, seconds) for event in events_of(rows)]
            else:
                yield {file.table: _rows_later(rows, seconds)}, []


def _rows_later(rows: Any, seconds: int) -> Any:
    for place, field in enumerate(rows.schema):
        if field.name.endswith(TIME):
            later = pc.add(rows.column(place), pa.scalar(seconds, field.type))
            rows = rows.set_column(place, field, later)
    return rows


def _event_later(event: Event, seconds: int) -> Event:
    micros, _, serial = event.id.partition("-")
    later = int(micros, 16) + seconds * 1_000_000
    return replace(event, id=f"{later:016x}-{serial}", time_unix=event.time_unix + seconds)
