"""Open channels to many nodes side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from garnet_cli.errors import FleetError, GarnetError, UsageError
from garnet_cli.fleet.inventory import Inventory, NodeEntry
from garnet_cli.fleet.inventory_contracts import node_target
from garnet_cli.fleet.node import NodeHandle
from garnet_cli.fleet.parallel import attempt_each

Result = TypeVar("Result")

PRIVATE_KEY = b"PRIVATE KEY-----"
"""Ends the first line of every private key, whatever its format."""


@dataclass(frozen=True, slots=True)
class Connection:
    """The nodes that answered, in the inventory's order, and why others did not."""

    nodes: Sequence[NodeHandle]
    errors: dict[str, GarnetError]

    def require_all(self) -> Sequence[NodeHandle]:
        """Return the nodes; raises :class:`FleetError` naming every node that did not answer."""
        if self.errors:
            raise FleetError(list(self.errors.values()))
        return self.nodes

    def node(self, name: str) -> NodeHandle:
        """Return one node; raises its error if it did not answer."""
        if name in self.errors:
            raise self.errors[name]
        return next(node for node in self.nodes if node.name == name)


@contextmanager
def connected(inventory: Inventory, entries: Sequence[NodeEntry]) -> Iterator[Connection]:
    """Open one channel to each node of ``entries`` and close them all in the end, side by side.

    Raises :class:`UsageError` where the inventory names an SSH key that is none.
    """
    require_identities(entries)
    known_hosts = inventory.fleet.known_hosts
    handles = [NodeHandle(node_target(inventory, entry), known_hosts) for entry in entries]
    try:
        _, errors = ask_each(handles, lambda handle: handle.open())
        yield Connection([handle for handle in handles if handle.name not in errors], errors)
    finally:
        # A close waits for its agent to end, a round trip or two: one after another they add up.
        attempt_each(handles, lambda handle: handle.close())


def require_identities(entries: Sequence[NodeEntry]) -> None:
    """Raise :class:`UsageError` naming each ``identity_file`` that holds no private key."""
    wrong = []
    for entry in entries:
        if entry.transport == "ssh" and entry.identity_file is not None:
            path = entry.identity_file.expanduser()
            try:
                if PRIVATE_KEY not in path.read_bytes():
                    wrong.append(f"{entry.name}: identity_file {path} holds no SSH private key")
            except OSError as error:
                wrong.append(f"{entry.name}: identity_file {path}: {error.strerror or error}")
    if wrong:
        raise UsageError("\n".join(wrong), remedy="name a private key with `identity_file` in [[nodes]]")


def ask_each(
    nodes: Sequence[NodeHandle], work: Callable[[NodeHandle], Result]
) -> tuple[dict[str, Result], dict[str, GarnetError]]:
    """Run ``work`` for all nodes side by side; return the results and the errors by node."""
    results: dict[str, Result] = {}
    errors: dict[str, GarnetError] = {}
    for name, outcome in attempt_each(nodes, work).items():
        if isinstance(outcome, GarnetError):
            errors[name] = outcome
        else:
            results[name] = outcome
    return results, errors
