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


def test_signed_request_names_its_node_and_its_body() -> None:
    """What was signed is what is verified; the body may come later."""
    header = sign_peer(SECRET, "two", "one", NOW, "POST", "/v1/completions", b"body").encode()
    signed = verify_peer(SECRET, header, "one", NOW + 5, "POST", "/v1/completions")
    assert signed is not None
    assert signed.node == "two"
    assert signed.carries(b"body")
    assert not signed.carries(b"other")
    assert not signed.carries(b"")


@pytest.mark.parametrize("suspect", [False, True])
def test_mark_of_a_suspect_is_signed(*, suspect: bool) -> None:
    """Nobody on the way adds it or takes it off."""
    header = sign_peer(SECRET, "two", "one", NOW, "POST", "/", b"", suspect=suspect).encode()
    assert verify_peer(SECRET, header, "one", NOW, "POST", "/", suspect=suspect) is not None
    assert verify_peer(SECRET, header, "one", NOW, "POST", "/", suspect=not suspect) is None


@pytest.mark.parametrize(
    ("method", "path", "destination", "secret", "late_s"),
    [
        ("GET", "/v1/completions", "one", SECRET, 0),
        ("POST", "/v1/chat/completions", "one", SECRET, 0),
        ("POST", "/v1/completions", "three", SECRET, 0),
        ("POST", "/v1/completions", "one", b"t" * 32, 0),
        ("POST", "/v1/completions", "one", None, 0),
        ("POST", "/v1/completions", "one", b"", 0),
        ("POST", "/v1/completions", "one", SECRET, PEER_CLOCK_TOLERANCE_S + 2),
        ("POST", "/v1/completions", "one", SECRET, -PEER_CLOCK_TOLERANCE_S - 2),
    ],
)
def test_anything_else_than_what_was_signed_is_refused(
    method: str, path: str, destination: str, secret: bytes | None, late_s: int
) -> None:
    """Method, path, destination, secret and time are all bound."""
    header = sign_peer(SECRET, "two", "one", NOW, "POST", "/v1/completions", b"body").encode()
    assert verify_peer(secret, header, destination, NOW + late_s, method, path) is None


def test_signed_digest_cannot_be_exchanged() -> None:
    """The body is bound by its digest."""
    header = sign_peer(SECRET, "two", "one", NOW, "POST", "/", b"body")
    other = sign_peer(SECRET, "two", "one", NOW, "POST", "/", b"other")
    mixed = " ".join((*header.split(" ")[:2], other.split(" ")[2], header.split(" ")[3]))
    assert verify_peer(SECRET, mixed.encode(), "one", NOW, "POST", "/") is None


@pytest.mark.parametrize(
    "header",
    [b"", b"two", b"two 1 2", b"two x y z", b"two 9" + b"9" * 40 + b" ab cd", b"\xff \xff \xff \xff"],
)
def test_malformed_header_is_refused(header: bytes) -> None:
    """Never an exception."""
    assert verify_peer(SECRET, header, "one", NOW, "GET", "/") is None
