"""One node: reached somehow, asked step by step."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from garnet_cli.fleet.agent_archive import agent_archive
from garnet_cli.fleet.channel import AgentChannel, Payload
from garnet_cli.fleet.launcher import agent_command
from garnet_cli.fleet.local import LocalTransport
from garnet_cli.fleet.transport import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Jump:
    """A host that connections to a node go through."""

    user: str | None
    host: str
    port: int = 22


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTarget:
    """How one node is reached and where its files lie."""

    name: str
    transport: Literal["ssh", "local"]
    root: str
    """On the node; ``~/`` is the home there."""
    host: str = "localhost"
    port: int = 22
    user: str | None = None
    identity_file: Path | None = None
    jump: Jump | None = None
    python: str | None = None
    """``None``: the agent's launcher finds one."""
    environments: str | None = None
    """``None``: ``<root>/envs``."""
    connect_timeout_s: float = 10.0


class NodeHandle:
    """One node's agent, started at the first ask and ended by ``close`` or the end of ``with``.

    Several threads may share a handle; their asks run one after another. Where a channel broke, the
    next ask raises what broke it: start again with a fresh handle, since a lease went with the agent.
    """

    def __init__(self, target: NodeTarget, known_hosts: Path | None = None) -> None:
        """Describe the node; nothing is opened. ``known_hosts`` is the fleet's own file (ssh only)."""
        self.name = target.name
        self.target = target
        self._known_hosts = known_hosts
        self._channel: AgentChannel | None = None
        self._asking = threading.Lock()

    def ask(
        self,
        step: str,
        *,
        progress: Callable[[Any], None] | None = None,
        payload: Payload = b"",
        payload_bytes: int | None = None,
        **arguments: Any,
    ) -> Any:
        """Run one step of the agent and return its value.

        ``progress`` hears each progress value, in this thread. ``payload`` is bytes, or an iterable of
        bytes with their sum as ``payload_bytes``. Raises NodeError, LeaseHeldError, UnreachableError
        or HostKeyError, each naming this node.
        """
        with self._asking:
            channel = self._open()
            return channel.ask(
                step, arguments, progress=progress, payload=payload, payload_bytes=payload_bytes
            )

    def another(self) -> NodeHandle:
        """Return a second handle to the same node, unopened: its asks do not wait for this one's."""
        return NodeHandle(self.target, self._known_hosts)

    def open(self) -> None:
        """Connect now instead of at the first ask. Raises UnreachableError or HostKeyError."""
        with self._asking:
            self._open()

    def close(self) -> None:
        """End the agent; its lease is free after this. Safe to repeat."""
        if self._channel is not None:
            self._channel.close()

    def __enter__(self) -> Self:
        """Return the handle; the connection is made at the first ask."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def _open(self) -> AgentChannel:
        if self._channel is None:
            target = self.target
            command = agent_command(target.root, target.python, target.environments)
            stream = _transport(target, self._known_hosts).open(command)
            self._channel = AgentChannel(self.name, stream, agent_archive())
        return self._channel


def _transport(target: NodeTarget, known_hosts: Path | None) -> Transport:
    if target.transport == "local":
        return LocalTransport(target.name)
    from garnet_cli.fleet.ssh import SshTransport  # noqa: PLC0415 -- paramiko takes 100 ms

    return SshTransport(target, known_hosts)
