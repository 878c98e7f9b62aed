"""What the proxy's status says of loaders, compared with the look before."""

from __future__ import annotations

from typing import Any

from node_scripts.contracts import LoaderStats, ProxyStatus
from node_scripts.monitor.observation import (
    Memory,
    observe,
    proxy_restarted,
    remember,
    unrecorded_since,
)
from node_scripts.monitor.own_events import evictions, maker, restarts, teller
from node_scripts.monitor.sample import ModelSample
from node_scripts.records import Eviction
from tests.node_scripts.monitor.made import status


def stats(pid: int = 100, serials: range = range(0), **changes: Any) -> LoaderStats:
    """Return a loader's figures with evictions of these serials."""
    recent = [
        Eviction(serial=one, time_unix=float(one), kind="user", tokens=7, size_bytes=70) for one in serials
    ]
    return LoaderStats(pid=pid, started_unix=0.0, recent_evictions=recent, **changes)


def look(found: ProxyStatus, memory: Memory) -> tuple[ModelSample, Memory]:
    """Take one look at a node with one model."""
    models = observe(found, memory)
    return models["tiny"], remember(found, models, memory)


def test_evictions_are_seen_once() -> None:
    """By their serials, also over looks that find nothing new."""
    memory = Memory()
    one, memory = look(status(stats=stats(serials=range(1, 4))), memory)
    assert [each.serial for each in one.new_evictions] == [1, 2, 3]
    one, memory = look(status(stats=stats(serials=range(1, 4))), memory)
    assert one.new_evictions == []
    one, memory = look(status(), memory)
    one, memory = look(status(stats=stats(serials=range(2, 6))), memory)
    assert [each.serial for each in one.new_evictions] == [4, 5]


def test_evictions_that_nobody_can_tell_any_more_are_counted() -> None:
    """The loader keeps the last 256 only."""
    _, memory = look(status(stats=stats(serials=range(1, 11))), Memory())
    one, _ = look(status(stats=stats(serials=range(300, 556))), memory)
    assert one.evictions_missed == 289
    assert len(one.new_evictions) == 256


def test_another_process_of_the_same_loader_is_a_restart() -> None:
    """Its serials begin anew; a swap's loader has another name, and one without a pid is only down."""
    one, memory = look(status(stats=stats(serials=range(1, 9))), Memory())
    assert not one.restarted
    one, memory = look(status(loader_pid=None), memory)
    assert not one.restarted
    one, memory = look(status(loader_pid=200, stats=stats(200, range(1, 3))), memory)
    assert one.restarted
    assert [each.serial for each in one.new_evictions] == [1, 2]
    one, memory = look(status(loader_pid=200, stats=stats(200, range(1, 3))), memory)
    assert not one.restarted
    one, memory = look(status(loader="loader-2", loader_pid=300), memory)
    assert not one.restarted


def test_figures_of_a_process_that_is_gone_are_not_taken() -> None:
    """A status may still hold the old one's."""
    one, _ = look(status(loader_pid=200, stats=stats(100, lookups=5)), Memory())
    assert one.lookups is None


def test_packed_is_what_the_loader_says_or_else_what_is_in_it() -> None:
    """Prefill or decode; an older mlx-lm does not tell."""
    assert look(status(stats=stats(prefill=0, decode=1)), Memory())[0].packed is True
    assert look(status(in_flight=3, stats=stats(prefill=0, decode=0)), Memory())[0].packed is False
    assert look(status(in_flight=1), Memory())[0].packed is True
    assert look(status(), Memory())[0].packed is False


def test_a_proxys_restart_is_told_and_its_upgrade_is_not() -> None:
    """Another process of the same release."""
    _, memory = look(status(pid=50, release="r1"), Memory())
    assert not proxy_restarted(status(pid=50, release="r1"), memory)
    assert not proxy_restarted(status(pid=60, release="r2"), memory)
    assert proxy_restarted(status(pid=60, release="r1"), memory)
    found = status(pid=60, release="r1", loader_pid=101)
    models = observe(found, memory)
    events = restarts(teller("f", "n1", 5.0), found, models, memory)
    assert [(event.subject, event.detail["before_pid"]) for event in events] == [
        ("loader-1", 100),
        ("proxy", 50),
    ]


def test_requests_that_were_not_recorded_are_counted_once() -> None:
    """The proxy counts from its start."""
    memory = Memory()
    assert unrecorded_since(status(unrecorded_requests=3), memory) == 3
    _, memory = look(status(unrecorded_requests=3), memory)
    assert unrecorded_since(status(unrecorded_requests=5), memory) == 2
    assert unrecorded_since(status(pid=60, unrecorded_requests=1), memory) == 1


def test_evictions_are_told_up_to_a_budget() -> None:
    """Size and kind, never content; the rest as sums."""
    one, _ = look(status(stats=stats(serials=range(1, 11))), Memory())
    told, rest = evictions(maker("f", "n1"), {"tiny": one}, 4)
    assert [event.detail["serial"] for event in told] == [1, 2, 3, 4]
    assert told[0].detail == {
        "loader": "loader-1",
        "kind": "user",
        "serial": 1,
        "tokens": 7,
        "size_bytes": 70,
    }
    assert rest == {"tiny": {"evictions": 6, "tokens": 42, "size_bytes": 420}}
