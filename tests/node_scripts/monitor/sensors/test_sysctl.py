"""sysctl's memory, swap and pressure."""

from __future__ import annotations

import pytest

from node_scripts.monitor.sensors.sysctl import MemoryState, memory_state, parse_sysctl
from tests.node_scripts.monitor.sensors.outputs import SYSCTL


def _state(output: str) -> MemoryState:
    return memory_state(parse_sysctl(output))


KNOWN = MemoryState(total_bytes=34359738368, swap_used_bytes=1024 * 1024**2 + 512 * 1024, pressure=2)


@pytest.mark.parametrize("output", [SYSCTL, SYSCTL + "vm.new: { 1 2 }\n", SYSCTL.replace(".50M", ",50M")])
def test_memory_swap_and_pressure_are_read(output: str) -> None:
    """With a decimal point or comma, whatever else there is."""
    assert _state(output) == KNOWN


def test_no_swap_in_use_is_zero_and_known() -> None:
    """Unlike swap that the system does not tell of."""
    assert _state("vm.swapusage: total = 0.00M  used = 0.00M  free = 0.00M\n").swap_used_bytes == 0
    assert _state("").swap_used_bytes is None


@pytest.mark.parametrize("level", ["0", "3", "8", "-1", "", "warn"])
def test_a_pressure_that_is_none_of_three_is_unknown(level: str) -> None:
    """1 normal, 2 warn, 4 critical."""
    assert _state(f"kern.memorystatus_vm_pressure_level: {level}\n").pressure is None


def test_names_left_out_are_unknown() -> None:
    """`sysctl -i` leaves out what the system lacks."""
    assert _state("hw.memsize: 34359738368\n") == MemoryState(total_bytes=34359738368)
    assert _state("hw.memsize: 0\n") == MemoryState()
