"""`vm_stat`: memory in pages, whose size its first line tells. Lines that it gains are passed over."""

from __future__ import annotations

import re
from dataclasses import dataclass

from node_scripts.agent.host import AVAILABLE

TOOL = "/usr/bin/vm_stat"
COMMAND = (TOOL,)
PAGE_SIZE = re.compile(r"page size of (\d+) bytes")
LINE = re.compile(r'^"?([^":\n]+)"?:[ \t]+(\d+)\.$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class VirtualMemory:
    """Bytes; ``None`` is unknown."""

    available_bytes: int | None = None
    """Free, inactive, speculative and purgeable: what can be had without swapping."""
    wired_bytes: int | None = None
    compressed_bytes: int | None = None
    """What the compressor occupies."""
    swap_in_total_bytes: int | None = None
    """Since boot."""


def parse_vm_stat(output: str) -> VirtualMemory:
    """Return what the output says; all unknown without its first line's page size."""
    size = PAGE_SIZE.search(output)
    if size is None or int(size.group(1)) == 0:
        return VirtualMemory()
    page = int(size.group(1))
    pages = {name: int(count) for name, count in LINE.findall(output)}

    def in_bytes(name: str) -> int | None:
        return pages[name] * page if name in pages else None

    return VirtualMemory(
        available_bytes=sum(pages[name] for name in AVAILABLE) * page
        if pages.keys() >= set(AVAILABLE)
        else None,
        wired_bytes=in_bytes("Pages wired down"),
        compressed_bytes=in_bytes("Pages occupied by compressor"),
        swap_in_total_bytes=in_bytes("Swapins"),
    )
