"""Shelly plugs of generation 2 and later: components ``switch:<id>``, or ``pm1:<id>`` of pure meters.

https://shelly-api-docs.shelly.cloud/gen2/ (Switch.GetStatus, PM1.GetStatus): ``apower`` in watts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from node_scripts.monitor.sensors.interface import SensorError
from node_scripts.monitor.sensors.meters.address import MeterAddress
from node_scripts.monitor.sensors.meters.http import get
from node_scripts.monitor.sensors.numbers import number

METHODS = ("Switch.GetStatus", "PM1.GetStatus")
OK = 200


def parse_watts(body: bytes) -> float | None:
    """Return ``apower`` of a component's status, bare or under its component's name; else ``None``."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return _watts(found)


def shelly_reader(address: MeterAddress) -> Callable[[], float]:
    """Return what reads the plug's watts; it keeps to the component that answered."""
    known: list[str] = []

    def read() -> float:
        statuses = []
        for method in known or METHODS:
            status, body = get(address.host, address.port, f"/rpc/{method}?id={address.outlet}")
            watts = parse_watts(body) if status == OK else None
            if watts is not None:
                known[:] = [method]
                return watts
            statuses.append(f"{method} {status}")
        known.clear()
        raise SensorError(f"{address.place} shows no watts ({', '.join(statuses)})")

    return read


def _watts(found: Any) -> float | None:
    if not isinstance(found, dict):
        return None
    if "apower" in found:
        return number(found["apower"])
    components = [part for name, part in found.items() if name.startswith(("switch:", "pm1:"))]
    return _watts(components[0]) if len(components) == 1 else None
