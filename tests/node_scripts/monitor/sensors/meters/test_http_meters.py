"""Shelly and Tasmota plugs, asked over HTTP."""

from __future__ import annotations

import json
import socket
import time

import pytest

from node_scripts.monitor.sample import Value
from node_scripts.monitor.sensors.interface import SensorError
from node_scripts.monitor.sensors.meters import shelly, tasmota
from node_scripts.monitor.sensors.meters.choose import meter_sensor
from tests.node_scripts.monitor.sensors.servers import Page, free_port, http_server

SWITCH = json.dumps(
    {
        "id": 0,
        "source": "HTTP",
        "output": True,
        "apower": 41.7,
        "voltage": 231.0,
        "current": 0.21,
        "aenergy": {"total": 5.1, "by_minute": [0.0, 0.0, 0.0], "minute_ts": 1675718520},
        "temperature": {"tC": 25.3, "tF": 77.5},
    }
).encode()
PM1 = b'{"id":0,"voltage":233.3,"current":0.123,"apower":27,"freq":50.0,"aenergy":{"total":1}}'
STATUS_8 = (
    b'{"StatusSNS":{"Time":"2026-03-02T08:15:00","ANALOG":{"Temperature":15.0},"ENERGY":{"Total":41.573,'
    b'"Yesterday":6.147,"Today":8.286,"Power":38,"ApparentPower":52,"Factor":0.73,"Voltage":230},'
    b'"TempUnit":"C"}}'
)
SHELLY_SWITCH = "/rpc/Switch.GetStatus?id=0"
SHELLY_PM1 = "/rpc/PM1.GetStatus?id=0"
TASMOTA = "/cm?cmnd=Status%208"


@pytest.mark.parametrize(
    ("kind", "pages", "expected"),
    [
        ("shelly", {SHELLY_SWITCH: (200, SWITCH)}, 41.7),
        ("shelly", {SHELLY_PM1: (200, PM1)}, 27.0),
        ("shelly", {SHELLY_SWITCH: (500, b'{"code":-105}'), SHELLY_PM1: (200, PM1)}, 27.0),
        ("tasmota", {TASMOTA: (200, STATUS_8)}, 38.0),
    ],
)
def test_a_plug_shows_the_watts_of_the_machine(kind: str, pages: dict[str, Page], expected: float) -> None:
    """The source is the kind of the meter."""
    with http_server(pages) as port:
        sample = meter_sensor(f"{kind}://127.0.0.1:{port}").read(0.0)
    assert sample.watts == Value(value=expected, source=kind)


def test_a_shelly_is_asked_for_the_component_that_answered() -> None:
    """A pure meter is asked for its switch once; another component by its id."""
    asked: list[str] = []
    with http_server({"/rpc/PM1.GetStatus?id=1": (200, PM1)}, asked) as port:
        sensor = meter_sensor(f"shelly://127.0.0.1:{port}/1")
        sensor.read(0.0)
        sensor.read(5.0)
    assert asked == ["/rpc/Switch.GetStatus?id=1", *["/rpc/PM1.GetStatus?id=1"] * 2]


@pytest.mark.parametrize(
    ("kind", "pages", "said"),
    [
        ("shelly", {}, "shows no watts (Switch.GetStatus 404, PM1.GetStatus 404)"),
        ("shelly", {SHELLY_SWITCH: (401, b"")}, "wants a password"),
        ("shelly", {SHELLY_SWITCH: (200, b"<html>")}, "shows no watts"),
        ("shelly", {SHELLY_SWITCH: (200, SWITCH.replace(b"41.7", b"0.0"))}, "is it this node's outlet?"),
        ("tasmota", {TASMOTA: (200, b'{"WARNING":"Need user=<username>&password=<password>"}')}, "no watts"),
        ("tasmota", {TASMOTA: (200, STATUS_8.replace(b":38,", b":0,"))}, "is it this node's outlet?"),
    ],
)
def test_a_meter_that_shows_nothing_of_this_machine_fails(
    kind: str, pages: dict[str, Page], said: str
) -> None:
    """It says why; 0 W is not this machine's."""
    with http_server(pages) as port, pytest.raises(SensorError) as caught:
        meter_sensor(f"{kind}://127.0.0.1:{port}").read(0.0)
    assert said in str(caught.value)


def test_a_meter_that_refuses_or_is_silent_does_not_hold_the_others_up() -> None:
    """Its connection is taken and never answered."""
    with pytest.raises(SensorError, match="refused"):
        meter_sensor(f"tasmota://127.0.0.1:{free_port()}").read(0.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        with pytest.raises(SensorError, match="timed out"):
            meter_sensor(f"tasmota://127.0.0.1:{silent.getsockname()[1]}").read(0.0)
        assert time.monotonic() - begun < 5.0


def test_a_wrong_address_fails_at_every_reading_and_is_not_repeated() -> None:
    """The monitor goes on without it."""
    with pytest.raises(SensorError, match="not of the form") as caught:
        meter_sensor("acp://hunter2@pdu/1").read(0.0)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (SWITCH, 41.7),
        (b'{"ts":1.5,"pm1:0":' + PM1 + b"}", 27.0),
        (b'{"switch:0":{"apower":1.5},"switch:1":{"apower":2.5}}', None),
        (b'{"id":0,"apower":null}', None),
        (b'{"id":0,"apower":"12,5"}', 12.5),
        (b'{"id":0,"act_power":12.5}', None),
        (SWITCH[:40], None),
    ],
)
def test_shelly_statuses(body: bytes, expected: float | None) -> None:
    """Bare, or under the name of the one component."""
    assert shelly.parse_watts(body) == expected


@pytest.mark.parametrize(
    ("power", "expected"),
    [("7", 7.0), ("7.5", 7.5), ("[7]", 7.0), ("[7,8]", None), ('"x"', None), ("{}", None)],
)
def test_tasmota_statuses(power: str, expected: float | None) -> None:
    """A plug of several channels does not tell whose is whose."""
    body = f'{{"StatusSNS":{{"ENERGY":{{"Power":{power}}},"NEW":1}}}}'
    assert tasmota.parse_watts(body.encode()) == expected
