"""Tail: everything that arrives is shown once."""

from __future__ import annotations

from garnet_cli.store.tail import Tail, line_of
from tests.garnet_cli.store.memory_store import MemoryStore
from tests.garnet_cli.store.shipped import DAY, FLEET, event, minute, ship_events, ship_minute


def test_each_record_is_shown_once_in_the_order_of_time() -> None:
    """Late ones when they arrive; across midnight; nothing older than the window."""
    store = MemoryStore()
    tail = Tail(store, FLEET, ["mini-1", "mini-2"], 600)
    now = DAY + 120.0
    old, before, first = minute(begin=DAY - 3600), minute(begin=DAY - 60), minute(begin=DAY)
    for one in (old, first, before):
        ship_minute(store, one)
    ship_events(store, [event(DAY + 30)])
    assert tail.look(now) == [before, first, event(DAY + 30)]
    assert tail.look(now) == []
    late = minute("mini-2", begin=DAY - 120)
    ship_minute(store, late)
    assert tail.look(now + 15) == [late]
    assert tail.look(now + 5000) == []
    assert tail.seen == set()


def test_a_corrupt_object_is_named_once() -> None:
    """And the rest is shown."""
    store = MemoryStore()
    key = ship_minute(store, minute())
    store.objects[key] = (b"?", 0.0)
    tail = Tail(store, FLEET, ["mini-1"], 600)
    assert tail.look(DAY + 60.0) == []
    assert list(tail.set_aside) == [key]
    tail.set_aside.clear()
    assert tail.look(DAY + 60.0) == []
    assert tail.set_aside == {}


def test_lines_say_the_figures_that_are_known() -> None:
    """Unknown ones are left out, not shown as 0."""
    assert line_of(event(DAY + 30)) == "00:00:30 mini-1 event: alert throttle fired"
    record = minute()
    record.models.clear()
    record.power = None
    record.thermal.observed_s = 0.0
    assert line_of(record) == "00:00 mini-1: 0 requests, 0 errors, 0 tokens"
