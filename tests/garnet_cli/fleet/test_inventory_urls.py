"""The addresses of an inventory: which are taken, which are not."""

from __future__ import annotations

import pytest

from garnet_cli.fleet.inventory_urls import clock_server, endpoint, power_meter, seconds_of_a_minute, store


@pytest.mark.parametrize(
    "value",
    [
        "shelly://192.168.1.31",
        "shelly://plug.local:8080/1",
        "tasmota://[fe80::1]:80",
        "apc://public@pdu/12",
        "apc://p!a%23b@10.0.0.1:1161/1",
    ],
)
def test_meters_of_each_kind_are_taken_as_they_stand(value: str) -> None:
    """A port may follow the host; an outlet or component has a number."""
    assert power_meter(value) == value


@pytest.mark.parametrize(
    "value",
    [
        "shelly://",
        "shelly://host/",
        "shelly://user@host",
        "shelly://host/switch",
        "shelly://host/0/1",
        "tasmota://host/1",
        "apc://host/1",
        "apc://@host/1",
        "apc://a/b@host/1",
        "apc://a#b@host/1",
        "apc://public@host",
        "apc://public@host/0",
        "http://host",
        "192.168.1.31",
        "shelly://host:99999",
        "shelly://a:b:c",
        "shelly://²",
        7,
    ],
)
def test_what_is_no_meter_is_refused(value: object) -> None:
    """Each with what was expected."""
    with pytest.raises(ValueError, match=r'expected "shelly://host"'):
        power_meter(value)


@pytest.mark.parametrize(
    "value",
    [
        "https://s3.example.com",
        "https://s3.example.com:9000",
        "http://localhost:9000",
        "http://127.0.0.1:9000",
        "http://10.1.2.3",
        "http://nas.local:9000",
        "http://minio:9000",
        "http://[fd00::1]:9000",
    ],
)
def test_endpoints_are_https_or_near(value: str) -> None:
    """Plain http only where nobody else is on the way; a slash at the end is dropped."""
    assert endpoint(value) == endpoint(value + "/") == value


@pytest.mark.parametrize(
    "value",
    [
        "http://8.8.8.8",
        "http://s3.example.com",
        "ftp://10.0.0.1",
        "https://",
        "https://a/b",
        "https://u:p@a",
        "a",
    ],
)
def test_other_endpoints_are_refused(value: str) -> None:
    """No path, no password, no http through the internet."""
    with pytest.raises(ValueError, match="expected"):
        endpoint(value)


def test_a_clock_server_is_a_host_with_or_without_its_port() -> None:
    """As a URL it is none."""
    assert [clock_server(value) for value in ("time.apple.com", "[::1]:1123")] == [
        "time.apple.com",
        "[::1]:1123",
    ]
    for value in ("ntp://time.apple.com", "", "a b", "host:0"):
        with pytest.raises(ValueError, match="expected"):
            clock_server(value)


def test_a_store_has_one_spelling() -> None:
    """Keys are joined to it with a slash."""
    assert store("s3://bucket") == store("s3://bucket/") == "s3://bucket"
    assert store("s3://bucket/a/b/") == "s3://bucket/a/b"
    assert store("~/telemetry") == "~/telemetry"


@pytest.mark.parametrize(
    "value", ["s3://", "s3://ab/", "s3://a_b", "s3://bucket/a//b", "s3://bucket/../a", "gs://bucket"]
)
def test_what_is_no_store_is_refused(value: str) -> None:
    """Neither other services nor prefixes that tools would rewrite."""
    with pytest.raises(ValueError, match="expected"):
        store(value)


def test_a_minute_is_60_seconds_or_divides_them() -> None:
    """So that trial minutes fall together with real ones."""
    assert [seconds_of_a_minute(value) for value in (60, 30, 10, 5, 1)] == [60, 30, 10, 5, 1]
    for value in (0, 7, 120, True, 60.0, "60"):
        with pytest.raises(ValueError, match="divides"):
            seconds_of_a_minute(value)
