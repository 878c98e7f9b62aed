"""What sensors need of the machine they run on; tests pass another."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from node_scripts.monitor.sensors.runner import ProcessRunner, Runner, find_tool
from node_scripts.monitor.sensors.stream import ToolStream

StartStream = Callable[[Sequence[str], bytes, float], ToolStream]


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine's system, tools and files."""

    system: str = field(default_factory=platform.system)
    """``Darwin`` or ``Linux``."""
    is_root: bool = field(default_factory=lambda: os.geteuid() == 0)
    runner: Runner = field(default_factory=ProcessRunner)
    find_tool: Callable[[str], str | None] = find_tool
    stream: StartStream = ToolStream
    """Takes a command, the end of its records and their interval in seconds."""
    proc: Path = Path("/proc")
    sys: Path = Path("/sys")
    page_bytes: int = field(default_factory=lambda: os.sysconf("SC_PAGE_SIZE"))
