"""What a sensor is: a name, what it feeds, how often it is read, and the reading."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

from node_scripts.monitor.sample import SensorSample


class SensorError(Exception):
    """A reading failed; the message says why in a few words, without secrets."""


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Sensor:
    """One thing to ask. ``read`` returns the part of a sample that it knows, the rest unknown."""

    name: str
    """Unique; what a failed reading is counted under."""
    source: str
    """What is asked, for people."""
    feeds: tuple[str, ...]
    """The figures it gives, of FIGURES."""
    read: Callable[[float], SensorSample]
    """Takes the monotonic time in seconds. Raises SensorError; whatever else it raises is a failure too."""
    interval_s: float = 0.0
    """Least seconds between two readings; in between the last one holds. 0: at every sample."""
    close: Callable[[], None] = field(default=_nothing)
    """Ends what the sensor keeps running."""


@dataclass(frozen=True, slots=True)
class SensorSet:
    """A node's sensors: for each figure the earliest that knows it counts."""

    sensors: tuple[Sensor, ...]
    absent: dict[str, str] = field(default_factory=dict)
    """Why a figure has no source, or lacks a better one."""


FIGURES = (
    "thermal_level",
    "package_celsius",
    "core_celsius",
    "fan_rpm",
    "watts",
    "memory",
    "swap",
    "pressure",
    "gpu_bytes",
    "disk",
    "clock_offset_s",
    "cpu_share",
)
"""What sensors feed, in the order in which people read it."""

SOURCES = {"thermal_source": "thermal_level", "clock_source": "clock_offset_s"}
"""Names of sources that belong to one field and are taken together with it."""


def merge(parts: list[SensorSample]) -> SensorSample:
    """Return one sample of parts: each field from the first part that knows it."""
    merged: dict[str, Any] = {}
    for each in fields(SensorSample):
        if each.name == "errors":
            continue
        decisive = SOURCES.get(each.name, each.name)
        for part in parts:
            if getattr(part, decisive) not in {None, ""}:
                merged[each.name] = getattr(part, each.name)
                break
    return replace(SensorSample(errors=[error for part in parts for error in part.errors]), **merged)
