"""Hold the right to change nodes."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Sequence

from garnet_cli.fleet.node import NodeHandle
from garnet_cli.fleet.parallel import for_each


def operator() -> str:
    """Say who runs this command: ``user@host``, in Actions with the run that it is."""
    who = f"{getpass.getuser()}@{socket.gethostname()}"
    run = os.environ.get("GITHUB_RUN_ID")
    return f"{who} (run {run} of {os.environ.get('GITHUB_REPOSITORY', '?')})" if run else who


def take(nodes: Sequence[NodeHandle], purpose: str) -> None:
    """Take every node's lease; it is held until the node's channel closes.

    Raises :class:`FleetError` naming the nodes that somebody else is changing, and who that is.
    """
    who = operator()
    for_each(nodes, lambda node: node.ask("take_lease", who=who, purpose=purpose))
