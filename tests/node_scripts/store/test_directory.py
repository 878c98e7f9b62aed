"""What only a directory store shows: its files."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from node_scripts.store.directory import DirectoryStore
from node_scripts.store.objects import (
    StoreAddress,
    StoreRefusedError,
    StoreUnreachableError,
)
from node_scripts.store.open import open_object_store


def test_an_existing_object_is_left_alone(tmp_path: Path) -> None:
    """only_new returns False, and the first content stays."""
    store = DirectoryStore(tmp_path)
    assert store.put("a/b", b"first") is True
    assert store.put("a/b", b"second") is False
    assert store.get("a/b") == b"first"


def test_one_of_many_writers_wins(tmp_path: Path) -> None:
    """Twenty threads put one key at once: one True, and the content is its."""
    store = DirectoryStore(tmp_path)
    wins: list[int] = []
    start = threading.Barrier(20)

    def put(number: int) -> None:
        start.wait()
        if store.put("a/b", b"%d" % number):
            wins.append(number)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wins) == 1
    assert store.get("a/b") == b"%d" % wins[0]
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


def test_unfinished_files_are_not_objects(tmp_path: Path) -> None:
    """What a writer that died left behind is not listed."""
    store = DirectoryStore(tmp_path)
    store.put("a/b", b"x")
    (tmp_path / "a" / ".unfinished-1").write_bytes(b"half")
    assert [one.key for one in store.list("")] == ["a/b"]


def test_empty_folders_go_with_their_last_object(tmp_path: Path) -> None:
    """But never the store's own folder."""
    store = DirectoryStore(tmp_path / "store")
    (tmp_path / "store").mkdir()
    store.put("a/b/c", b"x")
    store.delete(["a/b/c"])
    assert list((tmp_path / "store").iterdir()) == []


def test_what_only_looks_like_an_object_is_none_to_delete(tmp_path: Path) -> None:
    """A folder of objects, and a name below an object."""
    store = DirectoryStore(tmp_path)
    store.put("x/1", b"x")
    store.put("y", b"x")
    store.delete(["x", "y/below"])
    assert [one.key for one in store.list("")] == ["x/1", "y"]


def test_a_share_that_is_not_mounted_is_unreachable(tmp_path: Path) -> None:
    """A missing folder is not made: what lies beneath a mount point is no store."""
    store = DirectoryStore(tmp_path / "away")
    with pytest.raises(StoreUnreachableError, match="no such folder"):
        store.put("a", b"x")
    with pytest.raises(StoreUnreachableError):
        list(store.list(""))
    assert not (tmp_path / "away").exists()


def test_a_key_below_an_object_is_refused(tmp_path: Path) -> None:
    """A file lies where a folder must be."""
    store = DirectoryStore(tmp_path)
    store.put("a", b"x")
    with pytest.raises(StoreRefusedError):
        store.put("a/b", b"x")


def test_an_address_of_no_kind_is_refused() -> None:
    """Neither a bucket nor an absolute path."""
    with pytest.raises(StoreRefusedError, match="not a store"):
        open_object_store(StoreAddress("relative/path"))
