"""Read the addresses of an inventory that telemetry needs: the store, its endpoint, power meters.

Readers as in `inventory_values`: each returns the value or raises ``ValueError``.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from garnet_cli.fleet.inventory_values import HOST, shown, text

BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
PREFIX = re.compile(r"[A-Za-z0-9_=.-]+")
COMMUNITY = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=%-]{1,64}")
"""What may stand before the ``@`` of a URL; the rest is written as ``%`` and two hex digits."""

METERS = '"shelly://host", "shelly://host/id", "tasmota://host" or "apc://community@host/outlet"'


def store(value: Any) -> str:
    """Read ``s3://bucket/prefix`` (a slash at its end is dropped) or a path."""
    expected = '"s3://bucket/prefix" or a path'
    whole_text: str = text(expected)(value)
    scheme, separator, rest = whole_text.partition("://")
    if not separator:
        return whole_text
    bucket, _, prefix = rest.partition("/")
    if scheme != "s3" or not BUCKET.fullmatch(bucket):
        raise ValueError(f"is {shown(value)}, expected {expected}")
    parts = prefix.removesuffix("/").split("/") if prefix else []
    if not all(PREFIX.fullmatch(part) and set(part) != {"."} for part in parts):
        raise ValueError(
            f"is {shown(value)}, expected a prefix of A-Z, a-z, 0-9, -, _, = and . between single slashes"
        )
    return "/".join([f"s3://{bucket}", *parts])


def endpoint(value: Any) -> str:
    """Read an S3 server's URL: https, or http to this machine or a private network.

    What is shipped holds no content, but over http it could be read, and altered, on the way.
    """
    expected = '"https://host" or "https://host:port", without a path'
    whole_text: str = text(expected)(value)
    scheme, separator, rest = whole_text.removesuffix("/").partition("://")
    if not separator or scheme not in {"http", "https"}:
        raise ValueError(f"is {shown(value)}, expected {expected}")
    host = host_of(rest)
    if host is None:
        raise ValueError(f"is {shown(value)}, expected {expected}")
    if scheme == "http" and not is_private(host):
        raise ValueError(
            f"is {shown(value)}, expected https:// (http:// only to this machine or a private network)"
        )
    return f"{scheme}://{rest}"


def clock_server(value: Any) -> str:
    """Read an NTP server: ``host`` or ``host:port``."""
    expected = '"host" or "host:port" of an NTP server'
    whole_text: str = text(expected)(value)
    if host_of(whole_text) is None:
        raise ValueError(f"is {shown(value)}, expected {expected}")
    return whole_text


def power_meter(value: Any) -> str:
    """Read where a node's wall power is measured: a Shelly, a Tasmota plug or an APC rack PDU."""
    whole_text: str = text(METERS)(value)
    scheme, _, rest = whole_text.partition("://")
    user, at, rest = rest.rpartition("@")
    host, slash, number = rest.partition("/")
    allowed = {
        "shelly": not at and (not slash or _in_range(number, 0, 99)),
        "tasmota": not at and not slash,
        "apc": bool(at and COMMUNITY.fullmatch(user)) and _in_range(number, 1, 999),
    }
    if not allowed.get(scheme) or host_of(host) is None:
        raise ValueError(f"is {shown(value)}, expected {METERS}")
    return whole_text


def seconds_of_a_minute(value: Any) -> int:
    """Read a whole number of seconds that divides a minute."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 60 or 60 % value:  # noqa: PLR2004 -- seconds
        raise ValueError(f"is {shown(value)}, expected 60, or another whole number that divides it")
    return value


def host_of(authority: str) -> str | None:
    """Return the host of ``host``, ``host:port`` or ``[IPv6]:port``; ``None`` for anything else."""
    found = re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]{1,5}))?", authority)
    if found is None or not 1 <= int(found[2] or 80) <= 65535:  # noqa: PLR2004 -- the range of TCP
        return None
    host = found[1]
    if host.startswith("["):
        return host[1:-1] if ":" in host and HOST.fullmatch(host[1:-1]) else None
    return host if HOST.fullmatch(host) else None


def is_private(host: str) -> bool:
    """Say whether ``host`` is this machine, an address of a private network, or a name within one."""
    name = host.lower()
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return "." not in name or name.endswith((".local", ".lan", ".internal", ".home.arpa"))
    return address.is_private or address.is_link_local


def _in_range(digits: str, low: int, high: int) -> bool:
    return bool(re.fullmatch(r"[0-9]{1,3}", digits)) and low <= int(digits) <= high
