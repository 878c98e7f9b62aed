"""Stop a fleet, and delete what it leaves on its nodes where that is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from garnet_cli.actions.control import Asks
from garnet_cli.actions.events import act
from garnet_cli.errors import GarnetError
from garnet_cli.fleet.node import NodeHandle
from garnet_cli.fleet.parallel import for_each

NodeReport = Callable[[str, str], None]
"""Called with a node's name and what it does now."""

MinutesLeft = dict[str, int | None]
"""Minutes that no store has, by node; ``None`` where a spool cannot be read."""


def stop(nodes: Sequence[NodeHandle], who: str, report: NodeReport, *, purge: bool) -> None:
    """Stop every job on ``nodes``, the monitors last: they ship what they have, this act included.

    Deletes nothing; ``purge`` says in the act that it follows. Raises :class:`FleetError`.
    """

    def one(node: NodeHandle) -> None:
        report(node.name, "stopping")
        event = act("down", node.name, "stopped", who, purge=purge)
        node.ask("stop_all", purge=False, event=event)

    for_each(nodes, one)


def minutes_left(nodes: Sequence[NodeHandle]) -> MinutesLeft:
    """Return what waits in the nodes' spools; nodes where nothing does are left out."""
    found = for_each(nodes, spooled)
    return {name: minutes for name, minutes in found.items() if minutes != 0}


def spooled(node: Asks) -> int | None:
    """Return how many minutes wait on one node; ``None`` where its spool cannot be read."""
    minutes: int | None = node.ask("spooled")["minutes"]
    return minutes


def describe(left: MinutesLeft) -> str:
    """Return which nodes hold how many minutes."""
    return ", ".join(f"{name} holds {_minutes(minutes)}" for name, minutes in left.items())


def refuse_loss(left: MinutesLeft) -> GarnetError:
    """Return the error of a purge that would lose minutes."""
    return GarnetError(
        f"stopped, but not deleted: {describe(left)} that the store does not have",
        remedy="run `garnet up` and wait until they are shipped, or add --discard-minutes",
    )


def delete(nodes: Sequence[NodeHandle], report: NodeReport) -> None:
    """Delete all that the fleet left on ``nodes``, whose jobs have ended. Raises :class:`FleetError`."""

    def one(node: NodeHandle) -> None:
        report(node.name, "deleting")
        node.ask("stop_all", purge=True)

    for_each(nodes, one)


def _minutes(count: int | None) -> str:
    return "an unknown number of minutes" if count is None else f"{count} minute{'s' if count != 1 else ''}"
