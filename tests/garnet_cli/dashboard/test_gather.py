"""Documents made again and again from a store: each minute counted once."""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec
import pytest

from garnet_cli.dashboard.cost import Assumptions
from garnet_cli.dashboard.gather import RECENT_S, WHOLE_EVERY_S, Gatherer
from garnet_cli.fleet.inventory_file import load_inventory
from node_scripts.records import Minute
from node_scripts.store.directory import DirectoryStore
from node_scripts.store.layout import minute_key
from tests.garnet_cli.dashboard import simulated
from tests.garnet_cli.dashboard.pages import NOW

LAST = NOW // 60 * 60 - 60
INVENTORY = """
[fleet]
name = "office"
[[nodes]]
name = "mini-1"
transport = "local"
root = "n1"
"""


class Clock:
    """A time that a test moves."""

    def __init__(self) -> None:
        """Begin at NOW."""
        self.now = float(NOW)

    def __call__(self) -> float:
        """Return it."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return the gatherer's clock."""
    return Clock()


@pytest.fixture
def gatherer(tmp_path: Path, clock: Clock) -> Gatherer:
    """Return a gatherer of the last two hours from an empty store."""
    (tmp_path / "inventory.toml").write_text(INVENTORY)
    (tmp_path / "store").mkdir()
    return Gatherer(
        load_inventory(tmp_path / "inventory.toml"),
        DirectoryStore(tmp_path / "store"),
        hours=2,
        assumptions=Assumptions(),
        refresh_s=30,
        now=clock,
    )


def ship(gatherer: Gatherer, begin: int, end: int) -> int:
    """Put minutes into the store and return their requests."""
    shipped: list[Minute] = list(simulated.minutes(begin, end, ("mini-1",), ("m",)))
    for minute in shipped:
        content = gzip.compress(msgspec.json.encode(minute), mtime=0)
        assert gatherer.store.put(minute_key("office", minute.node, minute.minute_unix), content)
    return sum(minute.models["m"].client.requests for minute in shipped)


def test_what_comes_later_is_added_and_nothing_is_counted_twice(gatherer: Gatherer, clock: Clock) -> None:
    """Document after document, minute after minute."""
    expected = ship(gatherer, LAST - 3600, LAST + 60)
    assert gatherer.document().totals.requests == expected
    assert gatherer.document().totals.requests == expected
    for step in range(1, 9):
        clock.now = NOW + 200.0 * step
        expected += ship(gatherer, LAST + 60 + 180 * (step - 1), LAST + 60 + 180 * step)
        data = gatherer.document()
        assert data.totals.requests == expected
        assert data.generated_unix == clock.now
        assert data.refresh_s == 30


def test_a_backlog_that_comes_late_is_found_by_the_next_whole_reading(
    gatherer: Gatherer, clock: Clock
) -> None:
    """A node that was cut off ships what is older than the recent minutes."""
    expected = ship(gatherer, LAST - 600, LAST + 60)
    assert gatherer.document().totals.requests == expected
    backlog = ship(gatherer, LAST - 3600, LAST - 3000)
    assert LAST - 3000 < NOW - RECENT_S
    assert gatherer.document().totals.requests == expected
    clock.now += WHOLE_EVERY_S + 1
    assert gatherer.document().totals.requests == expected + backlog


def test_a_damaged_object_is_counted_and_the_rest_is_shown(gatherer: Gatherer) -> None:
    """One broken minute among whole ones, counted once."""
    expected = ship(gatherer, LAST - 600, LAST)
    gatherer.store.put(minute_key("office", "mini-1", LAST), b"no gzip")
    for _ in range(2):
        data = gatherer.document()
        assert data.totals.requests == expected
        assert data.completeness.unreadable_objects == 1
