"""``python -m node_scripts.monitor.alerts --root ROOT --route ROUTE``: send a test message from this node.

Writes one line of JSON: ``{"outcomes": [{"number", "service", "ok", "why"}]}``, one for each URL.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import msgspec

from node_scripts.agent.monitor import secrets_of
from node_scripts.decoding import decode
from node_scripts.monitor.alerts.delivery import deliver_to_each, urls_of
from node_scripts.monitor.alerts.messages import trial
from node_scripts.monitor.config import ROUTES, MonitorConfig
from node_scripts.paths import NodePaths


def main(arguments: list[str] | None = None) -> int:
    """Send it; return 1 where the node has no settings of its monitor yet."""
    parser = argparse.ArgumentParser(prog="node_scripts.monitor.alerts")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--route", choices=ROUTES, required=True)
    options = parser.parse_args(arguments)
    paths = NodePaths.at(options.root)
    try:
        config = decode(paths.monitor_file.read_bytes(), MonitorConfig)
    except FileNotFoundError:
        sys.stderr.write("this node's monitor has no settings yet: run `garnet up`\n")
        return 1
    message = trial(config.fleet, config.node, options.route, time.time())
    urls = urls_of(options.route, secrets_of(paths.monitor_secrets_file))
    outcomes = deliver_to_each(message, urls)
    sys.stdout.write(msgspec.json.encode({"outcomes": outcomes}).decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
