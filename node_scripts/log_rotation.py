"""Bounds the logs of jobs whose supervisor does not: copy to ``<name>.1``, then truncate.

launchd appends to a job's log for ever; supervisord rotates by itself. Copy and truncate, because
the job keeps its descriptor open. Lines written between the copy and the truncation are lost.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

LARGEST_LOG_BYTES = 16 * 1024 * 1024
_OLD = ".1"


def to_rotate(sizes: Mapping[str, int], largest_bytes: int = LARGEST_LOG_BYTES) -> list[str]:
    """Return the names of the logs, of ``name -> bytes``, that have grown too large."""
    return sorted(name for name, size in sizes.items() if size > largest_bytes and not name.endswith(_OLD))


def needed(system: str = sys.platform) -> bool:
    """Say whether logs are ours to bound on this system."""
    return system == "darwin"


def rotate(folder: Path, largest_bytes: int = LARGEST_LOG_BYTES) -> list[str]:
    """Rotate what is too large in ``folder``; return its names. Raises OSError."""
    sizes = {}
    for entry in os.scandir(folder):
        if entry.is_file(follow_symlinks=False):
            sizes[entry.name] = entry.stat(follow_symlinks=False).st_size
    chosen = to_rotate(sizes, largest_bytes)
    for name in chosen:
        shutil.copyfile(folder / name, folder / (name + _OLD))
        os.truncate(folder / name, 0)
    return chosen
