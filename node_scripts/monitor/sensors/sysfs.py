"""Linux's `/sys`: temperatures, fans, throttling by cooling devices and the processor's energy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from node_scripts.monitor.sample import Value
from node_scripts.monitor.sensors.numbers import celsius, number, whole

PACKAGE_ZONES = ("x86_pkg_temp", "cpu-thermal", "cpu_thermal", "soc-thermal", "acpitz")
"""Kinds of thermal zones that are the processor's, the best first."""
COOLERS = ("Processor", "cpufreq", "thermal-cpufreq", "thermal-devfreq")
"""How the names of cooling devices begin that slow the processor down."""
THROTTLED, HEAVY, TRAPPING = 1, 2, 3
RAPL_SOURCE = "rapl:package"


def package_celsius(sys: Path) -> Value | None:
    """Return the processor's temperature from its thermal zone."""
    zones: dict[str, float] = {}
    for zone in sorted(sys.glob("class/thermal/thermal_zone*")):
        milli = number(_text(zone / "temp"))
        degrees = celsius(None if milli is None else milli / 1000.0)
        if degrees is not None:
            zones.setdefault(_text(zone / "type"), degrees)
    for kind in PACKAGE_ZONES:
        if kind in zones:
            return Value(value=zones[kind], source=f"thermal_zone:{kind}")
    return None


def core_celsius(sys: Path) -> Value | None:
    """Return the hottest core's temperature where the hardware monitor tells cores apart."""
    found = []
    for chip in _monitors(sys):
        for label in sorted(chip.glob("temp*_label")):
            name = _text(label)
            milli = number(_text(label.with_name(label.name.replace("_label", "_input"))))
            degrees = celsius(None if milli is None else milli / 1000.0)
            if name.startswith("Core ") and degrees is not None:
                found.append((degrees, f"{_text(chip / 'name')}:{name}"))
    if not found:
        return None
    degrees, source = max(found)
    return Value(value=degrees, source=source)


def fan_rpm(sys: Path) -> Value | None:
    """Return the fastest fan's revolutions a minute. Inputs with no fan on them read 0 and do not count."""
    found = []
    for chip in _monitors(sys):
        for fan in sorted(chip.glob("fan*_input")):
            speed = number(_text(fan))
            if speed:
                found.append((speed, f"{_text(chip / 'name')}:{fan.name.removesuffix('_input')}"))
    if not found:
        return None
    speed, source = max(found)
    return Value(value=speed, source=source)


def cooling_level(sys: Path) -> int | None:
    """Return the pressure level from how far the processor is slowed down; ``None`` if nothing tells.

    0: not at all; 1: by less than half of the steps; 2: by half or more; 3: as far as it goes.
    """
    levels = []
    for device in sys.glob("class/thermal/cooling_device*"):
        state, most = whole(_text(device / "cur_state")), whole(_text(device / "max_state"))
        if state is None or not most or not _text(device / "type").startswith(COOLERS):
            continue
        level = TRAPPING if state >= most else HEAVY if 2 * state >= most else THROTTLED
        levels.append(level if state else 0)
    return max(levels, default=None)


def package_energy(sys: Path) -> dict[str, tuple[int, int]] | None:
    """Return by processor package its energy counter and the counter's range in µJ; ``None``: unreadable."""
    found = {}
    for zone in sorted(sys.glob("class/powercap/intel-rapl:*")):
        if not _text(zone / "name").startswith("package"):
            continue
        energy, span = whole(_text(zone / "energy_uj")), whole(_text(zone / "max_energy_range_uj"))
        if energy is None or span is None:
            return None
        found[zone.name] = (energy, span)
    return found or None


def watts_between(
    before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]], seconds: float
) -> float | None:
    """Return the mean power of all packages; counters that wrapped round are put right."""
    if seconds <= 0.0 or before.keys() != after.keys():
        return None
    used = 0
    for zone, (energy, span) in after.items():
        moved = energy - before[zone][0]
        used += moved if moved >= 0 else moved + span
    return used / 1e6 / seconds if used > 0 else None


def _monitors(sys: Path) -> Iterator[Path]:
    yield from sorted(sys.glob("class/hwmon/hwmon*"))


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
