"""Processor and disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from node_scripts.monitor.sensors.host import busy_share, disk_sensor, processor_sensor


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {"user": 5.0, "idle": 5.0}, None),
        ({"user": 5.0, "idle": 5.0}, {"user": 6.0, "idle": 8.0}, 0.25),
        ({"user": 5.0, "idle": 5.0}, {"user": 5.0, "idle": 8.0}, 0.0),
        ({"user": 1.0, "iowait": 1.0, "idle": 1.0}, {"user": 2.0, "iowait": 2.0, "idle": 3.0}, 0.25),
        (
            {"user": 5.0, "guest": 4.0, "idle": 5.0},
            {"user": 6.0, "guest": 5.0, "idle": 6.0},
            0.5,
        ),
        ({"user": 5.0, "idle": 5.0}, {"user": 5.0, "idle": 5.0}, None),
        ({"user": 9.0, "idle": 9.0}, {"user": 12.0, "idle": 8.0}, None),
        ({"user": 5.0}, {"user": 6.0, "idle": 6.0}, None),
    ],
)
def test_the_busy_share_is_what_was_not_idle(
    before: Mapping[str, float], after: Mapping[str, float], expected: float | None
) -> None:
    """The first reading has nothing to compare with: psutil's own first answer, 0, is none."""
    assert busy_share(before, after) == expected


def test_the_processors_share_is_known_from_the_second_reading() -> None:
    """Between the two."""
    readings = iter([{"user": 0.0, "idle": 0.0}, {"user": 3.0, "idle": 1.0}])
    sensor = processor_sensor(lambda: next(readings))
    assert [sensor.read(now_s).cpu_share for now_s in (0.0, 5.0)] == [None, 0.75]


def test_this_machines_processor_has_a_share() -> None:
    """psutil's fields are those that are taken."""  # noqa: D403 -- the library's name
    sensor = processor_sensor()
    assert sensor.read(0.0).cpu_share is None
    sum(number * number for number in range(2_000_000))
    share = sensor.read(1.0).cpu_share
    assert share is not None
    assert 0.0 < share <= 1.0


def test_the_disk_is_the_roots(tmp_path: Path) -> None:
    """Free is what this user may write."""
    sample = disk_sensor(tmp_path).read(0.0)
    assert sample.disk_total_bytes is not None
    assert sample.disk_free_bytes is not None
    assert 0 < sample.disk_free_bytes <= sample.disk_total_bytes


def test_a_root_that_is_gone_fails(tmp_path: Path) -> None:
    """It does not show another volume."""
    with pytest.raises(FileNotFoundError):
        disk_sensor(tmp_path / "gone").read(0.0)
