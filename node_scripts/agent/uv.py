"""Finding uv, which makes environments faster; never needed."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def find_uv(home: Path | None = None, path: str | None = None) -> str | None:
    """Return uv's path: the usual places first, since a remote PATH on macOS lists none of them."""
    home = home or Path.home()
    places = [
        home / ".local" / "bin" / "uv",
        Path("/opt/homebrew/bin/uv"),
        Path("/usr/local/bin/uv"),
        home / ".cargo" / "bin" / "uv",
        Path(sys.executable).parent / "uv",
    ]
    for place in places:
        if os.access(place, os.X_OK):
            return str(place)
    return shutil.which("uv", path=path)
