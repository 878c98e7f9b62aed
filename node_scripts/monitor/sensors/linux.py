"""A Linux host's own sensors: for development, tests and demos."""

from __future__ import annotations

from pathlib import Path

from node_scripts.monitor.sample import SensorSample, Value
from node_scripts.monitor.sensors import proc, sysfs
from node_scripts.monitor.sensors.interface import Sensor, SensorError, SensorSet
from node_scripts.monitor.sensors.machine import Machine


def linux_sensors(machine: Machine) -> SensorSet:
    """Return the sensors of a Linux host: those whose files are there."""
    sensors = [_memory(machine)]
    absent = {"gpu_bytes": "Macs only"}
    if (machine.proc / "pressure" / "memory").exists():
        sensors.append(_pressure(machine.proc))
    else:
        absent["pressure"] = "the kernel measures no memory stalls (PSI)"
    if sysfs.cooling_level(machine.sys) is None:
        absent["thermal_level"] = "no cooling device tells whether the processor is slowed down"
    else:
        sensors.append(_cooling(machine.sys))
    if any(read(machine.sys) for read in (sysfs.package_celsius, sysfs.core_celsius, sysfs.fan_rpm)):
        sensors.append(_temperatures(machine.sys))
    else:
        absent |= dict.fromkeys(("package_celsius", "core_celsius", "fan_rpm"), "no thermal zone, no hwmon")
    if sysfs.package_energy(machine.sys):
        sensors.append(_energy(machine.sys))
    else:
        absent["watts"] = "no energy counter (RAPL) that this user can read"
    return SensorSet(tuple(sensors), absent)


def _memory(machine: Machine) -> Sensor:
    def read(_monotonic_s: float) -> SensorSample:
        found = proc.parse_meminfo((machine.proc / "meminfo").read_text())
        if found.total_bytes is None:
            raise SensorError("/proc/meminfo shows no MemTotal")
        swapped = proc.parse_swapped_in((machine.proc / "vmstat").read_text(), machine.page_bytes)
        return SensorSample(
            memory_total_bytes=found.total_bytes,
            memory_available_bytes=found.available_bytes,
            wired_bytes=found.wired_bytes,
            compressed_bytes=found.compressed_bytes,
            swap_used_bytes=found.swap_used_bytes,
            swap_in_total_bytes=swapped,
            memory_source="meminfo",
        )

    return Sensor("memory", "/proc/meminfo", ("memory", "swap"), read)


def _pressure(folder: Path) -> Sensor:
    def read(_monotonic_s: float) -> SensorSample:
        level = proc.parse_memory_stalls((folder / "pressure" / "memory").read_text())
        if level is None:
            raise SensorError("/proc/pressure/memory has another form")
        return SensorSample(pressure=level)

    return Sensor("pressure", "/proc/pressure/memory", ("pressure",), read)


def _cooling(folder: Path) -> Sensor:
    def read(_monotonic_s: float) -> SensorSample:
        level = sysfs.cooling_level(folder)
        if level is None:
            raise SensorError("no cooling device tells its state any more")
        return SensorSample(thermal_level=level, thermal_source="cooling_device")

    return Sensor("thermal", "/sys/class/thermal/cooling_device*", ("thermal_level",), read)


def _temperatures(folder: Path) -> Sensor:
    def read(_monotonic_s: float) -> SensorSample:
        return SensorSample(
            package_celsius=sysfs.package_celsius(folder),
            core_celsius=sysfs.core_celsius(folder),
            fan_rpm=sysfs.fan_rpm(folder),
        )

    feeds = ("package_celsius", "core_celsius", "fan_rpm")
    return Sensor("temperatures", "/sys/class/thermal and hwmon", feeds, read)


def _energy(folder: Path) -> Sensor:
    last: list[tuple[float, dict[str, tuple[int, int]]]] = []

    def read(monotonic_s: float) -> SensorSample:
        counters = sysfs.package_energy(folder)
        if counters is None:
            raise SensorError("the energy counter cannot be read any more")
        watts = sysfs.watts_between(last[0][1], counters, monotonic_s - last[0][0]) if last else None
        last[:] = [(monotonic_s, counters)]
        return SensorSample(watts=None if watts is None else Value(value=watts, source=sysfs.RAPL_SOURCE))

    return Sensor("energy", sysfs.RAPL_SOURCE, ("watts",), read)
