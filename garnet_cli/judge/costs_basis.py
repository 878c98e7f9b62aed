"""What the inventory says of costs, as costs.py takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from garnet_cli.fleet.inventory import CostSettings, Inventory, ReferencePrice


@dataclass(frozen=True, kw_only=True, slots=True)
class CostBasis:
    """What the inventory says of costs."""

    settings: CostSettings
    prices_usd: Mapping[str, float | None]
    """Of every node, in the inventory's order; ``None`` is unknown."""
    references: Mapping[str, ReferencePrice] = field(default_factory=dict)
    """The API's price by model."""
    watts: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Idle and nameplate watts by node, where they are not those of ``settings``."""

    def settings_of(self, node: str) -> CostSettings:
        """Return the settings with a node's own watts."""
        if node not in self.watts:
            return self.settings
        idle, nameplate = self.watts[node]
        return replace(self.settings, idle_watts=idle, nameplate_watts=nameplate)


def basis_of(inventory: Inventory) -> CostBasis:
    """Return what an inventory says of costs."""
    costs = inventory.costs
    return CostBasis(
        settings=costs,
        watts={
            node.name: (
                costs.idle_watts if node.idle_watts is None else node.idle_watts,
                costs.nameplate_watts if node.nameplate_watts is None else node.nameplate_watts,
            )
            for node in inventory.nodes
            if node.idle_watts is not None or node.nameplate_watts is not None
        },
        prices_usd={node.name: node.price_usd for node in inventory.nodes},
        references={
            model.name: inventory.costs.references[model.reference]
            for model in inventory.models
            if model.reference is not None
        },
    )
