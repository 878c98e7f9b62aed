"""Write a simulated fleet's minutes and events into a store of its own."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from garnet_cli.store.days import begin_of, day_of, days_between
from garnet_cli.store.manifest import Manifest, ParquetFile, encoded, manifest_key
from garnet_cli.store.parquet import ParquetWriters
from garnet_cli.store.tables import event_table, minutes_of
from node_scripts.records import Event
from node_scripts.store.layout import compacted_prefix, events_key, minute_key
from tests.simulated.draw import MINUTE_S, Drawn, draw
from tests.simulated.happenings import drawn_events, told_events
from tests.simulated.spec import FleetSpec
from tests.simulated.tables import minute_rows
from tests.simulated.truth import Truth

DAY_S = 86_400
CELLS = 200_000
"""Most minutes, nodes and models that are drawn at once: bounds the memory."""


def simulate(spec: FleetSpec, folder: Path, *, raw_days: int = 0) -> Truth:
    """Write a fleet's telemetry into the directory store at ``folder``, and return what is true of it.

    Days are written as compacted Parquet with their manifests; the last ``raw_days`` UTC days as the objects
    that nodes ship. The same spec writes the same bytes.
    """
    truth = Truth(injected=spec.injected)
    days = days_between(spec.begin_unix, spec.end_unix)
    told = told_events(spec)
    for number, day in enumerate(days):
        first, last = max(begin_of(day), spec.begin_unix), min(begin_of(day) + DAY_S, spec.end_unix)
        events = [event for event in told if first <= event.time_unix < last]
        parts = _parts(spec, first, last, events, truth)
        if number >= len(days) - raw_days:
            _ship(folder, spec, parts)
        else:
            compact_day(folder, spec, day, parts)
        truth.events += len(events)
    return truth


def _parts(
    spec: FleetSpec, first: int, last: int, events: list[Event], truth: Truth
) -> Iterator[tuple[dict[str, Any], list[Event]]]:
    """Yield a day's rows and events in parts; ``events`` grows by what was drawn."""
    minutes = max(60, CELLS // (len(spec.nodes) * len(spec.models)))
    told = list(events)
    for begin in range(first, last, minutes * MINUTE_S):
        drawn: Drawn = draw(spec, np.arange(begin, min(last, begin + minutes * MINUTE_S), MINUTE_S), MINUTE_S)
        truth.add(spec, drawn)
        found = drawn_events(spec, drawn)
        events += found
        yield minute_rows(spec, drawn), sorted([*told, *found], key=lambda event: event.id)
        told = []


def compact_day(
    folder: Path, spec: FleetSpec, day: date, parts: Iterator[tuple[dict[str, Any], list[Event]]]
) -> None:
    """Write one UTC day, its rows by table and its events in parts, as Parquet with a manifest."""
    files: list[ParquetFile] = []
    place = folder / compacted_prefix(spec.fleet, day)
    place.mkdir(parents=True, exist_ok=True)

    def keep(file: ParquetFile, path: Path) -> None:
        (place / file.name).write_bytes(path.read_bytes())
        files.append(file)

    with ParquetWriters(f"simulated {day.isoformat()}", keep) as writers:
        for rows, events in parts:
            writers.add(rows)
            writers.add({"events": event_table(events)})
        writers.finish()
    manifest = Manifest(
        fleet=spec.fleet, date=day, number=1, written_unix=float(begin_of(day) + DAY_S), files=files
    )
    (folder / manifest_key(spec.fleet, day, 1)).write_bytes(encoded(manifest))


def _ship(folder: Path, spec: FleetSpec, parts: Iterator[tuple[Mapping[str, Any], Sequence[Event]]]) -> None:
    for rows, events in parts:
        for minute in minutes_of(rows):
            key = minute_key(spec.fleet, minute.node, minute.minute_unix, minute.part)
            _write(folder / key, msgspec.json.encode(minute))
        ordered = sorted(events, key=lambda event: (day_of(event.time_unix), event.node, event.id))
        for _, group in groupby(ordered, lambda event: (day_of(event.time_unix), event.node)):
            batch = list(group)
            key = events_key(spec.fleet, batch[0].node, batch[0].time_unix, batch[0].id)
            _write(folder / key, b"".join(msgspec.json.encode(event) + b"\n" for event in batch))


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, 6, mtime=0))
