"""The sensor of a configured power meter."""

from __future__ import annotations

from collections.abc import Callable

from node_scripts.monitor.sample import SensorSample, Value
from node_scripts.monitor.sensors.interface import Sensor, SensorError
from node_scripts.monitor.sensors.meters.address import MeterAddress, MeterAddressError, parse_meter_address
from node_scripts.monitor.sensors.meters.apc import apc_reader
from node_scripts.monitor.sensors.meters.shelly import shelly_reader
from node_scripts.monitor.sensors.meters.tasmota import tasmota_reader

READERS: dict[str, Callable[[MeterAddress], Callable[[], float]]] = {
    "shelly": shelly_reader,
    "tasmota": tasmota_reader,
    "apc": apc_reader,
}
NAME = "power meter"


def meter_sensor(url: str) -> Sensor:
    """Return the sensor of the meter at ``url``; one that is no address fails at every reading."""
    try:
        address = parse_meter_address(url)
    except MeterAddressError as error:
        return Sensor(NAME, "a power meter", ("watts",), _failing(str(error)))
    ask = READERS[address.kind](address)

    def read(_monotonic_s: float) -> SensorSample:
        return SensorSample(watts=Value(value=plausible(ask(), address), source=address.kind))

    return Sensor(NAME, address.place, ("watts",), read)


def plausible(watts: float, address: MeterAddress) -> float:
    """Return the watts of a machine that runs; raises SensorError where they cannot be this machine's."""
    if watts <= 0.0:
        raise SensorError(
            f"{address.place} shows {watts:g} W while this node runs: is it this node's outlet?"
        )
    return watts


def _failing(why: str) -> Callable[[float], SensorSample]:
    def read(_monotonic_s: float) -> SensorSample:
        raise SensorError(why)

    return read
