"""macmon's lines, of all releases since 0.4."""

from __future__ import annotations

import json

import pytest

from node_scripts.monitor.sensors.macmon import MacmonRecord, command, parse_record
from tests.node_scripts.monitor.sensors.outputs import MACMON, MACMON_OLD


def _changed(**changes: object) -> str:
    return json.dumps({**json.loads(MACMON), **changes})


def test_a_line_of_the_first_releases_has_no_fans() -> None:
    """0.4 to 0.7."""
    assert parse_record(MACMON_OLD) == MacmonRecord(cpu_celsius=61.25, system_watts=38.75)


def test_a_line_of_later_releases_has_fans() -> None:
    """0.8, with keys that are passed over."""
    assert parse_record(MACMON.encode()) == MacmonRecord(
        cpu_celsius=61.25, system_watts=38.75, fan_rpm=1750.0
    )


@pytest.mark.parametrize("watts", [0, 0.0, -0.0, -3.0, None, "n/a", [1]])
def test_system_power_that_cannot_be_read_is_unknown(watts: object) -> None:
    """Macmon prints 0.0 for it."""
    assert parse_record(_changed(sys_power=watts)).system_watts is None


def test_a_temperature_of_no_sensor_is_unknown() -> None:
    """Macmon's mean of none is 0."""
    assert parse_record(_changed(temp={"cpu_temp_avg": 0.0})).cpu_celsius is None
    assert parse_record(_changed(temp={"cpu_avg": 50.0})).cpu_celsius is None


@pytest.mark.parametrize(
    ("fans", "expected"),
    [
        ([], None),
        ([{"rpm": 0, "max_rpm": 0}], None),
        ([{"rpm": 0}], None),
        ([{"rpm": 0, "max_rpm": 4900}], 0.0),
        ([{"rpm": 1300}, {"rpm": 1500}, {"speed": 9000}], 1500.0),
        ({"rpm": 1300}, None),
    ],
)
def test_the_fastest_fan_counts_and_a_still_one_is_told_from_an_unread_one(
    fans: object, expected: float | None
) -> None:
    """A fan stands still where its maximum could be read."""
    assert parse_record(_changed(fans=fans)).fan_rpm == expected


def test_a_line_with_decimal_commas_is_no_json() -> None:
    """Nothing of it counts."""
    assert parse_record(MACMON.replace("38.75", "38,75")) == MacmonRecord()


def test_the_interval_is_asked_for_in_milliseconds() -> None:
    """For ever: releases before 0.4.2 know no number of samples."""
    assert command("/x/macmon", 5.0) == ["/x/macmon", "pipe", "-i", "5000"]
