"""The agent's code as it is sent at the start of every channel."""

from __future__ import annotations

import functools
import json
import zlib
from pathlib import Path

from node_scripts.agent.sources import agent_sources


@functools.cache
def agent_archive(folder: Path | None = None) -> bytes:
    """Return one line with the length of what follows, then path → source, as JSON, compressed.

    Equal bytes for equal sources.
    """
    data = zlib.compress(json.dumps(agent_sources(folder), sort_keys=True).encode())
    return f"{len(data)}\n".encode() + data
