"""The clock's offset and where it is from."""

from __future__ import annotations

import time

import pytest

from node_scripts.monitor.sensors.clock import clock_sensor, offset_from_peers
from node_scripts.monitor.sensors.interface import SensorError
from tests.node_scripts.monitor.sensors.servers import free_port, udp_server
from tests.node_scripts.monitor.sensors.test_sntp import ntp_answers


@pytest.mark.parametrize(
    ("peers_minus_ours", "expected"),
    [
        ([], None),
        ([10.0], -10.0),
        ([-10.0, -10.0], 10.0),
        ([0.0, 10.0], 0.0),
        ([0.1, 0.2, 30.0], -0.15),
        ([0.0], 0.0),
    ],
)
def test_the_fleets_clock_is_the_median_of_all(peers_minus_ours: list[float], expected: float | None) -> None:
    """The one that is wrong shows it, and the others do not because of it."""
    found = offset_from_peers(peers_minus_ours)
    assert found is None if expected is None else found == pytest.approx(expected)


def test_without_a_server_the_peers_count() -> None:
    """And without peers nothing is known, which is no failure."""
    sample = clock_sensor(None, lambda: [2.0, 2.0]).read(0.0)
    assert (sample.clock_offset_s, sample.clock_source) == (-2.0, "peers")
    alone = clock_sensor(None, list).read(0.0)
    assert (alone.clock_offset_s, alone.clock_source) == (None, "")


def test_the_server_comes_before_the_peers() -> None:
    """It is named."""
    with udp_server(ntp_answers(5.0)) as port:
        sample = clock_sensor(f"127.0.0.1:{port}", lambda: [99.0]).read(0.0)
    assert sample.clock_offset_s == pytest.approx(-5.0, abs=0.1)
    assert sample.clock_source == f"ntp:127.0.0.1:{port}"
    assert sample.errors == []


def test_a_server_that_does_not_answer_leaves_it_to_the_peers_and_is_counted() -> None:
    """Without peers the reading fails."""
    server = f"127.0.0.1:{free_port()}"
    sample = clock_sensor(server, lambda: [1.0], time.time).read(0.0)
    assert (sample.clock_offset_s, sample.clock_source, sample.errors) == (-1.0, "peers", ["clock"])
    with pytest.raises(SensorError):
        clock_sensor(server, list).read(0.0)
