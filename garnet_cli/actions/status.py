"""What every node says of itself and its proxy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from garnet_cli.actions.control import Asks, proxy_status
from garnet_cli.errors import GarnetError, NodeError
from garnet_cli.fleet.facts import NodeFacts, decode_facts
from garnet_cli.fleet.parallel import attempt_each
from node_scripts.contracts import ProxyStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """One node; ``error`` says why the rest is missing."""

    node: str
    error: str | None = None
    unreachable: bool = False
    facts: NodeFacts | None = None
    proxy: ProxyStatus | None = None


class Node(Asks, Protocol):
    """The part of a node handle that is used here."""

    def close(self) -> None:
        """End the agent."""


class Looks:
    """Looks at nodes, as often as asked. A channel that broke is opened anew at the next look."""

    def __init__(self, names: Sequence[str], connect: Callable[[str], Node]) -> None:
        """Open nothing yet; ``connect`` makes a node's handle, unopened."""
        self._names = names
        self._connect = connect
        self._nodes: dict[str, Node] = {}

    def look(self) -> list[NodeStatus]:
        """Return every node's status, in the order of the names."""
        for name in self._names:
            if name not in self._nodes:
                self._nodes[name] = self._connect(name)
        outcomes = attempt_each(list(self._nodes.values()), self._look_at)
        return [
            NodeStatus(node=name, error=found.message, unreachable=True)
            if isinstance(found := outcomes[name], GarnetError)
            else found
            for name in self._names
        ]

    def close(self) -> None:
        """End the agents, side by side."""
        attempt_each(list(self._nodes.values()), lambda node: node.close())

    def _look_at(self, node: Node) -> NodeStatus:
        try:
            return node_status(node)
        except GarnetError:
            del self._nodes[node.name]
            node.close()
            raise


def node_status(node: Asks) -> NodeStatus:
    """Ask one node; a proxy that is down is part of the answer. Raises GarnetError."""
    facts = decode_facts(node.name, node.ask("facts", listen=None, artifacts=[]))
    try:
        proxy = proxy_status(node, patience_s=0)
    except NodeError as error:
        return NodeStatus(node=node.name, facts=facts, error=error.message)
    return NodeStatus(node=node.name, facts=facts, proxy=proxy)
