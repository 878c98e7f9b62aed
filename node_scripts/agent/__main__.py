"""The far end of a garnet command: JSON lines over one channel.

Started as ``main(root, environments)`` by the few lines that the operator sends first. Ends when the
channel closes or falls silent, and takes its children with it; supervised jobs stay.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType

from node_scripts.agent.context import Context
from node_scripts.agent.dispatch import serve
from node_scripts.agent.lease import LeaseHolder
from node_scripts.agent.steps import STEPS
from node_scripts.agent.wire import Incoming, Outgoing
from node_scripts.paths import NodePaths

SILENCE_S = 30.0


def main(root: str, environments: str) -> None:
    """Serve steps on ``root`` over standard input and output; never returns."""
    os.umask(0o077)
    commands = os.dup(0)
    replies = os.dup(1)
    # Children and stray prints must neither eat commands nor write between replies.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    paths = NodePaths.at(Path(root), Path(environments) if environments else None)
    context = Context(paths=paths, lease=LeaseHolder(paths.lease_file))

    def end(_reason: str) -> None:
        context.children.kill_all()
        os._exit(0)

    def end_by_signal(number: int, _frame: FrameType | None) -> None:
        end(f"signal {number}")

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, end_by_signal)
    outgoing = Outgoing(replies, SILENCE_S)
    outgoing.reply(0, "ok", {"pid": os.getpid(), "python": sys.executable})
    serve(context, STEPS, Incoming(commands, SILENCE_S), outgoing, end)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
