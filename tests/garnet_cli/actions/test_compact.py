"""A whole run: every day with something new, then retention by the store's own clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from garnet_cli.actions.compact import compact
from garnet_cli.store.cache import ParquetCache
from garnet_cli.store.minutes import read_events, read_minutes
from garnet_cli.store.retention import Limits
from tests.garnet_cli.store.memory_store import MemoryStore
from tests.garnet_cli.store.shipped import DAY, FLEET, event, minute, ship_events, ship_minute

DAY_S = 86_400
LIMITS = Limits(raw_days=7, days=20)


def quiet(_day: date, _message: str) -> None:
    """Tell nobody."""


def test_a_month_of_daily_runs_keeps_each_minute_once_within_the_retention(tmp_path: Path) -> None:
    """Raw objects of the last week, compacted days of the last twenty, nothing else."""
    store = MemoryStore()
    shipped = []
    for number in range(30):
        begin = DAY + number * DAY_S
        store.now = float(begin + 100)
        shipped += [minute(begin=begin), minute("mini-2", begin=begin + 60)]
        ship_minute(store, shipped[-2])
        ship_minute(store, shipped[-1])
        ship_events(store, [event(begin)])
        store.now += 3600
        done = compact(store, FLEET, LIMITS, store.now, quiet)
        assert [day.new_inputs for day in done.days] == [3]
    found = list(read_minutes(store, FLEET, DAY, DAY + 31 * DAY_S, cache=ParquetCache(tmp_path)))
    assert found == [one for one in shipped if one.minute_unix >= DAY + 9 * DAY_S]
    events = list(read_events(store, FLEET, DAY, DAY + 31 * DAY_S, cache=ParquetCache(tmp_path)))
    assert len(events) == 21
    raw = {key.split("/")[3] for key in store.objects if "/minutes/" in key}
    oldest = datetime.fromtimestamp(DAY, UTC).date() + timedelta(days=22)
    assert min(raw) == f"date={oldest.isoformat()}"
    assert compact(store, FLEET, LIMITS, store.now, quiet).days == []


def test_a_clock_that_is_years_ahead_deletes_nothing() -> None:
    """Of the operator's machine."""
    store = MemoryStore()
    store.now = float(DAY + 100)
    ship_minute(store, minute())
    compact(store, FLEET, LIMITS, store.now, quiet)
    before = dict(store.objects)
    done = compact(store, FLEET, LIMITS, store.now + 3000 * DAY_S, quiet)
    assert (done.tidied.raw, done.tidied.orphans, done.tidied.expired) == (0, 0, 0)
    assert store.objects == before


def test_a_node_whose_clock_is_years_ahead_deletes_nothing() -> None:
    """What it ships is kept under the days that it says; the others grow no older by it."""
    store = MemoryStore()
    store.now = float(DAY + 100)
    ship_minute(store, minute())
    ship_minute(store, minute("mini-2", begin=DAY + 3000 * DAY_S))
    compact(store, FLEET, LIMITS, store.now, quiet)
    store.now += 3 * DAY_S
    ship_minute(store, minute(begin=DAY + 3 * DAY_S))
    done = compact(store, FLEET, LIMITS, store.now, quiet)
    assert (done.tidied.raw, done.tidied.expired) == (0, 0)


def test_an_empty_store_has_nothing_to_do() -> None:
    """A fleet that has shipped nothing yet."""
    assert compact(MemoryStore(), FLEET, LIMITS, 0.0, quiet).days == []
