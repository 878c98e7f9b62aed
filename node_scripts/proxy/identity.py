"""Who is asking: client keys and peers. Every comparison takes constant time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from node_scripts.contracts import ClientKey

PEER_CLOCK_TOLERANCE_S = 300
"""How far two nodes' clocks may differ."""

_PEER_HEADER_PARTS = 3


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


def _signature(secret: bytes, node: str, unix: str, method: str, path: str, body: bytes) -> str:
    text = "\n".join((node, unix, method, path, hashlib.sha256(body).hexdigest()))
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def sign_peer(secret: bytes, node: str, now_unix: float, method: str, path: str, body: bytes) -> str:
    """Return the peer header of a request that ``node`` sends at ``now_unix`` seconds."""
    unix = str(int(now_unix))
    return f"{node} {unix} {_signature(secret, node, unix, method, path, body)}"


def verify_peer(
    secret: bytes | None, header: bytes, now_unix: float, method: str, path: str, body: bytes
) -> str | None:
    """Return the name of the node that signed ``header``, or ``None`` if nobody trusted did.

    Without a fleet secret there are no peers.
    """
    if not secret:
        return None
    parts = header.decode("latin-1").split(" ")
    if len(parts) != _PEER_HEADER_PARTS or not parts[1].isascii() or not parts[1].isdigit():
        return None
    node, unix, given = parts
    expected = _signature(secret, node, unix, method, path, body)
    genuine = hmac.compare_digest(given.encode("latin-1"), expected.encode())
    fresh = len(unix) < 16 and abs(now_unix - int(unix)) <= PEER_CLOCK_TOLERANCE_S  # noqa: PLR2004 -- digits
    return node if genuine and fresh else None
