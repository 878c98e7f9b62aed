"""What most commands begin with: the inventory, its artifacts, the release."""

from __future__ import annotations

from pathlib import Path

from garnet_cli.cli.progress import Progress
from garnet_cli.fleet.artifact import Artifact, resolve
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.inventory_file import load_inventory


def load(path: Path) -> Inventory:
    """Read and check the inventory; raises InventoryError with every mistake."""
    return load_inventory(path)


def resolve_all(inventory: Inventory, progress: Progress) -> dict[str, Artifact]:
    """Return every model's artifact by model name; folders are hashed once for each change."""
    return {
        model.name: resolve(model.source, lambda message: progress.step("here", message))
        for model in inventory.models
    }
