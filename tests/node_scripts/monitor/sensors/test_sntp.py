"""Asking an NTP server for the time."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable

import pytest

from node_scripts.monitor.sensors.interface import SensorError
from node_scripts.monitor.sensors.sntp import EPOCH_S, address_of, offset_from_reply, query_offset, request
from tests.node_scripts.monitor.sensors.servers import free_port, udp_server

TOKEN = (7, 9)


def _reply(query: bytes, received_s: float, sent_s: float, *, first: int = 0x24, stratum: int = 2) -> bytes:
    """Return a server's answer: the query's transmit time comes back as its origin."""
    return (
        struct.pack("!BBbb", first, stratum, 6, -20)
        + b"\0" * 12
        + b"\0" * 8
        + query[40:48]
        + _stamp(received_s)
        + _stamp(sent_s)
    )


def _stamp(unix_s: float) -> bytes:
    seconds, fraction = divmod(unix_s + EPOCH_S, 1.0)
    return struct.pack("!II", int(seconds) % 2**32, int(fraction * 2**32))


def ntp_answers(offset_s: float) -> Callable[[bytes], bytes]:
    """Return a server whose clock is ``offset_s`` ahead."""
    return lambda query: _reply(query, time.time() + offset_s, time.time() + offset_s)


@pytest.mark.parametrize("server_ahead_s", [0.0, 3.5, -3600.0])
def test_the_offset_is_this_clock_minus_the_servers(server_ahead_s: float) -> None:
    """Over a real socket."""
    with udp_server(ntp_answers(server_ahead_s)) as port:
        offset = query_offset(f"127.0.0.1:{port}", time.time)
    assert offset == pytest.approx(-server_ahead_s, abs=0.1)


def test_the_way_there_and_back_is_taken_out() -> None:
    """Half a second each way and a second in the server, whose clock is 2 s behind."""
    query = request(TOKEN)
    sent, received = 1_800_000_000.0, 1_800_000_002.0
    reply = _reply(query, sent + 0.5 - 2.0, sent + 1.5 - 2.0)
    assert offset_from_reply(reply, TOKEN, sent, received) == pytest.approx(2.0, abs=1e-6)


def test_the_query_is_48_bytes_and_tells_nothing() -> None:
    """The token stands where the time of sending might."""
    assert len(request(TOKEN)) == 48
    assert request(TOKEN)[0] == 0x23
    assert request(TOKEN)[1:40] == b"\0" * 39


def test_times_after_the_turn_of_ntps_seconds_are_understood() -> None:
    """On 7 February 2036 they begin anew."""
    after = 2**32 - EPOCH_S + 100.0
    reply = _reply(request(TOKEN), after, after)
    assert offset_from_reply(reply, TOKEN, after, after) == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda reply: reply[:47], "47 bytes"),
        (lambda _reply: b"", "0 bytes"),
        (lambda reply: b"\x23" + reply[1:], "not the answer"),
        (lambda reply: reply[:24] + b"\0" * 8 + reply[32:], "not the answer"),
        (lambda reply: b"\xe4" + reply[1:], "not synchronised"),
        (lambda reply: reply[:1] + b"\0" + reply[2:], "not synchronised or refuses"),
        (lambda reply: reply[:1] + b"\x10" + reply[2:], "not synchronised"),
        (lambda reply: reply[:40] + b"\0" * 8, "no time"),
    ],
)
def test_a_reply_that_must_not_be_believed_is_refused(change: Callable[[bytes], bytes], said: str) -> None:
    """Short, forged, unsynchronised, a kiss of death."""
    reply = change(_reply(request(TOKEN), 1.8e9, 1.8e9))
    with pytest.raises(SensorError, match=said):
        offset_from_reply(reply, TOKEN, 1.8e9, 1.8e9)


def test_a_longer_reply_counts() -> None:
    """Authenticators come after the 48 bytes."""
    reply = _reply(request(TOKEN), 1.8e9, 1.8e9) + b"\x01" * 20
    assert offset_from_reply(reply, TOKEN, 1.8e9, 1.8e9) == pytest.approx(0.0, abs=1e-5)


def test_no_answer_is_a_failure() -> None:
    """A silent server, and none."""
    with udp_server(lambda _query: None) as port, pytest.raises(SensorError, match="timed out"):
        query_offset(f"127.0.0.1:{port}", time.time, timeout_s=0.1)
    with pytest.raises(SensorError):
        query_offset(f"127.0.0.1:{free_port()}", time.time, timeout_s=0.1)


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("time.apple.com", ("time.apple.com", 123)),
        ("10.0.0.1:1123", ("10.0.0.1", 1123)),
        ("fd00::1", ("fd00::1", 123)),
        ("[fd00::1]:1123", ("fd00::1", 1123)),
        ("[fd00::1]", ("fd00::1", 123)),
    ],
)
def test_servers_are_named_with_or_without_port(server: str, expected: tuple[str, int]) -> None:
    """IPv6 in brackets where it has a port."""
    assert address_of(server) == expected


def test_a_port_that_is_none_is_refused() -> None:
    """In words."""
    with pytest.raises(SensorError, match="no host:port"):
        address_of("host:ntp")
