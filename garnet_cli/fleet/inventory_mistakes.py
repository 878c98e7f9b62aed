"""Collect the mistakes of an inventory, each with its line, so that one run reports them all."""

from __future__ import annotations

from garnet_cli.errors import InventoryError
from garnet_cli.fleet.inventory_values import shown
from garnet_cli.fleet.toml_lines import KeyPath, line_of


class Mistakes:
    """The mistakes found so far in one file."""

    def __init__(self, file: str, lines: dict[KeyPath, int]) -> None:
        """Report against ``file``; ``lines`` says where each key is."""
        self.file = file
        self.lines = lines
        self.node_names: dict[int, str] = {}
        """Names of nodes by their index, for people."""
        self.found: list[tuple[int, str]] = []

    def add(self, path: KeyPath, message: str) -> None:
        """Note that the value at ``path`` ``message`` (which begins with "is …", "holds …")."""
        line = line_of(self.lines, path)
        self.found.append((line, f"{self.file}:{line}: {self._place(path)}: {message}"))

    def raise_any(self) -> None:
        """Raise InventoryError with all mistakes by line, if there is any."""
        if self.found:
            self.found.sort(key=lambda mistake: mistake[0])
            raise InventoryError(list(dict.fromkeys(message for _, message in self.found)))

    def _place(self, path: KeyPath) -> str:
        head, rest = f"[{_plain(path[0])}]", path[1:]
        if path[0] == "nodes":
            index, rest = (path[1] if path[1:] else None), path[2:]
            node = self.node_names.get(index) if isinstance(index, int) else None
            head = f"[[nodes]] {shown(node)}" if node else "[[nodes]]"
        elif path[0] == "models" and rest:
            head, rest = f"[models.{_plain(path[1])}]", path[2:]
        elif path[:2] == ("costs", "reference") and path[2:]:
            head, rest = f"[costs.reference.{_plain(path[2])}]", path[3:]
        return " ".join([head, *(_plain(part) for part in rest)])


def _plain(part: str | int) -> str:
    return shown(part)[1:-1] if isinstance(part, str) else str(part)
