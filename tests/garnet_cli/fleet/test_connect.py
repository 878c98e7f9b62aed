"""Channels to many nodes, opened and closed together."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from garnet_cli.errors import UnreachableError, UsageError
from garnet_cli.fleet import connect
from garnet_cli.fleet.connect import connected, require_identities
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.inventory_file import load_inventory

NAMES = ("a", "b", "c")


class Handle:
    """A node that answers unless it is called ``b``, and is closed only when all the others are."""

    closing = threading.Barrier(len(NAMES), timeout=10)
    closed: list[str]

    def __init__(self, target: Any, _known_hosts: Path | None) -> None:
        """Take a target's name."""
        self.name = target.name

    def open(self) -> None:
        """Answer, or not."""
        if self.name == "b":
            raise UnreachableError("is off", node="b")

    def close(self) -> None:
        """Wait until every handle is being closed."""
        self.closing.wait()
        self.closed.append(self.name)


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inventory:
    """Return an inventory of three nodes that are such handles."""
    monkeypatch.setattr(connect, "NodeHandle", Handle)
    monkeypatch.setattr(Handle, "closed", [], raising=False)
    lines = ["[fleet]", 'name = "test"']
    for name in NAMES:
        lines += ["[[nodes]]", f'name = "{name}"', f'root = "/srv/{name}"', 'transport = "local"']
        lines += [f'listen = "127.0.0.1:{8000 + ord(name)}"']
    path = tmp_path / "inventory.toml"
    path.write_text("\n".join(lines))
    return load_inventory(path)


def test_all_channels_are_closed_side_by_side(inventory: Inventory) -> None:
    """Also of a node that did not answer: one after another would never end here."""
    with connected(inventory, inventory.nodes) as connection:
        assert [node.name for node in connection.nodes] == ["a", "c"]
        assert list(connection.errors) == ["b"]
    assert sorted(Handle.closed) == list(NAMES)


def test_channels_are_closed_after_a_failure_too(inventory: Inventory) -> None:
    """What failed is raised as it is."""
    with pytest.raises(RuntimeError, match="in the middle"), connected(inventory, inventory.nodes):
        raise RuntimeError("in the middle")
    assert sorted(Handle.closed) == list(NAMES)


@pytest.mark.parametrize(
    ("content", "told"), [(None, "No such file"), ("ssh-ed25519 AAAA ada\n", "no SSH private key")]
)
def test_a_wrong_key_file_is_a_mistake_of_the_inventory(
    inventory: Inventory, tmp_path: Path, content: str | None, told: str
) -> None:
    """Not a node that cannot be reached; only where SSH is the way there."""
    key = tmp_path / "id_ed25519"
    if content is not None:
        key.write_text(content)
    local = [replace(entry, identity_file=key) for entry in inventory.nodes]
    require_identities(local)
    remote = [replace(entry, transport="ssh") for entry in local]
    with pytest.raises(UsageError, match=told) as caught:
        require_identities(remote)
    assert caught.value.exit_code == 2
    assert all(f"{name}: identity_file {key}" in str(caught.value) for name in NAMES)
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    require_identities(remote)
