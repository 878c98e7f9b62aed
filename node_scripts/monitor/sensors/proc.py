"""Linux's `/proc`: memory, swap and stalls for want of memory."""

from __future__ import annotations

import re
from dataclasses import dataclass

from node_scripts.agent.host import bytes_from_meminfo

SWAPPED_IN = re.compile(r"^pswpin (\d+)$", re.MULTILINE)
AVERAGE = re.compile(r"^(some|full) avg10=(\d+(?:\.\d+)?) ", re.MULTILINE)
STALLED_PCT = 10.0
"""Share of the last ten seconds in which tasks waited for memory that counts as pressure."""
NORMAL, WARN, CRITICAL = 1, 2, 4


@dataclass(frozen=True, slots=True)
class Meminfo:
    """Bytes; ``None`` is unknown."""

    total_bytes: int | None = None
    available_bytes: int | None = None
    wired_bytes: int | None = None
    """``Mlocked``."""
    compressed_bytes: int | None = None
    """``Zswap``, of kernels that have it."""
    swap_used_bytes: int | None = None


def parse_meminfo(text: str) -> Meminfo:
    """Return what `/proc/meminfo` says."""
    found = bytes_from_meminfo(text)
    swap_total, swap_free = found.get("SwapTotal"), found.get("SwapFree")
    return Meminfo(
        total_bytes=found.get("MemTotal") or None,
        available_bytes=found.get("MemAvailable"),
        wired_bytes=found.get("Mlocked"),
        compressed_bytes=found.get("Zswap"),
        swap_used_bytes=None if swap_total is None or swap_free is None else max(0, swap_total - swap_free),
    )


def parse_swapped_in(text: str, page_bytes: int) -> int | None:
    """Return the bytes swapped in since boot from `/proc/vmstat`."""
    found = SWAPPED_IN.search(text)
    return int(found.group(1)) * page_bytes if found else None


def parse_memory_stalls(text: str) -> int | None:
    """Return the pressure from `/proc/pressure/memory`, numbered as on macOS.

    Critical: all tasks stood still for a tenth of the last ten seconds; warn: some task did.
    """
    averages = {kind: float(share) for kind, share in AVERAGE.findall(text)}
    if "some" not in averages:
        return None
    if averages.get("full", 0.0) >= STALLED_PCT:
        return CRITICAL
    return WARN if averages["some"] >= STALLED_PCT else NORMAL
