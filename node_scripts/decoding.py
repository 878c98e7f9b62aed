"""Typed decoding that threads may begin at one moment.

msgspec (0.22) looks at a dataclass when it meets it first, and keeps what it has found before it is complete:
another thread that meets the same class meanwhile ends the process with a segmentation fault.
"""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import msgspec

Kind = TypeVar("Kind")

_learning = threading.Lock()
_learnt: set[Any] = set()


def convert(value: Any, kind: type[Kind]) -> Kind:
    """Return plain JSON as ``kind``. Raises msgspec.ValidationError."""
    learn(kind)
    return msgspec.convert(value, kind)


def decode(content: bytes | str | msgspec.Raw, kind: type[Kind]) -> Kind:
    """Return JSON text as ``kind``. Raises msgspec.DecodeError."""
    learn(kind)
    return msgspec.json.decode(content, type=kind)


def learn(kind: Any) -> None:
    """Have msgspec look at a type, and at all that it is made of, in one thread alone."""
    if kind in _learnt:
        return
    with _learning:
        msgspec.json.Decoder(kind)
        _learnt.add(kind)
