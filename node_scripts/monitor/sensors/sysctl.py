"""`sysctl -i`: memory size, swap and pressure; names that a system lacks are left out by it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from node_scripts.agent.host import fields_from_sysctl
from node_scripts.monitor.sensors.notifyutil import APPLE_SILICON, VIRTUAL
from node_scripts.monitor.sensors.numbers import positive, size_bytes, whole

TOOL = "/usr/sbin/sysctl"
MEMORY = "hw.memsize"
SWAP = "vm.swapusage"
PRESSURE = "kern.memorystatus_vm_pressure_level"
COMMAND = (TOOL, "-i", MEMORY, SWAP, PRESSURE)
MACHINE_COMMAND = (TOOL, "-i", APPLE_SILICON, VIRTUAL)
USED = re.compile(r"\bused\s*=\s*([\d.,]+[KMGT])(?!\S)")
PRESSURES = (1, 2, 4)
"""Normal, warn, critical."""


@dataclass(frozen=True, slots=True)
class MemoryState:
    """``None`` is unknown."""

    total_bytes: int | None = None
    swap_used_bytes: int | None = None
    pressure: int | None = None
    """1 normal, 2 warn, 4 critical."""


def parse_sysctl(output: str) -> dict[str, str]:
    """Return the values by name, stripped; a last line without its end is cut and does not count."""
    lines = output[: output.rfind("\n") + 1]
    return {name.strip(): value.strip() for name, value in fields_from_sysctl(lines).items()}


def memory_state(fields: Mapping[str, str]) -> MemoryState:
    """Return what the fields say."""
    total = whole(fields.get(MEMORY))
    used = USED.search(fields.get(SWAP, ""))
    pressure = whole(fields.get(PRESSURE))
    return MemoryState(
        total_bytes=total if positive(total) else None,
        swap_used_bytes=size_bytes(used.group(1)) if used else None,
        pressure=pressure if pressure in PRESSURES else None,
    )
