"""Which raw objects are fetched for a window."""

from __future__ import annotations

from pathlib import Path

from garnet_cli.store.cache import ParquetCache
from garnet_cli.store.minutes import read_minutes
from node_scripts.store.layout import minute_key
from tests.garnet_cli.store.memory_store import MemoryStore
from tests.garnet_cli.store.shipped import DAY, FLEET, minute, ship_minute


def test_of_a_raw_day_only_the_minutes_of_window_and_nodes_are_fetched(tmp_path: Path) -> None:
    """A look at the last minutes of today does not pay for the whole day."""
    store = MemoryStore()
    for node in ("mini-1", "mini-2"):
        for number in range(60):
            ship_minute(store, minute(node, DAY + 60 * number))
    store.gets.clear()
    cache = ParquetCache(tmp_path)
    found = list(read_minutes(store, FLEET, DAY + 61, DAY + 240, ["mini-2"], cache=cache))
    begins = [DAY + 120, DAY + 180]
    assert [(one.node, one.minute_unix) for one in found] == [("mini-2", begin) for begin in begins]
    assert store.gets == [minute_key(FLEET, "mini-2", begin) for begin in begins]
