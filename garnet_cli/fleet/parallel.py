"""The same work on several nodes, side by side."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from garnet_cli.errors import FleetError, GarnetError
from garnet_cli.fleet.channel import close_open_channels

WAKE_S = 0.2
"""The waiting thread wakes this often, since a signal may reach another thread than it."""


class Named(Protocol):
    """Whatever has a node's name."""

    @property
    def name(self) -> str:
        """Return the node's name."""


Node = TypeVar("Node", bound=Named)
Result = TypeVar("Result")


def attempt_each(nodes: Sequence[Node], work: Callable[[Node], Result]) -> dict[str, Result | GarnetError]:
    """Run ``work`` for all nodes at once; return each one's result or error by name, in their order.

    Waits for all. An exception that is no GarnetError is a fault of the program and is raised, after the
    others have ended. Ctrl-C closes every channel and is raised at once.
    """
    done: queue.Queue[tuple[str, Result | BaseException]] = queue.Queue()

    def run(node: Node) -> None:
        try:
            done.put((node.name, work(node)))
        except BaseException as error:  # noqa: BLE001 -- raised again in the waiting thread
            done.put((node.name, error))

    for node in nodes:
        threading.Thread(target=run, args=(node,), name=f"work on {node.name}", daemon=True).start()
    outcomes: dict[str, Result | BaseException] = {}
    try:
        while len(outcomes) < len(nodes):
            try:
                name, outcome = done.get(timeout=WAKE_S)
            except queue.Empty:
                continue
            outcomes[name] = outcome
    except KeyboardInterrupt:
        close_open_channels()
        raise
    ordered: dict[str, Result | GarnetError] = {}
    for node in nodes:
        outcome = outcomes[node.name]
        if isinstance(outcome, BaseException) and not isinstance(outcome, GarnetError):
            raise outcome
        ordered[node.name] = outcome
    return ordered


def for_each(nodes: Sequence[Node], work: Callable[[Node], Result]) -> dict[str, Result]:
    """Run ``work`` for all nodes at once and return the results by name, in their order.

    Raises FleetError naming every node that failed, or the error itself where only one node was asked.
    """
    outcomes = attempt_each(nodes, work)
    errors = errors_of(outcomes)
    if errors and len(nodes) == 1:
        raise errors[0]
    if errors:
        raise FleetError(errors)
    return {name: outcome for name, outcome in outcomes.items() if not isinstance(outcome, GarnetError)}


def errors_of(outcomes: Mapping[str, Result | GarnetError]) -> list[GarnetError]:
    """Return the errors among the outcomes."""
    return [outcome for outcome in outcomes.values() if isinstance(outcome, GarnetError)]
