"""The cache: each file is fetched once, checked, and goes when there is too much."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from garnet_cli.errors import GarnetError
from garnet_cli.store.cache import ParquetCache
from garnet_cli.store.compaction import compact_day
from garnet_cli.store.manifest import Manifest, read_day
from tests.garnet_cli.store.memory_store import MemoryStore
from tests.garnet_cli.store.shipped import DAY, FLEET, minute, ship_minute

TODAY = datetime.fromtimestamp(DAY, UTC).date()


def compacted(store: MemoryStore) -> Manifest:
    """Compact a minute more and return the manifest."""
    ship_minute(store, minute(begin=DAY + 60 * len(store.objects), seed=9))
    compact_day(store, FLEET, TODAY)
    manifest = read_day(store, FLEET, TODAY).manifest
    assert manifest is not None
    store.gets.clear()
    return manifest


def test_a_file_is_fetched_once_and_again_when_it_was_cut(tmp_path: Path) -> None:
    """A name stands for one content."""
    store = MemoryStore()
    manifest = compacted(store)
    files = manifest.of_table("minutes")
    (path,) = ParquetCache(tmp_path / "new").paths(store, manifest, files)
    assert ParquetCache(tmp_path / "new").paths(store, manifest, files) == [path]
    assert len(store.gets) == 1
    path.write_bytes(b"cut")
    ParquetCache(tmp_path / "new").paths(store, manifest, files)
    assert path.stat().st_size == files[0].size_bytes


def test_a_damaged_file_of_the_store_is_an_error_and_is_not_kept(tmp_path: Path) -> None:
    """Never wrong figures."""
    store = MemoryStore()
    manifest = compacted(store)
    (file,) = manifest.of_table("minutes")
    key = manifest.key_of(file)
    content, _ = store.objects[key]
    store.objects[key] = (content[:-1] + b"?", 0.0)
    with pytest.raises(GarnetError, match="is damaged"):
        ParquetCache(tmp_path).paths(store, manifest, [file])
    assert list(tmp_path.iterdir()) == []


def test_the_least_recently_used_go_beyond_the_limit(tmp_path: Path) -> None:
    """But none that somebody may be reading."""
    store = MemoryStore()
    cache = ParquetCache(tmp_path, limit_bytes=1)
    manifest = compacted(store)
    (old,) = cache.paths(store, manifest, manifest.of_table("minutes"))
    manifest = compacted(store)
    both = cache.paths(store, manifest, manifest.of_table("minutes"))
    assert all(path.exists() for path in both)
    os.utime(old, (0, 0))
    manifest = compacted(store)
    newest = manifest.of_table("minutes")[1:]
    kept = cache.paths(store, manifest, newest)
    assert not old.exists()
    assert all(path.exists() for path in kept)


def test_the_folder_is_looked_through_once_and_not_for_each_file_that_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quarter adds hundreds of files to it."""
    looked: list[ParquetCache] = []

    def look(self: ParquetCache) -> None:
        looked.append(self)

    monkeypatch.setattr(ParquetCache, "_prune", look)
    store = MemoryStore()
    cache = ParquetCache(tmp_path)
    for _ in range(3):
        manifest = compacted(store)
        cache.paths(store, manifest, manifest.of_table("minutes")[-1:])
    assert looked == [cache]
