"""What goes into a node's spool and comes out of it, and the copy beside it."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from node_scripts.decoding import decode
from node_scripts.records import Event, Minute

COPY_NAME = "positions.json"


@dataclass(kw_only=True, slots=True)
class Sealing:
    """All that one transaction stores."""

    minutes: list[Minute] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    positions: dict[str, dict[str, int]] = field(default_factory=dict)
    gone: dict[str, list[str]] = field(default_factory=dict)
    """By journal: files that were removed."""
    state: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One sealed object that waits."""

    serial: int
    key: str
    body: bytes
    minute_unix: int
    unsure: bool
    """Another spool may have shipped this key before: look before writing."""


@dataclass(frozen=True, slots=True)
class Copy:
    """What is kept beside the spool, so that a damaged one costs no more than what waited in it."""

    positions: dict[str, dict[str, int]]
    waiting: int
    state: dict[str, bytes]
    seals: int = 0
    """How often the spool was written: a spool that knows less is not the one that this is a copy of."""


def read_copy(path: Path) -> Copy | None:
    """Return what was kept beside the spool; ``None`` if it cannot be read."""
    try:
        return decode((path.parent / COPY_NAME).read_bytes(), Copy)
    except (OSError, msgspec.MsgspecError):
        return None


def encode_minute(minute: Minute) -> bytes:
    """Return a minute as it lies in the store."""
    return gzip.compress(msgspec.json.encode(minute), compresslevel=6, mtime=0)


def decode_minute(body: bytes) -> Minute:
    """Read a minute of the spool. Raises ValueError for one that is garbled."""
    try:
        return decode(gzip.decompress(body), Minute)
    except (OSError, EOFError, zlib.error, msgspec.MsgspecError) as error:
        raise ValueError(f"garbled: {type(error).__name__}") from error
