"""Retention: what goes, what stays, and that no clock or damage takes too much."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from garnet_cli.store.cache import ParquetCache
from garnet_cli.store.compaction import compact_day
from garnet_cli.store.manifest import manifest_key, read_day
from garnet_cli.store.minutes import read_minutes
from garnet_cli.store.retention import Limits, Tidied, tidy_day
from node_scripts.store.layout import compacted_prefix
from tests.garnet_cli.store.memory_store import MemoryStore
from tests.garnet_cli.store.shipped import DAY, FLEET, minute, ship_minute

TODAY = datetime.fromtimestamp(DAY, UTC).date()
DAY_S = 86_400.0
LIMITS = Limits(raw_days=7, days=400)


@pytest.fixture
def store() -> MemoryStore:
    """Return a store with one compacted day of two minutes."""
    found = MemoryStore()
    for number in range(2):
        ship_minute(found, minute(begin=DAY + 60 * number))
    compact_day(found, FLEET, TODAY)
    return found


def tidied(store: MemoryStore, days: float, now_days: float | None = None) -> Tidied:
    """Tidy when the newest day of the store is ``days`` later."""
    newest = TODAY + timedelta(days=int(days))
    return tidy_day(store, FLEET, TODAY, newest, (now_days or days) * DAY_S, LIMITS)


def raw(store: MemoryStore) -> list[str]:
    """Return the keys of raw objects."""
    return [key for key in store.objects if "/minutes/" in key]


@pytest.mark.parametrize(("days", "left"), [(0, 2), (7, 2), (8, 0)])
def test_raw_objects_go_after_their_days(store: MemoryStore, days: int, left: int) -> None:
    """Not a day early."""
    tidied(store, days, now_days=days + 2)
    assert len(raw(store)) == left


def test_raw_objects_stay_until_their_manifest_is_a_day_old(store: MemoryStore) -> None:
    """Somebody may still read by the one before."""
    assert tidied(store, 30, now_days=0.5).raw == 0
    assert tidied(store, 30, now_days=1.5).raw == 2


def test_a_raw_object_that_no_manifest_names_stays(store: MemoryStore) -> None:
    """A late one is compacted first."""
    late = ship_minute(store, minute(begin=DAY + 600))
    assert tidied(store, 30).raw == 2
    assert raw(store) == [late]


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_raw_objects_stay_when_a_parquet_file_is_not_there_whole(store: MemoryStore, damage: str) -> None:
    """They are then the only copy."""
    key = next(key for key in store.objects if key.startswith(compacted_prefix(FLEET, TODAY) + "models"))
    content, modified = store.objects.pop(key)
    if damage == "changed":
        store.objects[key] = (content[:-1] + b"?", modified)
    assert tidied(store, 30).held.endswith("is missing" if damage == "missing" else "is damaged")
    assert len(raw(store)) == 2


def test_nothing_goes_while_a_manifest_cannot_be_read(store: MemoryStore) -> None:
    """What it names cannot be told."""
    store.put(manifest_key(FLEET, TODAY, 2), b"{")
    before = dict(store.objects)
    assert "cannot be read" in tidied(store, 30).held
    assert store.objects == before


def test_a_minute_shipped_again_after_it_was_deleted_is_not_counted_again(
    store: MemoryStore, tmp_path: Path
) -> None:
    """A node that was off for weeks and had not noted its delivery."""
    tidied(store, 30)
    ship_minute(store, minute())
    assert not compact_day(store, FLEET, TODAY).changed
    found = list(read_minutes(store, FLEET, DAY, DAY + DAY_S, cache=ParquetCache(tmp_path)))
    assert found == [minute(), minute(begin=DAY + 60)]
    assert tidied(store, 30).raw == 1


def test_files_of_dead_runs_and_older_generations_go_after_a_day(store: MemoryStore) -> None:
    """What the newest manifest names stays."""
    orphan = compacted_prefix(FLEET, TODAY) + "minutes-00.parquet"
    store.put(orphan, b"x")
    ship_minute(store, minute(begin=DAY + 600))
    compact_day(store, FLEET, TODAY)
    assert tidied(store, 0, now_days=0.9).orphans == 0
    assert tidied(store, 0, now_days=1.1).orphans == 2
    manifest = read_day(store, FLEET, TODAY).manifest
    assert manifest is not None
    named = {manifest.key_of(one) for one in manifest.files} | {manifest_key(FLEET, TODAY, 2)}
    assert {key for key in store.objects if "/compacted/" in key} == named


def test_a_day_past_the_retention_goes_whole(store: MemoryStore) -> None:
    """Raw, compacted, manifests."""
    assert tidied(store, 400).expired == 0
    assert tidied(store, 401).expired > 0
    assert store.objects == {}
