"""What is shipped in which order, and what counts as delivered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from node_scripts.monitor.sealed import Sealing, decode_minute
from node_scripts.monitor.shipper import LONGEST_WAIT_S, REFUSED_WAIT_S, Shipping, ship, wait_s
from node_scripts.monitor.spool import Spool
from node_scripts.store.objects import (
    ObjectInfo,
    ObjectMissingError,
    StoreRefusedError,
    StoreUnreachableError,
)
from tests.node_scripts.monitor.made import MINUTE
from tests.node_scripts.monitor.running import eventually
from tests.node_scripts.monitor.test_spool import event, minute


class FakeStore:
    """Objects in memory; ``before_put`` may raise; ``conditional`` says whether old ones are left alone."""

    def __init__(self, *, conditional: bool = True) -> None:
        """Begin empty."""
        self.objects: dict[str, bytes] = {}
        self.order: list[str] = []
        self.conditional = conditional
        self.before_put: Callable[[str], None] = lambda _: None

    def put(self, key: str, content: bytes, *, only_new: bool = True) -> bool:
        """Write."""
        self.before_put(key)
        if only_new and self.conditional and key in self.objects:
            return False
        self.objects[key] = content
        self.order.append(key)
        return True

    def get(self, key: str) -> bytes:
        """Read."""
        if key not in self.objects:
            raise ObjectMissingError(key)
        return self.objects[key]

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        """List."""
        for key in sorted(self.objects):
            if key.startswith(prefix) and key > start_after:
                yield ObjectInfo(key, len(self.objects[key]), 0.0)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete."""
        for key in keys:
            self.objects.pop(key, None)

    def minutes(self) -> Sequence[int]:
        """Return the numbers of the minutes that were put, in the order in which they came."""
        bodies = [self.objects[key] for key in self.order if "/minutes/" in key]
        return [(decode_minute(body).minute_unix - MINUTE) // 60 for body in bodies]


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """Return a spool that is older than all minutes."""
    spool = Spool(tmp_path / "spool.sqlite", 1 << 24, MINUTE - 1000.0)
    yield spool
    spool.close()


def seal(spool: Spool, *numbers: int) -> None:
    """Seal minutes, one transaction each."""
    for number in numbers:
        spool.seal(Sealing(minutes=[minute(MINUTE + 60 * number)], events=[event(MINUTE + 60.0 * number)]))


def go() -> bool:
    """Never stop."""
    return False


def test_the_newest_goes_first_then_the_oldest(spool: Spool) -> None:
    """And everything in the end; the spool is empty then."""
    seal(spool, *range(6))
    store = FakeStore()
    result = ship(spool, store, 100.0, go)
    assert store.minutes() == [5, 0, 1, 2, 3, 4]
    assert (result.shipped, result.left, result.failure) == (6, False, None)
    assert spool.waiting() == (0, 0)
    assert sum("/events/" in key for key in store.order) == 1


def test_the_present_is_not_kept_waiting_by_a_backlog(spool: Spool) -> None:
    """A minute that is sealed while a backlog is shipped is the next to go."""
    seal(spool, *range(50))
    store = FakeStore()

    def seal_meanwhile(key: str) -> None:
        if "/minutes/" in key and len(store.minutes()) in (10, 20):
            seal(spool, 100 + len(store.minutes()))

    store.before_put = seal_meanwhile
    ship(spool, store, 100.0, go)
    order = store.minutes()
    assert order.index(110) == 11
    assert order.index(120) == 21
    assert sorted(order) == [*range(50), 110, 120]


def test_a_pass_ends_in_time(spool: Spool) -> None:
    """Its budget bounds the backlog, never the newest minute."""
    seal(spool, *range(5))
    ticks = iter(range(1000))
    result = ship(spool, FakeStore(), 3.0, go, clock=lambda: float(next(ticks)))
    assert result.left
    assert 1 <= result.shipped < 5


def test_a_failure_leaves_the_rest_for_later(spool: Spool) -> None:
    """Nothing is forgotten that did not arrive."""
    seal(spool, *range(5))
    store = FakeStore()

    def fail_after_two(_: str) -> None:
        if len(store.minutes()) >= 2:
            raise StoreUnreachableError("gone")

    store.before_put = fail_after_two
    result = ship(spool, store, 100.0, go)
    assert (result.shipped, result.left) == (2, True)
    assert isinstance(result.failure, StoreUnreachableError)
    assert spool.waiting()[0] == 3


def test_what_arrived_without_an_answer_is_sent_again_without_harm(spool: Spool) -> None:
    """The store has it already and says so: delivered, once."""
    seal(spool, 0)
    row = spool.oldest()
    assert row is not None
    for conditional in (True, False):
        store = FakeStore(conditional=conditional)
        store.objects[row.key] = row.body
        result = ship(spool, store, 100.0, go)
        assert result.shipped == 1
        assert [key for key in store.objects if "/minutes/" in key] == [row.key]
        seal(spool, 0)
        row = spool.oldest()
        assert row is not None


def test_another_minute_under_the_same_key_is_not_overwritten(spool: Spool) -> None:
    """A node whose spool was lost once, or whose clock has jumped: it is shipped as another part."""
    seal(spool, 0)
    row = spool.oldest()
    assert row is not None
    store = FakeStore()
    store.objects[row.key] = b"another"
    ship(spool, store, 100.0, go)
    assert store.objects[row.key] == b"another"
    assert [key.rpartition("-")[2] for key in store.order if "/minutes/" in key] == ["1.json.gz"]
    assert spool.waiting()[0] == 0


def test_a_new_spool_looks_before_it_overwrites(tmp_path: Path) -> None:
    """Stores without conditions, too: minutes up to its beginning may be there from the spool before."""
    spool = Spool(tmp_path / "new.sqlite", 1 << 20, MINUTE + 30.0)
    spool.seal(Sealing(minutes=[minute(MINUTE)]))
    row = spool.oldest()
    assert row is not None
    store = FakeStore(conditional=False)
    store.objects[row.key] = b"another"
    ship(spool, store, 100.0, go)
    assert store.objects[row.key] == b"another"
    assert len(store.objects) == 2
    spool.close()


def test_a_new_spools_first_minute_is_shipped(tmp_path: Path) -> None:
    """Nothing lies there: it is the minute."""
    spool = Spool(tmp_path / "new.sqlite", 1 << 20, MINUTE + 30.0)
    spool.seal(Sealing(minutes=[minute(MINUTE)]))
    store = FakeStore()
    assert ship(spool, store, 100.0, go).shipped == 1
    assert [key.rpartition("-")[2] for key in store.objects] == ["0.json.gz"]
    spool.close()


def test_a_garbled_minute_does_not_hold_the_others_up(spool: Spool, tmp_path: Path) -> None:
    """It is set aside and counted."""
    seal(spool, 0, 1, 2)
    spool._database.execute("UPDATE minutes SET body=x'1f8b00' WHERE minute=?", (MINUTE,))
    result = ship(spool, FakeStore(), 100.0, go)
    assert (result.shipped, result.garbled, result.left) == (2, 1, False)
    assert (tmp_path / "garbled-minute").read_bytes() == b"\x1f\x8b\x00"


def test_pauses_grow_and_are_spread() -> None:
    """At most a minute while a store is away; minutes while it refuses."""
    assert [wait_s(failures, False, 1.0) for failures in (1, 2, 3)] == [4.0, 8.0, 16.0]
    assert wait_s(50, False, 1.0) == LONGEST_WAIT_S
    assert wait_s(3, False, 0.0) == 8.0
    assert wait_s(1, True, 0.5) == REFUSED_WAIT_S


def test_a_thread_ships_and_tells_how_it_is(spool: Spool) -> None:
    """Down: counted and timed; told to retry: shipped, and all well."""
    store = FakeStore()
    down = True

    def fail_while_down(_: str) -> None:
        if down:
            raise StoreRefusedError("wrong key", "correct it")

    store.before_put = fail_while_down
    shipping = Shipping(spool, lambda: store)
    shipping.start()
    seal(spool, 0, 1)
    shipping.wake()
    eventually(lambda: shipping.store_ok is False, "it is refused", 5)
    assert shipping.unreachable_s(1e12) > 0
    assert shipping.take_counts()["store_failures"] == 1
    assert shipping.take_counts()["store_failures"] == 0
    down = False
    shipping.retry_now()
    eventually(lambda: spool.waiting()[0] == 0, "it is shipped", 5)
    eventually(lambda: shipping.store_ok is True, "all is well", 5)
    assert shipping.unreachable_s(1e12) == 0.0
    assert shipping.last_shipped_unix is not None
    shipping.stop(1.0)


def test_stopping_ships_once_more(spool: Spool) -> None:
    """What was sealed last is in the store."""
    store = FakeStore()
    shipping = Shipping(spool, lambda: store)
    shipping.start()
    seal(spool, 0)
    shipping.stop(5.0)
    assert store.minutes() == [0]


def test_a_damaged_spool_is_told(spool: Spool) -> None:
    """The monitor replaces it; the thread waits."""
    shipping = Shipping(spool, FakeStore)
    spool._database.execute("DROP TABLE minutes")
    shipping.start()
    shipping.wake()
    eventually(lambda: shipping.corrupt, "it is told", 5)
    shipping.stop(1.0)
