"""Which node of a deploy goes first, which next, and which models it is judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from garnet_cli.errors import UsageError
from garnet_cli.fleet.facts import NodeFacts
from garnet_cli.judge.hard_gates import NodeHealth


def rollout_order(
    changed: Sequence[str], traffic: Mapping[str, int], canary: str | None, new: Sequence[str] = ()
) -> list[str]:
    """Return the changed nodes in the order of the deploy.

    First the ``canary`` that was named, else the node with the least ``traffic`` (requests of late): it
    risks the fewest. Then the others as the inventory has them, and last those that are ``new``, which
    have no time before to be compared with. Raises :class:`UsageError` for a canary with nothing to do.
    """
    old = [node for node in changed if node not in new]
    if canary is not None:
        if canary not in changed:
            raise UsageError(
                f"nothing changes on {canary}: it cannot be the canary",
                remedy=f"name one of {', '.join(changed)}, or none",
            )
        first = canary
    else:
        first = min(old or changed, key=lambda node: (traffic.get(node, 0), changed.index(node)))
    rest = [*old, *(node for node in changed if node in new)]
    return [first, *(node for node in rest if node != first)]


def out_of_service(models: Sequence[str], healths: Mapping[str, NodeHealth]) -> str | None:
    """Say which other node does not serve one of ``models`` that it should, or ``None``.

    ``healths`` are the latest looks at the other nodes.
    """
    for node, health in healths.items():
        if health.down is not None and models:
            return f"{node} is out of service ({health.down})"
        for model in models:
            loader = health.loaders.get(model)
            if model in health.unserved or (loader is not None and loader.state == "down"):
                return f"{model} is out of service on {node}"
    return None


def compared_models(facts: NodeFacts, wanted: Sequence[str]) -> list[str]:
    """Return the models that a node serves now and is to serve on: these can be compared."""
    slots = facts.slots.slots if facts.slots else {}
    return [model for model in wanted if model in slots and slots[model].active is not None]
