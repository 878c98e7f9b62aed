"""The same command on many hosts by Fabric, all at once: python -m benchmarks.fabric_peer FILE COMMAND.

FILE is JSON: {"user": name, "identity_file": path, "ports": [port, ...]}, a port a host.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fabric


def run(hosts: dict[str, Any], port: int, command: str) -> int:
    """Connect, run ``command``, and return its exit status."""
    arguments = {"key_filename": hosts["identity_file"], "look_for_keys": False, "allow_agent": False}
    with fabric.Connection("127.0.0.1", hosts["user"], port, connect_kwargs=arguments) as connection:
        return int(connection.run(command, hide=True, in_stream=False).exited)


def main() -> int:
    """Run on all; return 0 if all succeeded."""
    hosts = json.loads(Path(sys.argv[1]).read_text())
    with ThreadPoolExecutor(len(hosts["ports"])) as pool:
        return max(pool.map(lambda port: run(hosts, port, sys.argv[2]), hosts["ports"]))


if __name__ == "__main__":
    sys.exit(main())
