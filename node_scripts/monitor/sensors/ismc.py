"""`iSMC -o json temp|fans` (github.com/dkorunic/iSMC): SMC keys with their values.

Entries are ``{"key", "type", "value", "quantity", "unit"}`` under names that change with the release, at
any depth; the SMC key tells what they are. There is no agreed key of a performance core's temperature:
the hottest ``Tp*`` counts and is named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from node_scripts.monitor.sample import Value
from node_scripts.monitor.sensors.numbers import celsius, number, positive

TOOL = "iSMC"
REMEDY = "iSMC is not installed: brew install dkorunic/tap/ismc"
CORE_KEY = re.compile(r"Tp[0-9A-Za-z]{2}")
FAN_KEY = re.compile(r"F([0-9A-Fa-f])Ac")
DEEPEST = 8


def temperature_command(path: str) -> list[str]:
    """Return the command that prints temperatures."""
    return [path, "-o", "json", "temp"]


def fan_command(path: str) -> list[str]:
    """Return the command that prints fans."""
    return [path, "-o", "json", "fans"]


def parse_hottest_core(output: str) -> Value | None:
    """Return the hottest ``Tp*`` key's °C, its name in the source; ``None`` where there is none."""
    found = [
        (degrees, key)
        for key, entry in _entries(output)
        if CORE_KEY.fullmatch(key) and (degrees := celsius(_quantity(entry))) is not None
    ]
    if not found:
        return None
    degrees, key = max(found)
    return Value(value=degrees, source=f"ismc:{key}")


def parse_fastest_fan(output: str) -> Value | None:
    """Return the fastest fan's revolutions a minute; one at 0 counts if its maximum (``F0Mx``) was read."""
    entries = dict(_entries(output))
    speeds = []
    for key, entry in entries.items():
        fan = FAN_KEY.fullmatch(key)
        speed = number(_quantity(entry)) if fan else None
        if fan is None or speed is None or speed < 0.0:
            continue
        if speed == 0.0 and positive(_quantity(entries.get(f"F{fan.group(1)}Mx", {}))) is None:
            continue
        speeds.append((speed, key))
    if not speeds:
        return None
    speed, key = max(speeds)
    return Value(value=speed, source=f"ismc:{key}")


def _quantity(entry: dict[str, Any]) -> object:
    quantity = entry.get("quantity")
    if quantity not in {None, ""}:
        return quantity
    value = entry.get("value")
    return value.split()[0] if isinstance(value, str) and value.split() else value


def _entries(output: str) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        found = json.loads(output)
    except (ValueError, RecursionError):
        return
    yield from _walk(found, DEEPEST)


def _walk(node: Any, depth: int) -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(node, dict | list) or depth == 0:
        return
    if isinstance(node, dict) and isinstance(node.get("key"), str):
        yield node["key"].strip(), node
        return
    for child in node.values() if isinstance(node, dict) else node:
        yield from _walk(child, depth - 1)
