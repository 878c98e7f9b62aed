"""What the inventory says of costs, as costs.py takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from garnet_cli.fleet.inventory import CostSettings, Inventory, ReferencePrice


@dataclass(frozen=True, kw_only=True, slots=True)
class CostBasis:
    """What the inventory says of costs."""

    settings: CostSettings
    prices_usd: Mapping[str, float | None]
    """Of every node, in the inventory's order; ``None`` is unknown."""
    references: Mapping[str, ReferencePrice] = field(default_factory=dict)
    """The API's price by model."""


def basis_of(inventory: Inventory) -> CostBasis:
    """Return what an inventory says of costs."""
    return CostBasis(
        settings=inventory.costs,
        prices_usd={node.name: node.price_usd for node in inventory.nodes},
        references={
            model.name: inventory.costs.references[model.reference]
            for model in inventory.models
            if model.reference is not None
        },
    )
