"""Sync: what is missing is copied, manifests last; stopping and running again ends with the same store."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from garnet_cli.errors import GarnetError
from garnet_cli.store.compaction import compact_day
from garnet_cli.store.manifest import number_of
from garnet_cli.store.sync import Synced, copy_missing, difference
from node_scripts.store.directory import DirectoryStore
from node_scripts.store.objects import ObjectStore, StoreUnreachableError
from tests.garnet_cli.store.memory_store import MemoryStore
from tests.garnet_cli.store.shipped import DAY, FLEET, minute, ship_minute


@pytest.fixture
def source() -> MemoryStore:
    """Return a store with raw minutes, a compacted day and a page."""
    store = MemoryStore()
    for number in range(5):
        ship_minute(store, minute(begin=DAY + 60 * number))
    compact_day(store, FLEET, datetime.fromtimestamp(DAY, UTC).date())
    store.put("account/cluster/office/index.html", b"<html>")
    return store


def sync(source: ObjectStore, target: ObjectStore) -> Synced:
    """Compare and copy."""
    return copy_missing(source, target, difference(source, target), lambda _objects, _size: None)


def contents(store: ObjectStore) -> dict[str, bytes]:
    """Return all objects."""
    return {info.key: store.get(info.key) for info in store.list("")}


def test_a_directory_gets_everything_and_then_nothing(source: MemoryStore, tmp_path: Path) -> None:
    """As it is carried to another site."""
    target = DirectoryStore(tmp_path)
    assert sync(source, target).copied == len(source.objects)
    assert contents(target) == contents(source)
    again = sync(source, target)
    assert (again.copied, again.same) == (0, len(source.objects))


def test_only_what_is_missing_or_of_another_size_is_copied(source: MemoryStore) -> None:
    """What the target has beyond the source stays."""
    target = MemoryStore()
    sync(source, target)
    page = "account/cluster/office/index.html"
    target.objects[page] = (b"old", 0.0)
    target.put("other/thing", b"x")
    missing = next(key for key in target.objects if "/minutes/" in key)
    del target.objects[missing]
    found = difference(source, target)
    assert {info.key for info in found.copy} == {page, missing}
    assert found.replaced == {page}
    sync(source, target)
    assert contents(target) == {**contents(source), "other/thing": b"x"}


def test_stopped_at_any_put_it_goes_on_with_no_manifest_before_its_files(
    source: MemoryStore,
) -> None:
    """Killed at each object in turn."""
    manifest = next(key for key in source.objects if number_of(key) is not None)
    files = {key for key in source.objects if key.endswith(".parquet")}
    for point in range(len(source.objects)):
        target = MemoryStore()
        target.fail_at = point
        with pytest.raises(StoreUnreachableError):
            sync(source, target)
        assert manifest not in target.objects or files <= target.objects.keys()
        target.fail_at = None
        sync(source, target)
        assert contents(target) == contents(source)


def test_an_object_that_arrives_short_is_an_error(source: MemoryStore) -> None:
    """Nothing is written of it."""

    class Cutting(MemoryStore):
        def get(self, key: str) -> bytes:
            return super().get(key)[:-1]

    cutting = Cutting()
    cutting.objects = source.objects
    target = MemoryStore()
    with pytest.raises(GarnetError, match="came with"):
        sync(cutting, target)
    assert target.objects == {}


def test_a_target_that_loses_what_it_took_is_found_out(source: MemoryStore) -> None:
    """Sizes are looked at again at the end."""

    class Losing(MemoryStore):
        def put(self, key: str, content: bytes, *, only_new: bool = True) -> bool:
            return super().put(key, content[:3], only_new=only_new)

    with pytest.raises(GarnetError, match="did not arrive whole"):
        sync(source, Losing())


def test_objects_that_the_source_deletes_meanwhile_are_counted(source: MemoryStore) -> None:
    """Compaction may delete raw minutes while they are copied."""
    target = MemoryStore()
    found = difference(source, target)
    del source.objects[next(key for key in source.objects if "/minutes/" in key)]
    assert copy_missing(source, target, found, lambda _objects, _size: None).vanished == 1
    assert contents(target) == contents(source)
