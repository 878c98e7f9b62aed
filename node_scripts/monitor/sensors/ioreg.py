"""`ioreg -r -d 1 -w 0 -c IOAccelerator`: memory that the GPU has in use."""

from __future__ import annotations

import re

TOOL = "/usr/sbin/ioreg"
COMMAND = (TOOL, "-r", "-d", "1", "-w", "0", "-c", "IOAccelerator")
IN_USE = re.compile(r'"In use system memory"\s*=\s*(\d+)(?=[ \t]*[,}])')


def parse_gpu_bytes(output: str) -> int | None:
    """Return the bytes in use by all accelerators listed; ``None`` where none says."""
    found = [int(count) for count in IN_USE.findall(output)]
    return sum(found) if found else None
