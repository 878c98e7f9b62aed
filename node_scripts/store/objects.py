"""What a store can do, and how it fails. S3 and a directory are two of a kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol


class StoreError(Exception):
    """A store failed; the message names it and says why, ``remedy`` what to do."""

    def __init__(self, message: str, remedy: str = "") -> None:
        """Keep both."""
        super().__init__(message)
        self.remedy = remedy


class StoreUnreachableError(StoreError):
    """It did not answer, or said that it cannot now: try again later."""


class StoreRefusedError(StoreError):
    """It refused: wrong credentials, no permission, no such bucket."""


class ObjectMissingError(StoreError):
    """There is no such object."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object as a listing shows it."""

    key: str
    size_bytes: int
    modified_unix: float


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """Where a store is. Credentials are apart."""

    url: str
    """``s3://bucket/prefix`` or an absolute path."""
    endpoint: str | None = None
    """Of an S3 server other than AWS's: ``https://<account>.r2.cloudflarestorage.com``."""
    region: str = "auto"


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """An S3 key pair; never shown."""

    access_key_id: str
    secret_access_key: str


class ObjectStore(Protocol):
    """Objects under keys. Every method may raise StoreUnreachableError and StoreRefusedError."""

    def put(self, key: str, content: bytes, *, only_new: bool = True) -> bool:
        """Write an object whole; with ``only_new`` leave one that exists alone and return False."""

    def get(self, key: str) -> bytes:
        """Return an object's content. Raises ObjectMissingError."""

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects under ``prefix`` in the order of their keys, from after ``start_after``."""

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; one that is not there is none to delete."""
