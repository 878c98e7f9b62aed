"""Sensors that are the same everywhere: processor and disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from node_scripts.monitor.sample import SensorSample
from node_scripts.monitor.sensors.interface import Sensor

DISK_INTERVAL_S = 30.0
IDLE = ("idle", "iowait")
WITHIN_OTHERS = ("guest", "guest_nice")
"""Linux counts these in ``user`` and ``nice`` as well."""


def processor_sensor(times: Callable[[], Mapping[str, float]] | None = None) -> Sensor:
    """Return the sensor of the share of all cores that was at work since the reading before."""
    read_times = times or _processor_times
    before: dict[str, float] = {}

    def read(_monotonic_s: float) -> SensorSample:
        after = dict(read_times())
        share = busy_share(before, after)
        before.clear()
        before.update(after)
        return SensorSample(cpu_share=share)

    return Sensor("cpu", "psutil", ("cpu_share",), read)


def busy_share(before: Mapping[str, float], after: Mapping[str, float]) -> float | None:
    """Return the share 0..1 of work between two readings of the processors' times in seconds.

    ``None`` for the first reading, or when counters went back.
    """
    names = [name for name in after if name not in WITHIN_OTHERS]
    if not before or any(name not in before for name in names):
        return None
    spent = {name: after[name] - before[name] for name in names}
    total = sum(spent.values())
    idle = sum(spent.get(name, 0.0) for name in IDLE)
    if total <= 0.0 or idle < 0.0:
        return None
    return min(1.0, max(0.0, 1.0 - idle / total))


def disk_sensor(root: Path) -> Sensor:
    """Return the sensor of the volume that holds the node's root."""

    def read(_monotonic_s: float) -> SensorSample:
        usage = shutil.disk_usage(root)
        return SensorSample(disk_free_bytes=usage.free, disk_total_bytes=usage.total)

    return Sensor("disk", f"statvfs of {root}", ("disk",), read, interval_s=DISK_INTERVAL_S)


def _processor_times() -> Mapping[str, float]:
    times: dict[str, float] = psutil.cpu_times()._asdict()
    return times
