"""The least that could watch a host: python -m benchmarks.host_loop --sample-s 5 --disk PATH.

Reads by psutil what the monitor's sensors know of a host, and writes a line of it each time. It keeps no
requests, no minutes, no spool, no alerts.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

import psutil


def figures(disk: str) -> dict[str, Any]:
    """Return processor, memory, swap, disk, temperatures and fans as psutil knows them here."""
    memory, swap, volume = psutil.virtual_memory(), psutil.swap_memory(), psutil.disk_usage(disk)
    return {
        "time_unix": time.time(),
        "cpu_times": psutil.cpu_times()._asdict(),
        "memory": memory._asdict(),
        "swap": swap._asdict(),
        "disk": volume._asdict(),
        "celsius": _where_known("sensors_temperatures"),
        "fan_rpm": _where_known("sensors_fans"),
    }


def _where_known(name: str) -> Any:
    read = getattr(psutil, name, None)
    return None if read is None else read()


def main() -> None:
    """Read at whole multiples of the interval until ended."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.host_loop")
    parser.add_argument("--sample-s", type=float, required=True)
    parser.add_argument("--disk", required=True)
    given = parser.parse_args()
    while True:
        sys.stdout.write(json.dumps(figures(given.disk)) + "\n")
        sys.stdout.flush()
        time.sleep(given.sample_s - time.time() % given.sample_s)


if __name__ == "__main__":
    main()
