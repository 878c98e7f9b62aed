"""A Mac's own sensors, the best source of each figure first."""

from __future__ import annotations

from node_scripts.monitor.sample import SensorSample, Value
from node_scripts.monitor.sensors import ioreg, ismc, macmon, notifyutil, powermetrics, sysctl, vm_stat
from node_scripts.monitor.sensors.interface import Sensor, SensorError, SensorSet
from node_scripts.monitor.sensors.machine import Machine

SMC_INTERVAL_S = 15.0
"""Temperatures of single cores and fans move slowly, and iSMC reads some hundred keys each time."""
GPU_INTERVAL_S = 10.0


def macos_sensors(machine: Machine, interval_s: float) -> SensorSet:
    """Return the sensors of a Mac: what every Mac has, what is installed, and powermetrics as root."""
    sensors = [_thermal(machine), _vm_stat(machine), _sysctl(machine), _ioreg(machine)]
    absent: dict[str, str] = {}
    macmon_path, ismc_path = machine.find_tool(macmon.TOOL), machine.find_tool(ismc.TOOL)
    if macmon_path:
        sensors.append(_macmon(machine, macmon_path, interval_s))
    else:
        absent |= dict.fromkeys(("package_celsius", "watts"), macmon.REMEDY)
    if ismc_path:
        sensors += [_core(machine, ismc_path), _fans(machine, ismc_path)]
    else:
        absent["core_celsius"] = ismc.REMEDY
    if not (macmon_path or ismc_path):
        absent["fan_rpm"] = f"{macmon.REMEDY} (0.8 or later)"
    if machine.is_root:
        sensors.append(_powermetrics(machine, interval_s))
    return SensorSet(tuple(sensors), absent)


def _thermal(machine: Machine) -> Sensor:
    unpublished: list[str | None] = []

    def read(_monotonic_s: float) -> SensorSample:
        if not unpublished:
            fields = sysctl.parse_sysctl(machine.runner.run(sysctl.MACHINE_COMMAND))
            unpublished.append(notifyutil.why_unpublished(fields))
        if unpublished[0]:
            raise SensorError(unpublished[0])
        reply = machine.runner.run(notifyutil.COMMAND)
        level = notifyutil.parse_level(reply)
        if level is None:
            raise SensorError(f"notifyutil answered {reply.strip()[:80]!r}")
        return SensorSample(thermal_level=level, thermal_source="notifyutil")

    return Sensor("thermal", "notifyutil", ("thermal_level",), read)


def _vm_stat(machine: Machine) -> Sensor:
    def read(_monotonic_s: float) -> SensorSample:
        found = vm_stat.parse_vm_stat(machine.runner.run(vm_stat.COMMAND))
        if found == vm_stat.VirtualMemory():
            raise SensorError("vm_stat printed nothing that is known")
        return SensorSample(
            memory_available_bytes=found.available_bytes,
            wired_bytes=found.wired_bytes,
            compressed_bytes=found.compressed_bytes,
            swap_in_total_bytes=found.swap_in_total_bytes,
            memory_source="vm_stat",
        )

    return Sensor("memory", "vm_stat", ("memory", "swap"), read)


def _sysctl(machine: Machine) -> Sensor:
    def read(_monotonic_s: float) -> SensorSample:
        found = sysctl.memory_state(sysctl.parse_sysctl(machine.runner.run(sysctl.COMMAND)))
        if found == sysctl.MemoryState():
            raise SensorError("sysctl printed nothing that is known")
        return SensorSample(
            memory_total_bytes=found.total_bytes,
            swap_used_bytes=found.swap_used_bytes,
            pressure=found.pressure,
            memory_source="sysctl",
        )

    return Sensor("sysctl", "sysctl", ("memory", "swap", "pressure"), read)


def _ioreg(machine: Machine) -> Sensor:
    def read(_monotonic_s: float) -> SensorSample:
        found = ioreg.parse_gpu_bytes(machine.runner.run(ioreg.COMMAND))
        if found is None:
            raise SensorError("ioreg shows no accelerator's memory")
        return SensorSample(gpu_bytes=found)

    return Sensor("gpu", "ioreg", ("gpu_bytes",), read, interval_s=GPU_INTERVAL_S)


def _macmon(machine: Machine, path: str, interval_s: float) -> Sensor:
    stream = machine.stream(macmon.command(path, interval_s), macmon.RECORD_END, interval_s)

    def read(_monotonic_s: float) -> SensorSample:
        line = stream.latest()
        if line is None:
            return SensorSample()
        found = macmon.parse_record(line)
        if found == macmon.MacmonRecord():
            raise SensorError("macmon printed nothing that is known")
        return SensorSample(
            package_celsius=_value(found.cpu_celsius, "macmon:cpu_temp_avg"),
            fan_rpm=_value(found.fan_rpm, "macmon:fans"),
            watts=_value(found.system_watts, "macmon:sys_power"),
        )

    feeds = ("package_celsius", "fan_rpm", "watts")
    return Sensor("macmon", "macmon", feeds, read, close=stream.close)


def _core(machine: Machine, path: str) -> Sensor:
    def read(_monotonic_s: float) -> SensorSample:
        found = ismc.parse_hottest_core(machine.runner.run(ismc.temperature_command(path)))
        if found is None:
            raise SensorError("iSMC shows no Tp* temperature")
        return SensorSample(core_celsius=found)

    return Sensor("core temperature", "iSMC", ("core_celsius",), read, interval_s=SMC_INTERVAL_S)


def _fans(machine: Machine, path: str) -> Sensor:
    def read(_monotonic_s: float) -> SensorSample:
        return SensorSample(fan_rpm=ismc.parse_fastest_fan(machine.runner.run(ismc.fan_command(path))))

    return Sensor("fans", "iSMC", ("fan_rpm",), read, interval_s=SMC_INTERVAL_S)


def _powermetrics(machine: Machine, interval_s: float) -> Sensor:
    stream = machine.stream(powermetrics.command(interval_s), powermetrics.RECORD_END, interval_s)

    def read(_monotonic_s: float) -> SensorSample:
        record = stream.latest()
        if record is None:
            return SensorSample()
        found = powermetrics.parse_record(record)
        if found == powermetrics.PowermetricsRecord():
            raise SensorError("powermetrics printed nothing that is known")
        return SensorSample(
            thermal_level=found.level,
            thermal_source="" if found.level is None else "powermetrics",
            watts=_value(found.chip_watts, powermetrics.SOURCE),
        )

    return Sensor("powermetrics", "powermetrics", ("thermal_level", "watts"), read, close=stream.close)


def _value(value: float | None, source: str) -> Value | None:
    return None if value is None else Value(value=value, source=source)
