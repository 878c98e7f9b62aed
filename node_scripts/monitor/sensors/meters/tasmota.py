"""Tasmota plugs: `GET /cm?cmnd=Status%208` shows ``StatusSNS.ENERGY.Power`` in watts."""

from __future__ import annotations

import json
from collections.abc import Callable

from node_scripts.monitor.sensors.interface import SensorError
from node_scripts.monitor.sensors.meters.address import MeterAddress
from node_scripts.monitor.sensors.meters.http import get
from node_scripts.monitor.sensors.numbers import number

PATH = "/cm?cmnd=Status%208"
OK = 200


def parse_watts(body: bytes) -> float | None:
    """Return the power; ``None`` where the answer shows none, or several channels' and no telling whose."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    for name in ("StatusSNS", "ENERGY", "Power"):
        found = found.get(name) if isinstance(found, dict) else None
    if isinstance(found, list):
        found = found[0] if len(found) == 1 else None
    return number(found)


def tasmota_reader(address: MeterAddress) -> Callable[[], float]:
    """Return what reads the plug's watts."""

    def read() -> float:
        status, body = get(address.host, address.port, PATH)
        watts = parse_watts(body) if status == OK else None
        if watts is None:
            raise SensorError(f"{address.place} shows no watts (HTTP {status})")
        return watts

    return read
