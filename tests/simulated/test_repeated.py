"""A store of repeated days is one that readers take for simulated ones, day after day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from garnet_cli.store.cache import ParquetCache
from garnet_cli.store.minutes import read_events, read_minutes
from node_scripts.records import Event, Minute
from node_scripts.store.directory import DirectoryStore
from tests.simulated.fleets import quiet_fleet
from tests.simulated.repeated import simulate_repeated
from tests.simulated.spec import FleetSpec, Injected
from tests.simulated.store import DAY_S, simulate

SPEC = quiet_fleet(begin=date(2026, 10, 5), days=5, nodes=2)


def read(spec: FleetSpec, folder: Path, day: int) -> tuple[list[Minute], list[Event]]:
    """Return the minutes and the events of one UTC day of the spec, from 0 on."""
    store, cache = DirectoryStore(folder), ParquetCache(folder / "cache")
    begin = spec.begin_unix + day * DAY_S
    minutes = read_minutes(store, spec.fleet, begin, begin + DAY_S, cache=cache)
    return list(minutes), list(read_events(store, spec.fleet, begin, begin + DAY_S, cache=cache))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store of five days in UTC, the first two of them simulated."""
    folder = tmp_path_factory.mktemp("repeated")
    simulate_repeated(replace(SPEC, timezone="UTC"), folder, 2)
    return folder


def test_every_day_is_a_simulated_one_at_a_later_time(folder: Path, tmp_path: Path) -> None:
    """Minute by minute, and events with identifiers in the order of their times."""
    spec = replace(SPEC, timezone="UTC")
    simulate(replace(spec, days=2), tmp_path)
    wanted = [read(spec, tmp_path, day) for day in range(2)]
    for day in range(spec.days):
        later = day // 2 * 2 * DAY_S
        minutes, events = read(spec, folder, day)
        assert [
            replace(one, minute_unix=one.minute_unix - later, sealed_unix=one.sealed_unix - later)
            for one in minutes
        ] == wanted[day % 2][0]
        assert [(one.time_unix - later, one.subject, one.detail) for one in events] == [
            (one.time_unix, one.subject, one.detail) for one in wanted[day % 2][1]
        ]
        assert [int(one.id[:16], 16) for one in events] == [int(one.time_unix * 1e6) for one in events]
        assert events


def test_local_days_lie_within_whole_days_in_utc(tmp_path: Path) -> None:
    """Also the first hours of the first local day, which are of the UTC day before."""
    spec = replace(SPEC, timezone="Europe/Berlin", days=2)
    simulate_repeated(spec, tmp_path, 1)
    found = read_minutes(
        DirectoryStore(tmp_path),
        spec.fleet,
        spec.begin_unix,
        spec.end_unix,
        cache=ParquetCache(tmp_path / "cache"),
    )
    assert len(list(found)) == 2 * 2 * 1440


def test_what_happens_once_is_not_repeated(tmp_path: Path) -> None:
    """It is refused, and nothing is written."""
    with pytest.raises(ValueError, match="would be repeated"):
        simulate_repeated(replace(SPEC, injected=(Injected(kind="incident"),)), tmp_path, 2)
    assert not list(tmp_path.iterdir())
