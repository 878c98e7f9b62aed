"""vm_stat's pages."""

from __future__ import annotations

import pytest

from node_scripts.monitor.sensors.vm_stat import VirtualMemory, parse_vm_stat
from tests.node_scripts.monitor.sensors.outputs import VM_STAT, VM_STAT_TAGGED

KNOWN = VirtualMemory(
    available_bytes=(1000 + 2000 + 300 + 40) * 16384,
    wired_bytes=420751 * 16384,
    compressed_bytes=257278 * 16384,
    swap_in_total_bytes=70 * 16384,
)


@pytest.mark.parametrize("output", [VM_STAT, VM_STAT_TAGGED, VM_STAT.replace("Swapouts", "Swap outs")])
def test_pages_are_counted_in_bytes_whatever_lines_there_are_beside(output: str) -> None:
    """Chips with memory tagging print eleven more."""
    assert parse_vm_stat(output) == KNOWN


def test_the_page_size_is_taken_from_the_first_line() -> None:
    """Intel's and Rosetta's pages have 4096 bytes."""
    assert parse_vm_stat(VM_STAT.replace("16384", "4096")).wired_bytes == 420751 * 4096


def test_without_a_page_size_nothing_is_known() -> None:
    """It is not guessed."""
    assert parse_vm_stat(VM_STAT.replace("page size of 16384 bytes", "taille 16384")) == VirtualMemory()


@pytest.mark.parametrize("line", ["Swapins:       7.5", "Swapins:  1,000.", "Swap ins: 70.", "Swapins: -1."])
def test_a_line_of_another_form_is_unknown(line: str) -> None:
    """The rest counts."""
    found = parse_vm_stat(VM_STAT.replace("Swapins:                                      70.", line))
    assert found.swap_in_total_bytes is None
    assert found.wired_bytes == KNOWN.wired_bytes
