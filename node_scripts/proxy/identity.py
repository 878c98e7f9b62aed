"""Who is asking: client keys and peers. Every comparison takes constant time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from node_scripts.contracts import ClientKey

PEER_CLOCK_TOLERANCE_S = 300
"""How far two nodes' clocks may differ."""

SUSPECT_HEADER = "garnet-suspect"
"""On a request that was in flight when a loader died."""

_PEER_HEADER_PARTS = 4


class KeyRing:
    """The client keys in force."""

    def __init__(self, keys: Sequence[ClientKey]) -> None:
        """Keep the hashes of the keys that are not revoked."""
        self._keys = [(key.name, key.sha256.lower().encode()) for key in keys if key.revoked is None]

    def __len__(self) -> int:
        """Return how many keys are in force."""
        return len(self._keys)

    def admitted(self, authorization: bytes | None) -> str | None:
        """Return the name of the key in force that an ``Authorization`` header carries; looks at every key.

        ``None``: it carries none.
        """
        if authorization is None or authorization[:7].lower() != b"bearer ":
            return None
        digest = hashlib.sha256(authorization[7:].strip()).hexdigest().encode()
        found: str | None = None
        for name, known in self._keys:
            if hmac.compare_digest(digest, known):
                found = name
        return found


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What a genuine peer header says."""

    node: str
    """Who sent it."""
    body_digest: bytes
    """Of the body that must come with it."""

    def carries(self, body: bytes) -> bool:
        """Say whether ``body`` is what was signed."""
        return hmac.compare_digest(_digest_of(body).encode(), self.body_digest)


def _digest_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _signature(secret: bytes, *signed: str) -> str:
    return hmac.new(secret, "\n".join(("garnet-peer", *signed)).encode(), hashlib.sha256).hexdigest()


def _mark(*, suspect: bool) -> str:
    return "suspect" if suspect else "-"


def sign_peer(
    secret: bytes,
    node: str,
    destination: str,
    now_unix: float,
    method: str,
    path: str,
    body: bytes,
    *,
    suspect: bool = False,
) -> str:
    """Return the peer header of a request that ``node`` sends to ``destination`` at ``now_unix`` seconds."""
    unix, digest = str(int(now_unix)), _digest_of(body)
    signature = _signature(secret, node, destination, unix, digest, _mark(suspect=suspect), method, path)
    return f"{node} {unix} {digest} {signature}"


def verify_peer(
    secret: bytes | None,
    header: bytes,
    destination: str,
    now_unix: float,
    method: str,
    path: str,
    *,
    suspect: bool = False,
) -> SignedRequest | None:
    """Return what ``header`` says, before the body is read; ``None`` if nobody trusted sent it here.

    Without a fleet secret there are no peers.
    """
    if not secret:
        return None
    parts = header.decode("latin-1").split(" ")
    if len(parts) != _PEER_HEADER_PARTS or not parts[1].isascii() or not parts[1].isdigit():
        return None
    node, unix, digest, given = parts
    expected = _signature(secret, node, destination, unix, digest, _mark(suspect=suspect), method, path)
    genuine = hmac.compare_digest(given.encode("latin-1"), expected.encode())
    fresh = len(unix) < 16 and abs(now_unix - int(unix)) <= PEER_CLOCK_TOLERANCE_S  # noqa: PLR2004 -- digits
    return SignedRequest(node, digest.encode("latin-1")) if genuine and fresh else None
