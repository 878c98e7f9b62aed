"""The clock's offset: from an NTP server where one is named, else from the peers' clocks."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

from node_scripts.monitor.sample import SensorSample
from node_scripts.monitor.sensors.interface import Sensor, SensorError
from node_scripts.monitor.sensors.sntp import query_offset

INTERVAL_S = 64.0
"""Servers of the NTP pool ask for no more than one query in this time."""
PEERS_INTERVAL_S = 15.0


def clock_sensor(
    server: str | None,
    peer_offsets: Callable[[], list[float]],
    now: Callable[[], float] = time.time,
) -> Sensor:
    """Return the sensor of this clock minus the reference's, in seconds."""
    if server is None:
        return Sensor(
            "clock",
            "peers' heartbeats",
            ("clock_offset_s",),
            lambda _monotonic_s: _sample(offset_from_peers(peer_offsets()), "peers"),
            interval_s=PEERS_INTERVAL_S,
        )

    def read(_monotonic_s: float) -> SensorSample:
        try:
            return _sample(query_offset(server, now), f"ntp:{server}")
        except SensorError:
            offset = offset_from_peers(peer_offsets())
            if offset is None:
                raise
            return SensorSample(clock_offset_s=offset, clock_source="peers", errors=["clock"])

    return Sensor("clock", f"ntp:{server}, else peers", ("clock_offset_s",), read, interval_s=INTERVAL_S)


def offset_from_peers(offsets: Sequence[float]) -> float | None:
    """Return this clock minus the fleet's, from peers' clocks minus this one.

    The fleet's is the median of all clocks, this node's own among them, so that one wrong clock does
    not make the others seem wrong. Of two clocks neither is known to be right: both show the difference.
    """
    if not offsets:
        return None
    clocks = list(offsets) if len(offsets) == 1 else [0.0, *offsets]
    return -statistics.median(clocks) or 0.0


def _sample(offset_s: float | None, source: str) -> SensorSample:
    return SensorSample(clock_offset_s=offset_s, clock_source="" if offset_s is None else source)
