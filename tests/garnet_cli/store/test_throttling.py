"""Runs of throttled minutes, and the temperatures at which they begin."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from garnet_cli.store.query import Telemetry, connect
from garnet_cli.store.tables import SCHEMAS, minute_tables
from garnet_cli.store.throttling import Throttling, throttling
from node_scripts.records import Minute, Reading


def minute(number: int, level: int | None, celsius: float | None = None, node: str = "a") -> Minute:
    """Return a busy minute at a thermal level; ``None``: the level was not read."""
    found = Minute(fleet="rack", node=node, minute_unix=60 * number, sealed_unix=0, covered_s=60)
    if level is not None:
        found.thermal.level_s[level] = 60.0
        found.thermal.observed_s = found.thermal.packed_s = 60.0
    if celsius is not None:
        found.thermal.package_celsius = Reading(mean=celsius, maximum=celsius, source="s", seconds=60)
    return found


def told(tmp_path: Path, *minutes: Minute) -> dict[str, Throttling]:
    """Return the throttling of the first hundred minutes."""
    files = {}
    for table, rows in {"events": SCHEMAS["events"].empty_table(), **minute_tables(minutes)}.items():
        files[table] = [tmp_path / f"{table}.parquet"]
        pq.write_table(rows, files[table][0])
    connection = connect(files, 0, 6000, tmp_path, "800MB")
    try:
        return throttling(Telemetry(connection), 0, 6000)
    finally:
        connection.close()


def test_runs_are_counted_not_minutes(tmp_path: Path) -> None:
    """A gap in the minutes ends a run, as a cool minute does."""
    levels = {0: 0, 1: 1, 2: 2, 3: 0, 4: 1, 7: 1, 8: 1}
    found = told(tmp_path, *(minute(number, level) for number, level in levels.items()))
    assert found["a"].events == 3


def test_a_level_that_is_never_read_is_unknown(tmp_path: Path) -> None:
    """Not free of throttling."""
    assert told(tmp_path, minute(0, None))["a"].events is None


def test_onset_is_where_throttling_begins(tmp_path: Path) -> None:
    """And the busy temperature is near the hottest busy minute."""
    hot = [minute(number, 1, 96.0 + number % 5, "b") for number in range(40)]
    cool = [minute(number, 0, 70.0, "b") for number in range(40, 60)]
    found = told(tmp_path, *hot, *cool)["b"]
    assert found.onset_celsius == pytest.approx(96.0)
    assert found.busy_celsius == pytest.approx(100.0, abs=0.1)
