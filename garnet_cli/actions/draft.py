"""Draft a first inventory from what `garnet init` was told."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from garnet_cli.errors import UsageError
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.inventory_file import parse_inventory

NODE_FORM = re.compile(r"(?:(?P<user>[^@]+)@)?(?P<host>\[[^\]]+\]|[^:@]+)(?::(?P<port>[0-9]{1,5}))?")
HEAD = """\
# Written by `garnet init`. inventory.example.toml names every key.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class DraftNode:
    """One node to be: by SSH with ``host``, else a folder of this machine."""

    name: str
    root: str
    host: str | None = None
    user: str | None = None
    port: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A first inventory."""

    name: str
    nodes: Sequence[DraftNode]
    models: Sequence[tuple[str, str]]
    """Name and source; each on all nodes."""


def ssh_node(name: str, where: str, root: str) -> DraftNode:
    """Read ``[user@]host[:port]``; raises UsageError for another form."""
    found = NODE_FORM.fullmatch(where)
    if found is None:
        raise UsageError(f'"{where}" is no place of a node, expected [user@]host[:port]')
    port = found["port"]
    return DraftNode(
        name=name,
        root=root,
        host=found["host"].strip("[]"),
        user=found["user"],
        port=int(port) if port else None,
    )


def pair(text: str, form: str) -> tuple[str, str]:
    """Split ``NAME=VALUE``; raises UsageError naming ``form``."""
    name, equals, value = text.partition("=")
    if not name or not equals or not value:
        raise UsageError(f'"{text}" is not understood, expected {form}')
    return name, value


def text_of(draft: Draft) -> str:
    """Return the draft as TOML."""
    parts = [HEAD, "\n[fleet]\n", _line("name", draft.name)]
    local = 0
    for node in draft.nodes:
        parts += ["\n[[nodes]]\n", _line("name", node.name)]
        if node.host is None:
            parts += [_line("transport", "local"), _line("root", node.root)]
            # Folders of one machine share its ports.
            parts.append(_line("listen", f"127.0.0.1:{8080 + local}"))
            local += 1
            continue
        parts.append(_line("host", node.host))
        parts += [_line("user", node.user)] if node.user else []
        parts += [f"port = {node.port}\n"] if node.port else []
        parts.append(_line("root", node.root))
    for name, source in draft.models:
        parts += [f"\n[models.{_quoted(name)}]\n", _line("source", source), _line("nodes", "all")]
    return "".join(parts)


def write(draft: Draft, path: Path) -> Inventory:
    """Check the draft and write it to ``path``, which must not exist yet.

    Raises InventoryError for a draft that would not load, and UsageError where it cannot be written.
    """
    content = text_of(draft).encode()
    inventory = parse_inventory(content, path)
    try:
        with path.open("xb") as stream:
            stream.write(content)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    return inventory


def _line(key: str, value: str) -> str:
    return f"{key} = {_quoted(value)}\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
