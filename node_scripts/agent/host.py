"""What the machine is: parsers of what the system prints, and who asks it."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from node_scripts.supervision.processes import run

SYSCTL = "/usr/sbin/sysctl"
VM_STAT = "/usr/bin/vm_stat"
SW_VERS = "/usr/bin/sw_vers"
PAGE_SIZE = re.compile(r"page size of (\d+) bytes")
PAGES = re.compile(r'^"?([^":]+)"?:\s+(\d+)\.$', re.MULTILINE)
AVAILABLE = ("Pages free", "Pages inactive", "Pages speculative", "Pages purgeable")

Ask = Callable[[list[str]], str | None]
"""Runs a command; ``None`` when it fails."""


def available_from_vm_stat(output: str) -> int | None:
    """Return bytes that can be had without swapping: free, inactive, speculative and purgeable pages.

    ``None`` where the output is not vm_stat's.
    """
    size = PAGE_SIZE.search(output)
    pages = {name: int(count) for name, count in PAGES.findall(output)}
    if size is None or any(name not in pages for name in AVAILABLE[:3]):
        return None
    return int(size.group(1)) * sum(pages.get(name, 0) for name in AVAILABLE)


def fields_from_sysctl(output: str) -> dict[str, str]:
    """Return ``name: value`` lines as a dictionary; names that the system lacks are absent."""
    return dict(line.split(": ", 1) for line in output.splitlines() if ": " in line)


def bytes_from_meminfo(text: str) -> dict[str, int]:
    """Return the fields of ``/proc/meminfo`` in bytes."""
    found = re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)
    return {name: int(kib) * 1024 for name, kib in found}


def chip_from_cpuinfo(text: str) -> str | None:
    """Return the processor's name from ``/proc/cpuinfo``; many arm64 machines have none there."""
    found = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", text, re.MULTILINE)
    return found.group(1).strip() if found else None


def name_from_os_release(text: str) -> str | None:
    """Return ``PRETTY_NAME`` of ``/etc/os-release``."""
    found = re.search(r'^PRETTY_NAME="?([^"\n]+)"?$', text, re.MULTILINE)
    return found.group(1) if found else None


def host_facts() -> dict[str, object]:
    """Return system, machine, chip, os_version, memory and CPUs of this machine.

    What cannot be read is ``None``.
    """
    found = mac_facts(_ask) if sys.platform == "darwin" else linux_facts(_read)
    return {
        "hostname": platform.node(),
        "system": platform.system(),
        "machine": platform.machine(),
        "cpu_count": os.cpu_count(),
        **found,
    }


def mac_facts(ask: Ask) -> Mapping[str, object]:
    """Return a Mac's facts from sysctl, vm_stat and sw_vers."""
    fields = fields_from_sysctl(ask([SYSCTL, "-i", "hw.memsize", "machdep.cpu.brand_string"]) or "")
    version = (ask([SW_VERS, "-productVersion"]) or "").strip()
    memory = fields.get("hw.memsize", "")
    return {
        "chip": fields.get("machdep.cpu.brand_string"),
        "os_version": f"macOS {version}" if version else None,
        "memory_bytes": int(memory) if memory.isdigit() else None,
        "memory_available_bytes": available_from_vm_stat(ask([VM_STAT]) or ""),
    }


def linux_facts(read: Callable[[str], str]) -> Mapping[str, object]:
    """Return a Linux machine's facts from ``/proc`` and ``/etc``."""
    memory = bytes_from_meminfo(read("/proc/meminfo"))
    return {
        "chip": chip_from_cpuinfo(read("/proc/cpuinfo")) or platform.machine(),
        "os_version": name_from_os_release(read("/etc/os-release")),
        "memory_bytes": memory.get("MemTotal"),
        "memory_available_bytes": memory.get("MemAvailable"),
    }


def _ask(command: list[str]) -> str | None:
    done = run(command)
    return done.output if done.status == 0 else None


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""
