"""What every kind of store does: a directory, an S3 server that honours conditions, one that does not."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from node_scripts.store.objects import (
    ObjectMissingError,
    ObjectStore,
    StoreAddress,
    StoreRefusedError,
)
from node_scripts.store.open import open_object_store
from node_scripts.store.s3 import S3Store
from tests.store_servers import address_of, moto_s3, rclone_s3

KINDS = ["directory", "moto", "rclone"]


@pytest.fixture(scope="module", params=KINDS)
def whole_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ObjectStore]:
    """Return a store of each kind, open for all of the module's tests."""
    folder = tmp_path_factory.mktemp("store")
    if request.param == "directory":
        yield open_object_store(StoreAddress(str(folder)))
        return
    with moto_s3() if request.param == "moto" else rclone_s3(folder) as (endpoint, keys, bucket):
        store = S3Store(address_of(endpoint, bucket, "our/part/"), keys)
        yield store
        store.close()


@pytest.fixture
def store(whole_store: ObjectStore) -> Iterator[ObjectStore]:
    """Return the store without objects."""
    whole_store.delete([one.key for one in whole_store.list("")])
    yield whole_store
    whole_store.delete([one.key for one in whole_store.list("")])


def test_returns_what_was_put(store: ObjectStore) -> None:
    """Bytes come back as they were given, for keys of the shape that minutes have."""
    key = "fleets/f/minutes/date=2026-11-21/node=mini-1/094200-0.json.gz"
    content = bytes(range(256)) * 5000
    assert store.put(key, content) is True
    assert store.get(key) == content
    assert store.put("empty", b"") is True
    assert store.get("empty") == b""


def test_putting_equal_bytes_again_is_harmless(store: ObjectStore) -> None:
    """A resend leaves one object with the same content, whether the store honours conditions or not."""
    store.put("a/b", b"one")
    assert store.put("a/b", b"one") in (True, False)
    assert store.get("a/b") == b"one"
    assert [one.key for one in store.list("")] == ["a/b"]


def test_replaces_an_object_when_told_to(store: ObjectStore) -> None:
    """Without only_new the newer content stays."""
    store.put("a/b", b"one")
    assert store.put("a/b", b"two", only_new=False) is True
    assert store.get("a/b") == b"two"


def test_a_missing_object_is_told_apart(store: ObjectStore) -> None:
    """Its own error, naming the key; also below a key that is an object itself."""
    store.put("a/b", b"one")
    for key in ("a/c", "no/such", "a"):
        with pytest.raises(ObjectMissingError, match=key):
            store.get(key)


def test_lists_by_prefix_in_the_order_of_keys(store: ObjectStore) -> None:
    """Whole keys are compared: `a-b` comes before `a/…`; a prefix need not end at a slash."""
    keys = ["a-b", "a/2", "a/10", "a.b", "ab/c", "a/b/c", "b", "a0"]
    for key in keys:
        store.put(key, key.encode())
    assert [one.key for one in store.list("")] == sorted(keys)
    assert [one.key for one in store.list("a/")] == ["a/10", "a/2", "a/b/c"]
    assert [one.key for one in store.list("a")] == sorted(key for key in keys if key.startswith("a"))
    assert [one.key for one in store.list("a/1")] == ["a/10"]
    assert [one.key for one in store.list("nothing/here")] == []
    sizes = {one.key: one.size_bytes for one in store.list("a/b")}
    assert sizes == {"a/b/c": 5}


def test_lists_from_after_a_key(store: ObjectStore) -> None:
    """The key itself is left out; one that does not exist is only a place in the order."""
    keys = sorted(["a/1", "a/2/x", "a/2/y", "a/3", "b"])
    for key in keys:
        store.put(key, b"x")
    for after in ["", "a", "a/", "a/1", "a/2", "a/2/x", "a/2/z", "a/9", "b", "c"]:
        expected = [key for key in keys if key > after]
        assert [one.key for one in store.list("", start_after=after)] == expected, after


def test_lists_more_than_a_page(store: ObjectStore) -> None:
    """1,005 objects (S3's pages hold 1,000) come whole, once each, in order; and go in one call."""
    keys = [f"many/{number:05d}" for number in range(1005)]
    threads = [
        threading.Thread(target=lambda n=n: [store.put(key, b"x") for key in keys[n::8]]) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.key for one in store.list("many/")] == keys
    assert [one.key for one in store.list("many/", start_after=keys[1001])] == keys[1002:]
    store.delete(keys)
    assert list(store.list("many/")) == []


def test_deletes_what_is_there(store: ObjectStore) -> None:
    """Others stay; a key that is not there is none to delete."""
    for key in ("x/1", "x/2", "y"):
        store.put(key, b"x")
    store.delete(["x/1", "x/never", "never"])
    assert [one.key for one in store.list("")] == ["x/2", "y"]


@pytest.mark.parametrize(
    "key", ["../out", "a/../b", "/etc/passwd", "a//b", "", "a/.hidden", ".", "a\nb", "a/", "x" * 901, "a\\b"]
)
def test_refuses_keys_that_lead_elsewhere(store: ObjectStore, key: str) -> None:
    """No kind of store takes them, for any use."""
    with pytest.raises(StoreRefusedError):
        store.put(key, b"x")
    with pytest.raises(StoreRefusedError):
        store.get(key)
    with pytest.raises(StoreRefusedError):
        store.delete([key])
