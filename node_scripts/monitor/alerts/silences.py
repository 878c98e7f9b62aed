"""Silences: alerts that nobody is told of for a while. `state/silences.json`, written by the operator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from node_scripts.decoding import decode

SILENCES_SCHEMA = 1
ANY = "*"


@dataclass(frozen=True, kw_only=True, slots=True)
class Silence:
    """One silence. It matches alerts of ``rule`` about ``node``; ANY matches all."""

    id: str
    rule: str
    node: str = ANY
    until_unix: float
    reason: str
    who: str
    """``user@host``."""
    created_unix: float

    def covers(self, rule: str, node: str, now_unix: float) -> bool:
        """Say whether an alert falls under it now."""
        return now_unix < self.until_unix and self.rule in (ANY, rule) and self.node in (ANY, node)


@dataclass(frozen=True, kw_only=True, slots=True)
class Silences:
    """The file."""

    schema: int = SILENCES_SCHEMA
    silences: list[Silence] = field(default_factory=list)


def decode_silences(content: bytes) -> list[Silence]:
    """Read the file's content; raises ValueError for a damaged one or one of a newer schema."""
    try:
        found = decode(content, Silences)
    except msgspec.MsgspecError as error:
        raise ValueError(f"damaged: {error}") from error
    if found.schema > SILENCES_SCHEMA:
        raise ValueError(f"schema {found.schema} is newer than {SILENCES_SCHEMA}")
    return found.silences


def encode_silences(silences: Sequence[Silence]) -> bytes:
    """Return the file's content."""
    return msgspec.json.format(msgspec.json.encode(Silences(silences=list(silences)))) + b"\n"


class SilenceFile:
    """The node's file, read again when it changes. A damaged one silences nothing."""

    def __init__(self, path: Path) -> None:
        """Read nothing yet."""
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._silences: list[Silence] = []
        self.error = ""
        """Why the file as it is cannot be used; empty while it can."""

    def current(self) -> list[Silence]:
        """Return the silences; ended ones may be among them."""
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_ino)
            if seen != self._seen:
                self._silences, self.error = [], ""
                self._seen = seen
                self._silences = decode_silences(self._path.read_bytes())
        except FileNotFoundError:
            self._silences, self._seen, self.error = [], None, ""
        except (OSError, ValueError) as error:
            self._silences, self.error = [], f"{self._path}: {error}"
        return self._silences
