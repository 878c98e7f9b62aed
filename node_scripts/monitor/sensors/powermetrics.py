"""`powermetrics` as root: plist records, ended by ``</plist>`` and separated by NUL.

There is no smc sampler on Apple silicon: neither fans nor temperatures. ``combined_power`` (mW) is the
chip's, not the machine's. `Man page: powermetrics(1)`.
"""

from __future__ import annotations

import plistlib
from dataclasses import dataclass
from xml.parsers.expat import ExpatError

from node_scripts.monitor.sensors.numbers import positive
from node_scripts.records import PRESSURE_LEVELS

TOOL = "/usr/bin/powermetrics"
RECORD_END = b"</plist>"
SOURCE = "powermetrics:chip"
"""The chip alone: the name says so wherever the figure goes."""


@dataclass(frozen=True, slots=True)
class PowermetricsRecord:
    """What one record says; ``None`` is unknown."""

    level: int | None = None
    chip_watts: float | None = None


def command(interval_s: float) -> list[str]:
    """Return the command that prints a record each ``interval_s``, for ever."""
    samplers = "cpu_power,gpu_power,thermal"
    return [TOOL, "--format", "plist", "--samplers", samplers, "-i", str(round(interval_s * 1000))]


def parse_record(record: bytes) -> PowermetricsRecord:
    """Return what a record says; all unknown where it is not a whole plist."""
    try:
        found = plistlib.loads(record.strip(b"\0 \r\n\t"), fmt=plistlib.FMT_XML)
    except (ExpatError, ValueError, TypeError, LookupError, AttributeError, OverflowError):
        return PowermetricsRecord()
    if not isinstance(found, dict):
        return PowermetricsRecord()
    processor = found.get("processor")
    milliwatts = positive(processor.get("combined_power")) if isinstance(processor, dict) else None
    return PowermetricsRecord(
        level=parse_pressure(found.get("thermal_pressure")),
        chip_watts=None if milliwatts is None else milliwatts / 1000.0,
    )


def parse_pressure(word: object) -> int | None:
    """Return the level of ``Nominal``, ``Moderate`` …; ``None`` for a word that is not known."""
    known = word.strip().lower() if isinstance(word, str) else ""
    return PRESSURE_LEVELS.index(known) if known in PRESSURE_LEVELS else None
