"""Which keys a store takes. The same for all kinds, so that what fits in one can be copied to another."""

from __future__ import annotations

from node_scripts.store.objects import StoreRefusedError

LONGEST_KEY_BYTES = 900
"""S3 takes 1,024 with the store's own prefix."""


def check_key(key: str) -> str:
    """Return ``key``; raises StoreRefusedError unless it is a relative path of plain visible names.

    No empty part, none that begins with a dot (``..`` leaves the folder of a directory store, and its
    unfinished files are hidden), no control character.
    """
    parts = key.split("/")
    if not all(parts) or any(part.startswith(".") for part in parts) or not key.isprintable() or "\\" in key:
        raise StoreRefusedError(f"not a key for a store: {key!r}")
    if len(key.encode()) > LONGEST_KEY_BYTES:
        raise StoreRefusedError(f"a key of {len(key.encode())} bytes is too long: {key[:60]}…")
    return key
