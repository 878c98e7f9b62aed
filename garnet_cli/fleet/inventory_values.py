"""Read single values of an inventory: each reader returns the value or raises ``ValueError``.

The error's text says what is wrong and what was expected; the caller adds where.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

Reader = Callable[[Any], Any]
"""Turns a TOML value into ours, or raises ``ValueError`` with what is wrong and what was expected."""

MAX_TEXT = 4096
"""Longest text of any key, in characters: longer than any path or host name that works."""

SHOWN_TEXT = 60
"""Most characters of a wrong value that a message repeats."""

FLEET_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]+(%[A-Za-z0-9._-]+)?")
USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def shown(value: Any) -> str:
    """Return ``value`` as a message repeats it: quoted as in TOML, cut when long."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        cut = value if len(value) <= SHOWN_TEXT else value[:SHOWN_TEXT] + "…"
        return '"' + CONTROL.sub("?", cut) + '"'
    if isinstance(value, int):
        return str(value) if abs(value) < 10**SHOWN_TEXT else "a number this large"
    if isinstance(value, float):
        return str(value)
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "an array"
    return "a date or time"


def nearest(word: str, known: list[str]) -> str:
    """Return ``; did you mean "…"?`` for the closest of ``known``, else nothing."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return f'; did you mean "{close[0]}"?' if close else ""


def text(expected: str, pattern: re.Pattern[str] | None = None) -> Reader:
    """Read a text that is not empty, holds no control character, and matches ``pattern`` whole."""

    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"is {shown(value)}, expected {expected} in quotes")  # noqa: TRY004
        if not value.strip():
            raise ValueError(f"is empty, expected {expected}")
        if len(value) > MAX_TEXT:
            raise ValueError(f"is {len(value)} characters long, expected {expected}")
        if CONTROL.search(value):
            raise ValueError(f"holds a control character, expected {expected}")
        if pattern and not pattern.fullmatch(value):
            raise ValueError(f"is {shown(value)}, expected {expected}")
        return value

    return read


def whole(low: int, high: int) -> Reader:
    """Read a whole number from ``low`` to ``high``."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"is {shown(value)}, expected a whole number from {low} to {high}")
        return value

    return read


def number(low: float, high: float) -> Reader:
    """Read a number from ``low`` to ``high``."""

    def read(value: Any) -> float:
        wrong = isinstance(value, bool) or not isinstance(value, int | float)
        if wrong or not low <= value <= high:
            raise ValueError(f"is {shown(value)}, expected a number from {low:g} to {high:g}")
        return float(value)

    return read


def flag(value: Any) -> bool:
    """Read ``true`` or ``false``."""
    if not isinstance(value, bool):
        raise ValueError(f"is {shown(value)}, expected true or false")  # noqa: TRY004
    return value


def choice(*options: str) -> Reader:
    """Read one of ``options``."""
    expected = " or ".join(f'"{option}"' for option in options)

    def read(value: Any) -> str:
        if value not in options:
            hint = nearest(value, list(options)) if isinstance(value, str) else ""
            raise ValueError(f"is {shown(value)}, expected {expected}{hint}")
        return str(value)

    return read


def node_names(value: Any) -> list[str] | None:
    """Read a list of node names; ``None`` stands for "all"."""
    expected = 'expected "all" or a list of node names such as ["mini-1", "mini-2"]'
    if value == "all":
        return None
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"is {shown(value)}, {expected}")
    if not value:
        raise ValueError(f"is empty, {expected}: a model needs a node")
    twice = next((name for name in value if value.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"names {shown(twice)} twice, expected each node once")
    return value


def address(example: str) -> Reader:
    """Read ``host:port``, with an IPv6 host in brackets; return ``(host, port)``."""

    def read(value: Any) -> tuple[str, int]:
        whole_text = text(f'"host:port" such as "{example}"')(value)
        host, colon, port = whole_text.rpartition(":")
        inside = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        bare_ipv6 = ":" in host and inside == host
        if not colon or bare_ipv6 or not HOST.fullmatch(inside) or not port.isascii() or not port.isdecimal():
            raise ValueError(f'is {shown(value)}, expected "host:port" such as "{example}"')
        if not 1 <= int(port[:6]) <= 65535:  # noqa: PLR2004 -- the range of TCP
            raise ValueError(f"is {shown(value)}, expected a port from 1 to 65535")
        return inside, int(port)

    return read


def jump(value: Any) -> str:
    """Read ``user@host`` or ``user@host:port`` of a jump host."""
    expected = '"user@host:port" such as "ops@bastion.example.com:22"'
    whole_text: str = text(expected)(value)
    try:
        split_jump(whole_text)
    except ValueError:
        raise ValueError(f"is {shown(value)}, expected {expected}") from None
    return whole_text


def split_jump(value: str) -> tuple[str, str, int]:
    """Return ``(user, host, port)`` of a jump host; raises ValueError where it is none."""
    user, _, rest = value.partition("@")
    text("a user name", USER)(user)
    host, port = address("bastion:22")(rest if re.search(r"(?<!:):[0-9]+$", rest) else f"{rest}:22")
    return user, host, port


def timezone(value: Any) -> str:
    """Read an IANA time zone's name."""
    import zoneinfo  # noqa: PLC0415 -- 5 ms that only inventories with another zone than UTC pay

    name: str = text('an IANA time zone such as "Europe/Berlin"')(value)
    if name == "UTC":
        return name
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        hint = nearest(name, sorted(zoneinfo.available_timezones()))
        raise ValueError(
            f'is {shown(name)}, expected an IANA time zone such as "Europe/Berlin"{hint}'
        ) from None
    return name
