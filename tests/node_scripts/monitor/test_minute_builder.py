"""Samples and records add up to a minute; minutes add up to one."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node_scripts.monitor.minute_builder import (
    add_request,
    add_sample,
    add_swapped_in,
    is_sound,
)
from node_scripts.monitor.minute_merge import merge_minutes
from node_scripts.monitor.sample import Value
from node_scripts.records import KeyMinute, Minute, PeerMinute
from tests.node_scripts.monitor.made import MINUTE, model, record, sample, sensors


def minute() -> Minute:
    """Return an empty minute."""
    return Minute(fleet="f", node="n1", minute_unix=MINUTE, sealed_unix=MINUTE + 62, covered_s=0.0)


def test_an_answered_request_counts_on_both_sides() -> None:
    """Client, loader and key each get its tokens; cached ones are a subset of the prompt's."""
    one = minute()
    add_request(one, record(key="team-a", queue_ms=3.0))
    client, loader = one.models["tiny"].client, one.models["tiny"].loader
    assert (client.requests, client.answered, client.errors) == (1, 1, {})
    assert (client.prompt_tokens, client.cached_tokens, client.completion_tokens) == (10, 4, 6)
    assert (loader.requests, loader.prompt_tokens, loader.completion_tokens) == (1, 10, 6)
    assert one.keys == {
        "team-a": KeyMinute(requests=1, prompt_tokens=10, cached_tokens=4, completion_tokens=6)
    }
    assert client.token_time_ms.maximum == pytest.approx(20.0)
    assert client.queue_ms.maximum == 3.0


@pytest.mark.parametrize(
    ("changes", "client", "loader", "peers"),
    [
        ({"forwarded": True}, 0, 1, 0),
        ({"served_by": "peer:n2"}, 1, 0, 1),
        ({"served_by": "", "outcome": "error", "error": "queue_full", "status": 429}, 1, 0, 0),
        ({"outcome": "cancelled"}, 1, 1, 0),
    ],
)
def test_each_side_counts_its_own(changes: dict[str, Any], client: int, loader: int, peers: int) -> None:
    """A forwarded request is its first node's client's and its last node's loader's."""
    one = minute()
    add_request(one, record(**changes))
    found = one.models["tiny"]
    assert (found.client.requests, found.loader.requests, found.client.served_by_peers) == (
        client,
        loader,
        peers,
    )


def test_errors_count_by_code_and_have_no_latency() -> None:
    """Histograms are of answered requests only."""
    one = minute()
    for code in ("queue_full", "queue_full", "loader_died"):
        add_request(one, record(outcome="error", error=code, key="k"))
    client = one.models["tiny"].client
    assert client.errors == {"queue_full": 2, "loader_died": 1}
    assert client.latency_ms.count == 0
    assert one.keys["k"].errors == 3


@pytest.mark.parametrize("changes", [{"latency_ms": -1.0}, {"completion_tokens": -1}, {"end_unix": -5.0}])
def test_impossible_figures_are_not_counted(changes: dict[str, Any]) -> None:
    """They are refused whole."""
    bad = record(**changes)
    assert not is_sound(bad)
    one = minute()
    with pytest.raises(ValueError, match="negative"):
        add_request(one, bad)
    assert one.models == {}


def test_sensors_weigh_by_time() -> None:
    """Means by seconds, maxima, joules, seconds per level; what is unknown leaves no trace."""
    one = minute()
    hot, cold = Value(value=90.0, source="macmon"), Value(value=60.0, source="macmon")
    busy = {"tiny": model(packed=True)}
    add_sample(
        one,
        sample(
            MINUTE + 5,
            sensors=sensors(
                thermal_level=2, package_celsius=hot, watts=Value(value=40.0, source="shelly"), pressure=4
            ),
            models=busy,
        ),
        None,
    )
    add_sample(
        one,
        sample(MINUTE + 15, 10.0, sensors=sensors(thermal_level=0, package_celsius=cold), models=busy),
        {},
    )
    add_sample(one, sample(MINUTE + 20, sensors=sensors(pressure=1, errors=["macmon"])), {})
    assert one.thermal.level_s == [10.0, 0.0, 5.0, 0.0, 0.0]
    assert (one.thermal.packed_s, one.thermal.packed_throttled_s, one.thermal.packed_heavy_s) == (
        15.0,
        5.0,
        5.0,
    )
    assert one.thermal.package_celsius is not None
    assert one.thermal.package_celsius.mean == pytest.approx(70.0)
    assert one.thermal.package_celsius.maximum == 90.0
    assert one.power is not None
    assert (one.power.joules, one.power.seconds) == (200.0, 5.0)
    assert one.memory.pressure == "critical"
    assert one.monitor.sensor_errors == {"macmon": 1}
    assert one.thermal.fan_rpm is None
    assert one.host.disk_free_bytes is None
    assert one.covered_s == 20.0


def test_counters_grow_from_the_sample_before() -> None:
    """The same process: the difference; a process that was not there: from zero; a first look: unknown."""
    one = minute()
    first = {"tiny": model(lookups=100, hits=40, busy_total_s=50.0)}
    add_sample(one, sample(models=first), None)
    assert one.models["tiny"].loader.lookups is None
    assert one.models["tiny"].loader.busy_s is None
    second = {"tiny": model(lookups=110, hits=46, busy_total_s=53.0)}
    add_sample(one, sample(models=second), first)
    restarted = {"tiny": model(pid=200, lookups=3, hits=1, busy_total_s=54.0, restarted=True)}
    add_sample(one, sample(models=restarted), second)
    swapped = {"tiny": model(loader="loader-2", pid=300, lookups=5, hits=0, busy_total_s=2.0)}
    add_sample(one, sample(models=swapped), restarted)
    loader = one.models["tiny"].loader
    assert (loader.lookups, loader.hits, loader.restarts) == (18, 7, 1)
    assert (loader.busy_s, loader.observed_s) == (6.0, 15.0)
    assert loader.loader == "loader-2"


def test_busy_time_in_a_gap_was_not_seen() -> None:
    """A sample stands for a bounded time, so does what was busy in it."""
    one = minute()
    before = {"tiny": model(busy_total_s=0.0)}
    add_sample(one, sample(dt_s=10.0, models={"tiny": model(busy_total_s=500.0)}), before)
    assert one.models["tiny"].loader.busy_s == 10.0


def test_peers_and_the_proxy_are_timed() -> None:
    """Seconds up, down and unreachable."""
    one = minute()
    add_sample(one, sample(peers={"n2": False, "n3": True}), None)
    add_sample(one, sample(proxy_up=False), None)
    assert one.peers == {
        "n2": PeerMinute(observed_s=5.0, unreachable_s=5.0),
        "n3": PeerMinute(observed_s=5.0),
    }
    assert (one.monitor.proxy_up_s, one.monitor.proxy_down_s) == (5.0, 5.0)


def test_swapping_is_the_difference_of_one_boot() -> None:
    """A smaller figure is another boot's: unknown."""
    one = minute()
    add_swapped_in(one, sample(sensors=sensors(swap_in_total_bytes=700)), None)
    assert one.memory.swap_in_bytes is None
    add_swapped_in(
        one,
        sample(sensors=sensors(swap_in_total_bytes=700)),
        sample(sensors=sensors(swap_in_total_bytes=500)),
    )
    add_swapped_in(
        one, sample(sensors=sensors(swap_in_total_bytes=9)), sample(sensors=sensors(swap_in_total_bytes=700))
    )
    assert one.memory.swap_in_bytes == 200


_STEPS = st.lists(
    st.one_of(
        st.builds(
            record,
            outcome=st.sampled_from(["answered", "error", "cancelled"]),
            error=st.sampled_from(["queue_full", "loader_died"]),
            model=st.sampled_from(["tiny", "big", ""]),
            key=st.sampled_from(["", "a", "b"]),
            served_by=st.sampled_from(["loader-1", "peer:n2", ""]),
            forwarded=st.booleans(),
            latency_ms=st.integers(0, 5000).map(float),
        ),
        st.builds(
            lambda level, dt, in_flight, reachable, free, watts: sample(
                dt_s=float(dt),
                sensors=sensors(
                    thermal_level=level,
                    disk_free_bytes=free,
                    cpu_share=0.5,
                    watts=None if watts is None else Value(value=watts, source="apc"),
                    pressure=1 if level else 2,
                ),
                models={"tiny": model(in_flight=in_flight, packed=in_flight > 0)},
                peers={"n2": reachable},
            ),
            st.one_of(st.none(), st.integers(0, 4)),
            st.integers(1, 10),
            st.integers(0, 9),
            st.booleans(),
            st.one_of(st.none(), st.integers(1, 10**9)),
            st.one_of(st.none(), st.integers(1, 80).map(float)),
        ),
    ),
    max_size=30,
)


@given(_STEPS, st.integers(0, 30))
@settings(max_examples=150, deadline=None)
def test_parts_add_up_to_the_whole(steps: list[Any], cut: int) -> None:
    """One minute sealed in two parts and merged is the minute sealed at once."""
    whole, first, second = minute(), minute(), minute()
    for number, step in enumerate(steps):
        for target in (whole, first if number < cut else second):
            add = (
                add_request
                if type(step).__name__ == "RequestRecord"
                else lambda one, at: add_sample(one, at, None)
            )
            add(target, deepcopy(step))
    merge_minutes(first, second)
    if whole.host.cpu_share is not None:
        assert first.host.cpu_share == pytest.approx(whole.host.cpu_share)
        first.host.cpu_share = whole.host.cpu_share
    for name, expected in whole.models.items():
        # Times per token are fractions, whose sum depends on the order in the last digit.
        times = first.models[name].client.token_time_ms
        assert times.total == pytest.approx(expected.client.token_time_ms.total)
        times.total = expected.client.token_time_ms.total
    assert first == whole
