"""What every node says of itself and its proxy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from garnet_cli.actions.control import proxy_status
from garnet_cli.errors import GarnetError, NodeError
from garnet_cli.fleet.connect import ask_each
from garnet_cli.fleet.facts import NodeFacts, decode_facts
from garnet_cli.fleet.node import NodeHandle
from node_scripts.contracts import ProxyStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """One node; ``error`` says why the rest is missing."""

    node: str
    error: str | None = None
    unreachable: bool = False
    facts: NodeFacts | None = None
    proxy: ProxyStatus | None = None


def status(
    names: Sequence[str], nodes: Sequence[NodeHandle], errors: Mapping[str, GarnetError]
) -> list[NodeStatus]:
    """Return every node's status in the order of ``names``; nodes in ``errors`` were not reached."""
    found, failed = ask_each(nodes, node_status)
    lost = {**errors, **failed}
    return [
        found[name] if name in found else NodeStatus(node=name, error=lost[name].message, unreachable=True)
        for name in names
    ]


def node_status(node: NodeHandle) -> NodeStatus:
    """Ask one node; a proxy that is down is part of the answer."""
    facts = decode_facts(node.name, node.ask("facts", listen=None, artifacts=[]))
    try:
        proxy = proxy_status(node, patience_s=0)
    except NodeError as error:
        return NodeStatus(node=node.name, facts=facts, error=error.message)
    return NodeStatus(node=node.name, facts=facts, proxy=proxy)
