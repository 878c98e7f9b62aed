"""Change models' nodes and caches in an inventory file: comments, order and layout stay as they were written.

``edited_inventory`` says what the file would become and checks it by the inventory's own loader;
``write_edit`` puts it in place.
"""

from __future__ import annotations

import difflib
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from garnet_cli.errors import GarnetError, InventoryError, UsageError
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.inventory_file import parse_inventory
from node_scripts.files import write_atomically

BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, kw_only=True, slots=True)
class InventoryEdit:
    """A change of an inventory file that is checked and not yet written."""

    path: Path
    before: bytes
    after: bytes

    @property
    def changes(self) -> bool:
        """Say whether the file would become another."""
        return self.before != self.after

    @property
    def diff(self) -> str:
        """Return the change as a unified diff; empty where there is none."""
        old, new = (content.decode("utf-8-sig").splitlines() for content in (self.before, self.after))
        name = str(self.path)
        return "".join(f"{line}\n" for line in difflib.unified_diff(old, new, name, name, lineterm=""))


def edited_inventory(
    inventory: Inventory,
    placement: Mapping[str, Sequence[str]],
    cache_gb: Mapping[str, float] | None = None,
) -> InventoryEdit:
    """Return what ``inventory``'s file becomes with models on the nodes that ``placement`` names.

    ``cache_gb`` has prompt-cache budgets by model, as ``PlacementDiff.cache_gb`` gives them. Models that
    ``placement`` lacks, and models whose nodes it does not change, are left as they are written.
    Raises UsageError for a model or node that the inventory lacks, and where the file is no longer what
    ``inventory`` was read from; InventoryError where the outcome would not be a sound inventory.
    """
    wanted = {}
    for name, nodes in placement.items():
        inventory.model(name)
        if not nodes or len(set(nodes)) < len(nodes):
            raise UsageError(f"the placement of {name} names no node, or one twice")
        wanted[name] = tuple(inventory.node(node).name for node in nodes)
    before = _read(inventory.path)
    if parse_inventory(before, inventory.path) != inventory:
        raise _changed(inventory.path)
    budgets = {inventory.model(name).name: value for name, value in (cache_gb or {}).items()}
    after = _edited(before, inventory, wanted, budgets)
    expected = replace(
        inventory,
        models=tuple(
            replace(
                model,
                nodes=_kept_order(model.nodes, wanted.get(model.name, model.nodes)),
                cache_gb=budgets.get(model.name, model.cache_gb),
            )
            for model in inventory.models
        ),
    )
    found = parse_inventory(after, inventory.path)
    if _comparable(found) != _comparable(expected):
        raise InventoryError([f"{inventory.path}: cannot be changed without changing more than was meant"])
    return InventoryEdit(path=inventory.path, before=before, after=after)


def write_edit(edit: InventoryEdit) -> None:
    """Replace the file, keeping its mode; what a link points to is replaced, not the link.

    Raises UsageError where the file changed since the edit was made, GarnetError where it cannot be written.
    Nothing is written where nothing changes.
    """
    if _read(edit.path) != edit.before:
        raise _changed(edit.path)
    if not edit.changes:
        return
    try:
        target = edit.path.resolve(strict=True)
        write_atomically(target, edit.after, mode=stat.S_IMODE(target.stat().st_mode))
    except OSError as error:
        raise GarnetError(
            f"cannot write {edit.path}: {error.strerror or error}", remedy="nothing was changed"
        ) from error


def _changed(path: Path) -> UsageError:
    return UsageError(f"{path} changed since it was read", remedy="run the command again")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InventoryError([f"{path}: cannot be read: {error.strerror or error}"]) from error


def _edited(
    content: bytes,
    inventory: Inventory,
    wanted: Mapping[str, tuple[str, ...]],
    budgets: Mapping[str, float],
) -> bytes:
    import tomlkit  # noqa: PLC0415 -- only where an inventory is changed

    text = content.decode()
    mark = BYTE_ORDER_MARK if text.startswith(BYTE_ORDER_MARK) else ""
    document = tomlkit.parse(text.removeprefix(BYTE_ORDER_MARK))
    models: Any = document.get("models", {})
    everywhere = [node.name for node in inventory.nodes]
    for model in inventory.models:
        if model.name in budgets:
            models[model.name]["cache_gb"] = budgets[model.name]
        nodes = wanted.get(model.name, model.nodes)
        if set(nodes) == set(model.nodes):
            continue
        table = models[model.name]
        written = table["nodes"]
        if isinstance(written, str):
            # It said "all"; one name fewer has to be spelled out.
            table["nodes"] = list(_kept_order(everywhere, nodes))
            continue
        _rewrite(written, _kept_order(model.nodes, nodes))
    return (mark + tomlkit.dumps(document)).encode()


def _rewrite(array: Any, names: Sequence[str]) -> None:
    """Take names out of an array and add others at its end, so that its comments and lines stay."""
    for at in reversed(range(len(array))):
        if array[at] not in names:
            del array[at]
    for name in names:
        if name not in array:
            array.append(name)


def _kept_order(old: Sequence[str], new: Sequence[str]) -> tuple[str, ...]:
    """Return ``new`` with the names that were there in their order, then the others."""
    return (*(name for name in old if name in new), *(name for name in new if name not in old))


def _comparable(inventory: Inventory) -> Inventory:
    """Return an inventory whose models' nodes are in one order: that says nothing."""
    models = tuple(replace(model, nodes=tuple(sorted(model.nodes))) for model in inventory.models)
    return replace(inventory, models=models)
