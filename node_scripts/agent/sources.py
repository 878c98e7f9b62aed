"""The agent's own code: what it is made of, and where a running agent has it from."""

from __future__ import annotations

from pathlib import Path

import node_scripts

PARTS = (
    *("__init__.py", "artifacts.py", "contracts.py", "events.py", "files.py", "histogram.py", "journals.py"),
    *("loader_stats.py", "paths.py", "records.py", "socket_path.py", "agent", "supervision"),
)
"""What the agent is made of: the proxy and the loader run from releases."""


def agent_sources(folder: Path | None = None) -> dict[str, str]:
    """Return path → source of the agent's modules.

    An agent that came over a channel has them in memory; elsewhere they are read from ``folder``, which is
    that of ``node_scripts`` unless given.
    """
    in_memory = getattr(node_scripts.__loader__, "sources", None)
    if folder is None and in_memory is not None:
        return dict(in_memory)
    base = folder or Path(node_scripts.__file__).parent
    files = [path for part in PARTS for path in _python_files(base / part)]
    return {f"node_scripts/{path.relative_to(base).as_posix()}": path.read_text() for path in files}


def _python_files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.rglob("*.py"))
