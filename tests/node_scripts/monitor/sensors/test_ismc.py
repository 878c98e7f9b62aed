"""iSMC's keys."""

from __future__ import annotations

import json

import pytest

from node_scripts.monitor.sample import Value
from node_scripts.monitor.sensors.ismc import parse_fastest_fan, parse_hottest_core
from tests.node_scripts.monitor.sensors.outputs import ISMC_FANS, ISMC_TEMPERATURES


def test_the_hottest_performance_core_counts_and_its_key_is_named() -> None:
    """Efficiency cores (Te*), supplies (TPSD) and sensors that read 0 do not."""
    assert parse_hottest_core(ISMC_TEMPERATURES) == Value(value=73.2, source="ismc:Tp05")


def test_keys_are_found_under_any_name_and_at_any_depth() -> None:
    """`all` nests by kind, and names change with the release."""
    nested = json.dumps(
        {"Temperature": json.loads(ISMC_TEMPERATURES), "New": [{"key": "Tp1Z", "value": "99"}]}
    )
    assert parse_hottest_core(nested) == Value(value=99.0, source="ismc:Tp1Z")


@pytest.mark.parametrize("value", ["74,5 °C", "74.5 °C", "74.5", 74.5])
def test_a_value_without_quantity_is_read_from_its_text(value: object) -> None:
    """With a point or a comma."""
    entry = {"x": {"key": "Tp02", "type": "flt", "value": value}}
    assert parse_hottest_core(json.dumps(entry)) == Value(value=74.5, source="ismc:Tp02")


def test_the_fastest_fan_counts() -> None:
    """Of their maximum and number nothing is shown."""
    assert parse_fastest_fan(ISMC_FANS) == Value(value=1120.0, source="ismc:F1Ac")


def test_a_fan_at_zero_counts_only_if_it_is_known_to_be_one() -> None:
    """Its maximum was read."""
    still = {"a": {"key": "F0Ac", "quantity": 0}, "b": {"key": "F0Mx", "quantity": 4900}}
    assert parse_fastest_fan(json.dumps(still)) == Value(value=0.0, source="ismc:F0Ac")
    assert parse_fastest_fan(json.dumps({"a": still["a"]})) is None


def test_a_machine_without_such_keys_is_unknown() -> None:
    """A MacBook Air has no fan."""
    assert parse_fastest_fan(ISMC_TEMPERATURES) is None
    assert parse_hottest_core(ISMC_FANS) is None
