"""powermetrics as root."""

from __future__ import annotations

import pytest

from node_scripts.monitor.sensors.powermetrics import (
    PowermetricsRecord,
    command,
    parse_pressure,
    parse_record,
)
from tests.node_scripts.monitor.sensors.outputs import POWERMETRICS

KNOWN = PowermetricsRecord(level=1, chip_watts=23.70075)


@pytest.mark.parametrize("record", [POWERMETRICS, b"\0" + POWERMETRICS, b"\n\0\n" + POWERMETRICS.strip()])
def test_level_and_chip_power_are_read_after_the_separating_nul(record: bytes) -> None:
    """Power is in mW, and the chip's alone."""
    assert parse_record(record) == KNOWN


def test_keys_that_are_new_do_not_matter() -> None:
    """Later releases add some."""
    longer = POWERMETRICS.replace(b"<key>gpu</key>", b"<key>npu</key><dict/><key>gpu</key>")
    assert parse_record(longer) == KNOWN


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (b"combined_power", b"package_watts", PowermetricsRecord(level=1)),
        (b"<real>23700.75</real>", b"<real>0</real>", PowermetricsRecord(level=1)),
        (b"<real>23700.75</real>", b"<string>23700,75</string>", KNOWN),
        (b"<real>23700.75</real>", b"<real>23700,75</real>", PowermetricsRecord()),
        (b"Moderate", b"Glowing", PowermetricsRecord(chip_watts=23.70075)),
        (b"thermal_pressure", b"thermal_state", PowermetricsRecord(chip_watts=23.70075)),
        (b"<key>processor</key>", b"<key>soc</key>", PowermetricsRecord(level=1)),
    ],
)
def test_what_is_renamed_or_unreadable_is_unknown(
    before: bytes, after: bytes, expected: PowermetricsRecord
) -> None:
    """The rest still counts, unless the plist as a whole is broken."""
    assert parse_record(POWERMETRICS.replace(before, after)) == expected


@pytest.mark.parametrize(
    ("word", "level"),
    [("Nominal", 0), ("moderate", 1), ("Heavy ", 2), ("Trapping", 3), ("Sleeping", 4), ("", None), (1, None)],
)
def test_pressure_words_are_levels(word: object, level: int | None) -> None:
    """Words that are not known are no level."""
    assert parse_pressure(word) == level


def test_the_interval_is_asked_for_in_milliseconds() -> None:
    """And no smc sampler, which ends powermetrics on Apple silicon."""
    assert command(5.0)[-2:] == ["-i", "5000"]
    assert "smc" not in " ".join(command(5.0))
