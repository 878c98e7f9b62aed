"""Which sensors a node has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from node_scripts.monitor.config import MonitorConfig
from node_scripts.monitor.sensors.clock import clock_sensor
from node_scripts.monitor.sensors.host import disk_sensor, processor_sensor
from node_scripts.monitor.sensors.interface import Sensor, SensorSet
from node_scripts.monitor.sensors.linux import linux_sensors
from node_scripts.monitor.sensors.machine import Machine
from node_scripts.monitor.sensors.macos import macos_sensors
from node_scripts.monitor.sensors.meters.choose import meter_sensor
from node_scripts.monitor.sensors.sensors import Sensors


def choose_sensors(
    config: MonitorConfig,
    root: Path,
    peer_offsets: Callable[[], list[float]],
    machine: Machine | None = None,
) -> Sensors:
    """Return the sensors of this machine.

    ``root`` lies on the volume whose space counts; ``peer_offsets`` returns the peers' clocks minus this
    one, in seconds. A power meter comes before whatever the machine says of itself.
    """
    machine = machine or Machine()
    own = _own_sensors(machine, config.sample_s)
    first: list[Sensor] = [meter_sensor(config.power_meter)] if config.power_meter else []
    last = [disk_sensor(root), clock_sensor(config.clock_server, peer_offsets), processor_sensor()]
    return Sensors(replace(own, sensors=(*first, *own.sensors, *last)))


def _own_sensors(machine: Machine, interval_s: float) -> SensorSet:
    if machine.system == "Darwin":
        return macos_sensors(machine, interval_s)
    if machine.system == "Linux":
        return linux_sensors(machine)
    return SensorSet((), {"memory": f"no sensors are known for {machine.system}"})
