"""Which supervisor a node has."""

from __future__ import annotations

import sys

from node_scripts.paths import NodePaths
from node_scripts.supervision.interface import Supervisor


def supervisor_for(paths: NodePaths, system: str = sys.platform) -> Supervisor:
    """Return launchd's on macOS and supervisord's elsewhere."""
    if system == "darwin":
        from node_scripts.supervision.launchd_node import launchd_for  # noqa: PLC0415 -- Macs only

        return launchd_for(paths)
    from node_scripts.supervision.supervisord import Supervisord  # noqa: PLC0415 -- others only

    return Supervisord(paths)
