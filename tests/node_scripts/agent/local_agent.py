"""An agent in this process, at the far end of two pipes."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path

from node_scripts.agent.context import Context
from node_scripts.agent.dispatch import Step, serve
from node_scripts.agent.lease import LeaseHolder
from node_scripts.agent.steps import STEPS
from node_scripts.agent.wire import Incoming, Outgoing
from node_scripts.paths import NodePaths


def context_at(root: Path) -> Context:
    """Return a context for steps that are called directly."""
    paths = NodePaths.at(root)
    return Context(paths=paths, lease=LeaseHolder(paths.lease_file))


class LocalAgent:
    """A Stream whose command is an agent in a thread."""

    def __init__(self, root: Path, steps: Mapping[str, Step] = STEPS, silence_s: float = 10.0) -> None:
        """Start the agent; it expects no code before its first ask."""
        self._commands, self._to_agent = os.pipe()
        self._from_agent, self._replies = os.pipe()
        self.reasons: list[str] = []
        self.context = context_at(root)
        incoming, outgoing = Incoming(self._commands, silence_s), Outgoing(self._replies, silence_s)
        self._ended = False

        def run() -> None:
            serve(self.context, steps, incoming, outgoing, self.reasons.append)
            self.context.lease.release()
            os.close(self._replies)
            os.close(self._commands)

        self._thread = threading.Thread(target=run)
        self._thread.start()

    def send(self, data: bytes) -> None:
        """See Stream.send."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._to_agent, view) :]

    def receive(self) -> bytes:
        """See Stream.receive."""
        return os.read(self._from_agent, 65536)

    def end(self) -> None:
        """See Stream.end."""
        if not self._ended:
            self._ended = True
            os.close(self._to_agent)
            self._thread.join(10)

    def close(self) -> None:
        """See Stream.close."""
        os.close(self._from_agent)

    def diagnosis(self) -> str:
        """See Stream.diagnosis."""
        return "a local agent"
