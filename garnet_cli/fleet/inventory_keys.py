"""What a key of an inventory is, and reading one table key by key, noting every mistake."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from garnet_cli.fleet.inventory_mistakes import Mistakes
from garnet_cli.fleet.inventory_values import Reader, nearest, shown
from garnet_cli.fleet.toml_lines import KeyPath


@dataclass(frozen=True, slots=True)
class Key:
    """One key of one table."""

    name: str
    read: Reader
    doc: str
    """One sentence, with the unit."""
    example: str
    """As TOML."""
    default: Any = None
    """Used when the key is left out; ``None``: see ``default_text``."""
    default_text: str = ""
    """Said in place of ``default`` where that depends on something."""
    required: bool = False
    shown: bool = False
    """Stands uncommented in the example although it may be left out."""


def read_keys(
    table: Any, keys: Sequence[Key], path: KeyPath, header: str, mistakes: Mistakes
) -> dict[str, Any]:
    """Return the values of ``keys``; what is left out or mistaken has its default."""
    values = {key.name: key.default for key in keys}
    if not isinstance(table, dict):
        mistakes.add(path, f"is {shown(table)}, expected a table headed {header}")
        return values
    for name, value in table.items():
        key = next((key for key in keys if key.name == name), None)
        if key is None:
            hint = nearest(name, list(values)) or f", expected {any_of(values)}"
            mistakes.add((*path, name), f"is no key of {header}{hint}")
            continue
        try:
            values[name] = key.read(value)
        except ValueError as error:
            mistakes.add((*path, name), str(error))
    for key in keys:
        if key.required and key.name not in table:
            mistakes.add(path, f"{key.name} is missing, expected for example {key.name} = {key.example}")
    return values


def here(text: str, folder: Path) -> str:
    """Return a path of this machine as absolute, from ``folder``, with ``~`` expanded."""
    return os.path.normpath(folder / os.path.expanduser(text))  # noqa: PTH111 -- Path.expanduser raises


def absolute(text: str | None, path: KeyPath, mistakes: Mistakes) -> bool:
    """Say whether ``text``, if there is one, is an absolute path below /; note it where it is not."""
    if text is None or (text.startswith("/") and os.path.normpath(text) not in {"/", "//"}):
        return True
    mistakes.add(path, f"is {shown(text)}, expected an absolute path below /")
    return False


def any_of(words: Iterable[Any]) -> str:
    """Return ``a, b or c``."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else str(last)
