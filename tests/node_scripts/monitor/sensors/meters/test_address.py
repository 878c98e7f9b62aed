"""Addresses of power meters."""

from __future__ import annotations

import pytest

from node_scripts.monitor.sensors.meters.address import MeterAddress, MeterAddressError, parse_meter_address


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("shelly://plug-3", MeterAddress("shelly", "plug-3", 80, 0)),
        ("shelly://10.0.0.5:8080/2", MeterAddress("shelly", "10.0.0.5", 8080, 2)),
        ("tasmota://plug.lan/", MeterAddress("tasmota", "plug.lan", 80, 0)),
        ("apc://s3cret@pdu-1/7", MeterAddress("apc", "pdu-1", 161, 7, "s3cret")),
        ("apc://a%40b@[fd00::5]:1161/24", MeterAddress("apc", "fd00::5", 1161, 24, "a@b")),
    ],
)
def test_each_kind_has_its_form(url: str, expected: MeterAddress) -> None:
    """With the kind's own port where none is named."""
    assert parse_meter_address(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "plug-3",
        "http://plug-3",
        "shelly://",
        "shelly://plug/one",
        "shelly://plug:99999",
        "tasmota://[::1",
        "apc://pdu-1/7",
        "apc://hunter2@pdu-1",
        "apc://hunter2@pdu-1/0",
        "apc://hunter2@pdu-1/x",
    ],
)
def test_others_are_refused_without_being_repeated(url: str) -> None:
    """An address may hold an SNMP community."""
    with pytest.raises(MeterAddressError) as caught:
        parse_meter_address(url)
    assert "hunter2" not in str(caught.value)


def test_the_community_is_never_shown() -> None:
    """Neither by repr nor by the name for people."""
    address = parse_meter_address("apc://hunter2@pdu-1/7")
    assert "hunter2" not in repr(address)
    assert address.place == "apc at pdu-1 outlet 7"
