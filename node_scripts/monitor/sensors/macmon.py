"""`macmon pipe` (github.com/vladkens/macmon, 0.4 and later): one JSON line a sample, without root.

``sys_power`` is the whole machine's, and 0.0 where it cannot be read; temperatures are 0 where no sensor
was found. ``fans`` came with 0.8.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from node_scripts.monitor.sensors.numbers import celsius, number, positive

TOOL = "macmon"
RECORD_END = b"\n"
REMEDY = "macmon is not installed: brew install macmon"


@dataclass(frozen=True, slots=True)
class MacmonRecord:
    """What one line says; ``None`` is unknown."""

    cpu_celsius: float | None = None
    system_watts: float | None = None
    fan_rpm: float | None = None
    """Of the fastest fan."""


def command(path: str, interval_s: float) -> list[str]:
    """Return the command that prints a line each ``interval_s``, for ever."""
    return [path, "pipe", "-i", str(round(interval_s * 1000))]


def parse_record(record: bytes | str) -> MacmonRecord:
    """Return what a line says; all unknown where it is not a JSON object."""
    try:
        found = json.loads(record)
    except (ValueError, RecursionError):
        return MacmonRecord()
    if not isinstance(found, dict):
        return MacmonRecord()
    temperatures = found.get("temp")
    return MacmonRecord(
        cpu_celsius=celsius(temperatures.get("cpu_temp_avg")) if isinstance(temperatures, dict) else None,
        system_watts=positive(found.get("sys_power")),
        fan_rpm=_fastest(found.get("fans")),
    )


def _fastest(fans: Any) -> float | None:
    speeds = [_speed(fan) for fan in fans] if isinstance(fans, list) else []
    return max((speed for speed in speeds if speed is not None), default=None)


def _speed(fan: Any) -> float | None:
    """Return a fan's speed; 0 counts only of a fan whose maximum was read, for that one stands still."""
    if not isinstance(fan, dict):
        return None
    speed = number(fan.get("rpm"))
    if speed == 0.0 and positive(fan.get("max_rpm")) is None:
        return None
    return speed if speed is not None and speed >= 0.0 else None
