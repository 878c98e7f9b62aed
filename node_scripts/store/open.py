"""Open the store at an address."""

from __future__ import annotations

from pathlib import Path

from node_scripts.store.objects import Credentials, ObjectStore, StoreAddress, StoreRefusedError


def open_object_store(address: StoreAddress, credentials: Credentials | None = None) -> ObjectStore:
    """Return the store, without reaching for it yet. boto3 is loaded for S3 only: it is large.

    Raises StoreRefusedError for an address of no known kind.
    """
    if address.url.startswith("s3://"):
        from node_scripts.store.s3 import S3Store  # noqa: PLC0415 -- see above

        return S3Store(address, credentials)
    if Path(address.url).is_absolute():
        from node_scripts.store.directory import DirectoryStore  # noqa: PLC0415 -- likewise

        return DirectoryStore(Path(address.url))
    raise StoreRefusedError(f"not a store: {address.url!r}", "write s3://bucket/prefix or an absolute path")
