"""The proxy's three files."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from node_scripts.contracts import Keys
from node_scripts.proxy.settings import SettingsError, parse, parse_secret
from tests.node_scripts.proxy.rig import client_key

FLEET: dict[str, Any] = {
    "schema": 1,
    "fleet": "test",
    "node": "one",
    "peers": [],
    "models": [{"name": "tiny", "nodes": ["one"], "concurrency": 2, "context": 100}],
    "proxy": {"listen_host": "0.0.0.0", "listen_port": 8080},
}


def encoded(**changes: Any) -> bytes:
    """Return the fleet file with changes."""
    return msgspec.json.encode({**FLEET, **changes})


def test_without_a_key_in_force_the_listen_host_is_loopback() -> None:
    """Nobody is served unasked on an open port."""
    revoked = msgspec.json.encode(Keys(schema=1, keys=[client_key(revoked="2026-01-02T00:00:00Z")]))
    assert parse(encoded(), None, None).listen_host == "127.0.0.1"
    assert parse(encoded(), revoked, None).listen_host == "127.0.0.1"
    keys = msgspec.json.encode(Keys(schema=1, keys=[client_key()]))
    assert parse(encoded(), keys, None).listen_host == "0.0.0.0"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{", "fleet.json"),
        (b"{}", "missing required field"),
        (encoded(schema=2), "newer"),
        (encoded(models=[*FLEET["models"], *FLEET["models"]]), "twice"),
        (encoded(models=[{**FLEET["models"][0], "name": "../x"}]), "not a model name"),
        (encoded(models=[{**FLEET["models"][0], "concurrency": 0}]), "at least 1"),
        (encoded(peers=[{"name": "one", "host": "h", "port": 1}]), "twice"),
    ],
)
def test_invalid_fleet_file_is_refused_with_the_reason(content: bytes, says: str) -> None:
    """The operator reads it in the reload's answer."""
    with pytest.raises(SettingsError, match=says):
        parse(content, None, None)


def test_secret_is_read_from_its_line_and_must_be_hexadecimal() -> None:
    """Other lines do not matter; an empty value is none."""
    assert parse_secret("A=1\nGARNET_FLEET_SECRET=abcd\n") == b"\xab\xcd"
    assert parse_secret("GARNET_FLEET_SECRET=\n") is None
    assert parse_secret("") is None
    with pytest.raises(SettingsError, match="hexadecimal"):
        parse_secret("GARNET_FLEET_SECRET=zz\n")


def test_secret_is_not_shown() -> None:
    """Neither in a log nor in a traceback."""
    settings = parse(encoded(), None, "GARNET_FLEET_SECRET=abcd\n")
    assert settings.secret == b"\xab\xcd"
    assert "secret" not in repr(settings)
