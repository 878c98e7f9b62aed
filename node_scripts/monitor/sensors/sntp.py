"""One SNTP query (RFC 4330): a 48-byte packet over UDP."""

from __future__ import annotations

import secrets
import socket
import struct
from collections.abc import Callable

from node_scripts.monitor.sensors.interface import SensorError

PORT = 123
TIMEOUT_S = 1.0
PACKET = struct.Struct("!BBbb11I")
CLIENT = 0x23
"""No leap warning, version 4, mode 3."""
SERVER_MODE = 4
UNSYNCHRONISED = 3
HIGHEST_STRATUM = 15
EPOCH_S = 2_208_988_800
"""From 1900, where NTP's time begins, to 1970."""
ERA_S = 2**32
FRACTION = 2**32
TRANSMIT = 13
RECEIVE = 11
ORIGIN = 9


def query_offset(server: str, now: Callable[[], float], timeout_s: float = TIMEOUT_S) -> float:
    """Return this clock minus the server's in seconds; ``server`` is a host or ``host:port``.

    Raises SensorError when it does not answer, or not as a synchronised server does.
    """
    host, port = address_of(server)
    token = (secrets.randbits(32), secrets.randbits(32))
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as channel:
            channel.settimeout(timeout_s)
            channel.connect(address)
            sent_s = now()
            channel.send(request(token))
            reply = channel.recv(1024)
            received_s = now()
    except OSError as error:
        raise SensorError(f"{server}: {error.strerror or error}") from error
    return offset_from_reply(reply, token, sent_s, received_s)


def request(token: tuple[int, int]) -> bytes:
    """Return a query; ``token`` stands for the time of sending, which the server need not know."""
    return PACKET.pack(CLIENT, 0, 0, 0, *([0] * 9), *token)


def offset_from_reply(reply: bytes, token: tuple[int, int], sent_s: float, received_s: float) -> float:
    """Return this clock minus the server's; raises SensorError on a reply that must not be believed."""
    if len(reply) < PACKET.size:
        raise SensorError(f"the NTP reply has {len(reply)} bytes, not {PACKET.size}")
    words = PACKET.unpack(reply[: PACKET.size])
    first, stratum = words[0], words[1]
    if first & 7 != SERVER_MODE or (words[ORIGIN], words[ORIGIN + 1]) != token:
        raise SensorError("the NTP reply is not the answer to the query")
    if first >> 6 == UNSYNCHRONISED or not 1 <= stratum <= HIGHEST_STRATUM:
        raise SensorError("the NTP server is not synchronised or refuses")
    if not (words[TRANSMIT] or words[TRANSMIT + 1]):
        raise SensorError("the NTP reply has no time")
    server_received_s = _unix(words[RECEIVE], words[RECEIVE + 1], sent_s)
    server_sent_s = _unix(words[TRANSMIT], words[TRANSMIT + 1], received_s)
    return -((server_received_s - sent_s) + (server_sent_s - received_s)) / 2


def address_of(server: str) -> tuple[str, int]:
    """Return host and port of ``host``, ``host:port``, ``[v6]:port`` or a bare IPv6 address."""
    if server.startswith("["):
        host, _, port = server[1:].partition("]")
        port = port.removeprefix(":")
    elif server.count(":") == 1:
        host, _, port = server.partition(":")
    else:
        host, port = server, ""
    if port and not port.isdigit():
        raise SensorError(f"{server} is no host:port")
    return host, int(port or PORT)


def _unix(seconds: int, fraction: int, near_s: float) -> float:
    """Return the Unix time nearest to ``near_s``: NTP's seconds begin anew every 136 years (2036 next)."""
    found = seconds - EPOCH_S + fraction / FRACTION
    return found + ERA_S * round((near_s - found) / ERA_S)
