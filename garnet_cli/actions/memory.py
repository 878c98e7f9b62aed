"""Refuse a loader that does not fit beside those that the node already runs."""

from __future__ import annotations

from garnet_cli.actions.control import Asks
from garnet_cli.errors import NodeError
from garnet_cli.fleet.facts import NodeFacts, decode_facts
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.judge.difference import DesiredLoader
from garnet_cli.judge.memory import GIB, ArtifactSize, Fit, fit, need_bytes


def memory_fit(
    wanted: DesiredLoader, facts: NodeFacts, inventory: Inventory, node: str, *, alone: bool = False
) -> Fit:
    """Judge ``wanted`` on a node as ``facts`` describe it; its artifact must be on the node.

    ``alone``: as if its model's present loaders were gone.
    """
    resident = leaving = 0
    bounds = {model.name: (model.context, model.concurrency, model.cache_bytes) for model in inventory.models}
    own = (wanted.context, wanted.concurrency, wanted.cache_bytes)
    for slot in facts.slots.slots.values() if facts.slots else []:
        for spec in (slot.active, slot.next, slot.previous):
            if spec is not None and spec.artifact in facts.artifacts:
                need = need_bytes(_size(facts, spec.artifact), *bounds.get(slot.model, own))
                if alone and slot.model == wanted.model:
                    leaving += facts.artifacts[spec.artifact].bytes
                else:
                    resident += need
    available = facts.memory_available_bytes
    declared = inventory.node(node).memory_gb
    return fit(
        need_bytes(_size(facts, wanted.artifact), *own),
        resident,
        system=facts.system,
        memory_bytes=int(declared * GIB) if declared else facts.memory_bytes,
        available_bytes=None if available is None else available + leaving,
    )


def another_fits(model: str, facts: NodeFacts, inventory: Inventory, node: str) -> bool:
    """Say whether a second loader of the size of the active one fits beside all that run on a node."""
    slot = facts.slots.slots.get(model) if facts.slots else None
    active = slot.active if slot else None
    if active is None or active.artifact not in facts.artifacts:
        return False
    entry = next((entry for entry in inventory.models if entry.name == model), None)
    wanted = DesiredLoader(
        model=model,
        source=active.source,
        artifact=active.artifact,
        runtime=active.runtime,
        context=entry.context if entry else 0,
        concurrency=entry.concurrency if entry else 1,
        cache_bytes=entry.cache_bytes if entry else None,
    )
    return memory_fit(wanted, facts, inventory, node).fits


def require_memory(node: Asks, wanted: DesiredLoader, inventory: Inventory, *, alone: bool = False) -> Fit:
    """Return the fit of ``wanted`` on the node now; raises :class:`NodeError` where it does not fit."""
    facts = decode_facts(node.name, node.ask("facts", listen=None, artifacts=None))
    verdict = memory_fit(wanted, facts, inventory, node.name, alone=alone)
    if not verdict.fits:
        raise NodeError(
            f"{wanted.model} does not fit: it {verdict}",
            node=node.name,
            remedy="lower its context or concurrency, move a model elsewhere, or take this one down first",
            code="no_memory",
        )
    return verdict


def _size(facts: NodeFacts, artifact: str) -> ArtifactSize:
    found = facts.artifacts[artifact]
    return ArtifactSize(weight_bytes=found.bytes, config=found.config)
