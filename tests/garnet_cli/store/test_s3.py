"""The operator's side on real S3 servers: one that honours conditional puts and one that ignores them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from garnet_cli.store.cache import ParquetCache
from garnet_cli.store.check import check_store
from garnet_cli.store.compaction import compact_day
from garnet_cli.store.minutes import read_minutes
from garnet_cli.store.sync import copy_missing, difference
from node_scripts.store.directory import DirectoryStore
from node_scripts.store.s3 import S3Store
from tests.garnet_cli.store.shipped import DAY, FLEET, minute, ship_minute
from tests.store_servers import address_of, moto_s3, rclone_s3


@pytest.mark.fleet
@pytest.mark.parametrize(("server", "lacks"), [("moto", []), ("rclone", ["conditional put"])])
def test_compaction_check_and_sync_work_on_s3(tmp_path: Path, server: str, lacks: list[str]) -> None:
    """With keys, over HTTP; a missing condition is told and does no harm."""
    (tmp_path / "served").mkdir()
    with moto_s3() if server == "moto" else rclone_s3(tmp_path / "served") as (endpoint, keys, bucket):
        store = S3Store(address_of(endpoint, bucket, "office"), keys)
        try:
            assert [one.name for one in check_store(store, FLEET) if not one.works] == lacks
            compacted_and_copied(store, tmp_path)
        finally:
            store.close()


def compacted_and_copied(store: S3Store, folder: Path) -> None:
    """Ship, compact, read, ship late ones, compact, read and sync."""
    shipped = [minute(begin=DAY + 60 * number) for number in range(40)]
    day = datetime.fromtimestamp(DAY, UTC).date()
    for generation, part in enumerate((shipped[:30], shipped[30:]), 1):
        for one in part:
            ship_minute(store, one)
        assert compact_day(store, FLEET, day).generation == generation
    found = list(read_minutes(store, FLEET, DAY, DAY + 86_400, cache=ParquetCache(folder / "cache")))
    assert found == shipped
    (folder / "copy").mkdir()
    copy = DirectoryStore(folder / "copy")
    copy_missing(store, copy, difference(store, copy), lambda _objects, _size: None)
    assert {info.key: copy.get(info.key) for info in copy.list("")} == {
        info.key: store.get(info.key) for info in store.list("")
    }
    assert difference(store, copy).copy == []
