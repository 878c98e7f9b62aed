"""The GPU's memory."""

from __future__ import annotations

import pytest

from node_scripts.monitor.sensors.ioreg import parse_gpu_bytes
from tests.node_scripts.monitor.sensors.outputs import IOREG


def test_memory_in_use_is_told_from_allocated_and_the_drivers() -> None:
    """Three keys have nearly one name."""
    assert parse_gpu_bytes(IOREG) == 7688503296


def test_several_accelerators_add_up() -> None:
    """An Ultra may list two."""
    assert parse_gpu_bytes(IOREG * 2) == 2 * 7688503296


@pytest.mark.parametrize(
    "output",
    [
        "",
        IOREG.replace('"In use system memory"=', '"Resident memory"='),
        IOREG.replace('"In use system memory"=7688503296}', '"In use system memory"=76885'),
    ],
)
def test_what_does_not_say_or_is_cut_is_unknown(output: str) -> None:
    """A number that goes on beyond the cut is not taken for a smaller one."""
    assert parse_gpu_bytes(output) is None
