"""The thermal level without root."""

from __future__ import annotations

import pytest

from node_scripts.monitor.sensors.notifyutil import COMMAND, parse_level, why_unpublished

KEY = COMMAND[-1]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (f"{KEY} 0\n", 0),
        (f"{KEY} 1\n", 1),
        (f"{KEY} 4\n", 4),
        (f"{KEY} 5\n", None),
        (f"{KEY} 33\n", None),
        (f"{KEY} 18446744073709551615\n", None),
        (f"{KEY}: Failed with code 9\n", None),
        (f"{KEY} -1\n", None),
        (f"{KEY}\n", None),
        (f"{KEY} 1 2\n", None),
        ("com.apple.system.another.key 0\n", None),
        ("0\n", None),
        (f"{KEY} ²\n", None),
        (f"notifyd restarted\n{KEY} 2\n", 2),
    ],
)
def test_only_the_keys_own_level_counts(reply: str, expected: int | None) -> None:
    """Anything but ``<key> <0..4>`` is unknown."""
    assert parse_level(reply) == expected


@pytest.mark.parametrize(
    ("fields", "published"),
    [
        ({"hw.optional.arm64": "1", "kern.hv_vmm_present": "0"}, True),
        ({"hw.optional.arm64": "1"}, True),
        ({"hw.optional.arm64": "1", "kern.hv_vmm_present": "1"}, False),
        ({"kern.hv_vmm_present": "0"}, False),
        ({}, False),
    ],
)
def test_a_zero_of_a_key_that_nobody_publishes_does_not_count(
    fields: dict[str, str], *, published: bool
) -> None:
    """Missing keys print 0 too: only Apple silicon that is not virtual publishes this one."""
    assert (why_unpublished(fields) is None) is published
