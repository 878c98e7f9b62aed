"""Compact raw objects into Parquet, a UTC day at a time.

New files are written first and the manifest that names them last, so that dying at any point leaves what
was there before, and some files that nobody names. A run only ever adds: what may go is the business of
`retention`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path

from garnet_cli.errors import GarnetError, HeldError
from garnet_cli.store.days import raw_objects
from garnet_cli.store.manifest import (
    CompactedDay,
    Manifest,
    ParquetFile,
    encoded,
    grouped,
    manifest_key,
    read_day,
)
from garnet_cli.store.parquet import ParquetWriters, row_groups
from garnet_cli.store.readers import read_each, read_event_batch, read_minute
from garnet_cli.store.tables import SCHEMAS, event_table, minute_tables
from node_scripts.store.layout import compacted_prefix
from node_scripts.store.objects import ObjectInfo, ObjectStore

FILES_A_TABLE = 8
"""With more files of a table, late inputs' small ones are written together with the others."""

MINUTES_AT_ONCE = 1440
LONGEST_RUN_S = 6 * 3600.0
"""A run that took longer gives up: files that no manifest names are taken for a dead run's after a day."""

ATTEMPTS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class DayResult:
    """What compacting did to one day."""

    date: date
    generation: int
    """Number of the newest manifest; 0: the day is not compacted."""
    new_inputs: int = 0
    set_aside: dict[str, str] = field(default_factory=dict)
    """Newly set aside: key to reason."""
    rows: dict[str, int] = field(default_factory=dict)
    """In all, by table."""
    bytes: int = 0
    """Of all Parquet files."""

    @property
    def changed(self) -> bool:
        """Say whether there was anything to do."""
        return self.new_inputs > 0


def compact_day(
    store: ObjectStore,
    fleet: str,
    day: date,
    clock: Callable[[], float] = time.time,
    listing: Sequence[ObjectInfo] | None = None,
) -> DayResult:
    """Write a new generation of a day if there are raw objects that its newest manifest does not name.

    ``listing`` is of the day's compacted folder, where it is known. When another run was first, look
    again. Raises HeldError if others were first each time, NewerRecordError for records of a newer Garnet.
    """
    for _ in range(ATTEMPTS):
        compacted = read_day(store, fleet, day, listing)
        listing = None
        known = compacted.manifest.keys() if compacted.manifest else set()
        minutes, events = (
            [one.key for one in found if one.key not in known] for found in raw_objects(store, fleet, day)
        )
        if not minutes and not events:
            return _result(day, compacted.manifest)
        run = _Run(store, fleet, compacted, clock)
        manifest = run.write(minutes, events)
        if store.put(manifest_key(fleet, day, manifest.number), encoded(manifest), only_new=True):
            return _result(day, manifest, len(minutes) + len(events), run.set_aside)
    raise HeldError(f"others compacted {day} at the same time", remedy="run it again")


class _Run:
    """One attempt at a day's next generation."""

    def __init__(
        self, store: ObjectStore, fleet: str, compacted: CompactedDay, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._fleet = fleet
        self._day = compacted.day
        self._before = compacted.manifest
        self._number = compacted.next_number
        self._clock = clock
        self._began = clock()
        self._files: list[ParquetFile] = []
        self.set_aside: dict[str, str] = {}

    def write(self, minutes: Sequence[str], events: Sequence[str]) -> Manifest:
        """Write the Parquet files of new inputs and return the manifest that is to name them."""
        before = self._before
        kept = list(before.files) if before else []
        crowded = {name for name in SCHEMAS if sum(one.table == name for one in kept) >= FILES_A_TABLE}
        with ParquetWriters(uuid.uuid4().hex, self._deliver) as writers:
            for one in kept:
                if before and one.table in crowded:
                    for rows in row_groups(self._store.get(before.key_of(one)), one.table):
                        writers.add({one.table: rows})
            read = read_each(self._store, minutes, read_minute, self.set_aside)
            while part := list(islice(read, MINUTES_AT_ONCE)):
                writers.add(minute_tables(part))
            for batch in read_each(self._store, events, read_event_batch, self.set_aside):
                writers.add({"events": event_table(batch)})
            writers.finish()
        if self._clock() - self._began > LONGEST_RUN_S:
            raise GarnetError(f"compacting {self._day} took too long to be safe", remedy="run it again")
        known = before.input_keys() if before else set()
        return Manifest(
            fleet=self._fleet,
            date=self._day,
            number=self._number,
            written_unix=self._clock(),
            inputs=grouped({*known, *minutes, *events} - self.set_aside.keys()),
            set_aside={**(before.set_aside if before else {}), **self.set_aside},
            files=[*(one for one in kept if one.table not in crowded), *self._files],
        )

    def _deliver(self, file: ParquetFile, path: Path) -> None:
        key = compacted_prefix(self._fleet, self._day) + file.name
        self._store.put(key, path.read_bytes(), only_new=True)
        self._files.append(file)


def _result(
    day: date, manifest: Manifest | None, new_inputs: int = 0, set_aside: dict[str, str] | None = None
) -> DayResult:
    files = manifest.files if manifest else []
    rows: dict[str, int] = {}
    for one in files:
        rows[one.table] = rows.get(one.table, 0) + one.rows
    return DayResult(
        date=day,
        generation=manifest.number if manifest else 0,
        new_inputs=new_inputs,
        set_aside=set_aside or {},
        rows=rows,
        bytes=sum(one.size_bytes for one in files),
    )
