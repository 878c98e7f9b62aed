"""Client keys and peers."""

from __future__ import annotations

import pytest

from node_scripts.proxy.identity import PEER_CLOCK_TOLERANCE_S, KeyRing, sign_peer, verify_peer
from tests.node_scripts.proxy.rig import client_key

SECRET = b"s" * 32
NOW = 1_795_000_000.0


def test_key_in_force_is_admitted_and_others_are_not() -> None:
    """By the hash of the whole key; the answer is its name."""
    ring = KeyRing([client_key("sk-one"), client_key("sk-two")])
    assert ring.admitted(b"Bearer sk-two") == "key--two"
    assert ring.admitted(b"bearer sk-one ") == "key--one"
    for header in (None, b"", b"Bearer ", b"Bearer sk-three", b"Basic sk-one", b"sk-one", b"Bearer \xff"):
        assert ring.admitted(header) is None


def test_revoked_key_is_not_admitted() -> None:
    """It stays in the file only."""
    ring = KeyRing([client_key("sk-one", revoked="2026-01-02T00:00:00Z")])
    assert len(ring) == 0
    assert ring.admitted(b"Bearer sk-one") is None


def test_signed_request_names_its_node() -> None:
    """What was signed is what is verified."""
    header = sign_peer(SECRET, "two", NOW, "POST", "/v1/completions", b"body").encode()
    assert verify_peer(SECRET, header, NOW + 5, "POST", "/v1/completions", b"body") == "two"


@pytest.mark.parametrize(
    ("method", "path", "body", "secret", "late_s"),
    [
        ("GET", "/v1/completions", b"body", SECRET, 0),
        ("POST", "/v1/chat/completions", b"body", SECRET, 0),
        ("POST", "/v1/completions", b"other", SECRET, 0),
        ("POST", "/v1/completions", b"body", b"t" * 32, 0),
        ("POST", "/v1/completions", b"body", None, 0),
        ("POST", "/v1/completions", b"body", b"", 0),
        ("POST", "/v1/completions", b"body", SECRET, PEER_CLOCK_TOLERANCE_S + 2),
        ("POST", "/v1/completions", b"body", SECRET, -PEER_CLOCK_TOLERANCE_S - 2),
    ],
)
def test_anything_else_than_what_was_signed_is_refused(
    method: str, path: str, body: bytes, secret: bytes | None, late_s: int
) -> None:
    """Method, path, body, secret and time are all bound."""
    header = sign_peer(SECRET, "two", NOW, "POST", "/v1/completions", b"body").encode()
    assert verify_peer(secret, header, NOW + late_s, method, path, body) is None


@pytest.mark.parametrize(
    "header", [b"", b"two", b"two 1 2 3", b"two x y", b"two 9" + b"9" * 40 + b" ab", b"\xff \xff \xff"]
)
def test_malformed_header_is_refused(header: bytes) -> None:
    """Never an exception."""
    assert verify_peer(SECRET, header, NOW, "GET", "/", b"") is None
