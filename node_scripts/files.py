"""Write files so that a reader sees the old content or the new, never a part; tell contents apart."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path


def write_atomically(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace ``path`` with ``content``: temporary name, fsync, rename, fsync of the folder.

    Raises ``OSError`` (a full disk, say) with the old content still in place.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)  # noqa: PTH105 -- Path.replace is the same call
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def digest_of(contents: Iterable[bytes | None]) -> str:
    """Return a SHA-256 in hex that differs for any two lists of contents; ``None`` is a missing file."""
    whole = hashlib.sha256()
    for content in contents:
        whole.update(b"-" if content is None else hashlib.sha256(content).digest())
    return whole.hexdigest()
