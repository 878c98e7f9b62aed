"""The agent's code as it is sent at the start of every channel."""

from __future__ import annotations

import functools
import json
import zlib
from pathlib import Path

import node_scripts

PARTS = (
    *("__init__.py", "artifacts.py", "contracts.py", "events.py", "files.py", "histogram.py"),
    *("loader_stats.py", "paths.py", "records.py", "socket_path.py", "agent", "supervision"),
)
"""What the agent is made of: the proxy and the loader run from releases."""


@functools.cache
def agent_archive(folder: Path | None = None) -> bytes:
    """Return one line with the length of what follows, then path → source, as JSON, compressed.

    Equal bytes for equal sources.
    """
    base = folder or Path(node_scripts.__file__).parent
    files = [path for part in PARTS for path in _python_files(base / part)]
    sources = {f"node_scripts/{path.relative_to(base).as_posix()}": path.read_text() for path in files}
    data = zlib.compress(json.dumps(sources, sort_keys=True).encode())
    return f"{len(data)}\n".encode() + data


def _python_files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.rglob("*.py"))
