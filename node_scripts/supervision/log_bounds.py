"""Keep logs bounded where the supervisor does not: copy, then truncate."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

LIMIT_BYTES = 16 * 1024 * 1024
BACKUPS = 2


def bound_logs(folder: Path, limit_bytes: int = LIMIT_BYTES) -> list[Path]:
    """Bring every ``*.log`` above ``limit_bytes`` back to nothing, keeping two old parts beside it.

    launchd holds the file open for appending, so that a rename would take its output along: the file is
    copied and truncated in place. Lines written between the two are lost. Returns what was cut.
    """
    cut = []
    for log in sorted(folder.glob("*.log")):
        if log.stat().st_size <= limit_bytes:
            continue
        for number in range(BACKUPS, 1, -1):
            older = log.with_name(f"{log.name}.{number - 1}")
            if older.exists():
                older.replace(log.with_name(f"{log.name}.{number}"))
        staged = log.with_name(f".{log.name}.copy")
        shutil.copyfile(log, staged)
        staged.replace(log.with_name(f"{log.name}.1"))
        os.truncate(log, 0)
        cut.append(log)
    return cut
