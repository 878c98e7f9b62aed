"""What `garnet init` writes loads, and never over a file that is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from garnet_cli.actions.draft import Draft, DraftNode, pair, ssh_node, write
from garnet_cli.errors import InventoryError, UsageError

COMMIT = "7f0dc925e0d0afb0322d96f9255cfddf2ba5636e"


def test_draft_is_written_as_an_inventory_that_loads(tmp_path: Path) -> None:
    """Nodes by SSH and folders, and models on all of them."""
    draft = Draft(
        name="office",
        nodes=[
            ssh_node("mini-1", "garnet@10.0.0.1:2222", "/srv/garnet"),
            ssh_node("mini-2", "[fd00::2]", "/srv/garnet"),
            DraftNode(name="here", root="./here"),
            DraftNode(name="there", root="./there"),
        ],
        models=[("llama-3.2", f"org/llama@{COMMIT}")],
    )
    inventory = write(draft, tmp_path / "inventory.toml")
    first, second, here, there = inventory.nodes
    assert (first.user, first.host, first.port, first.root) == ("garnet", "10.0.0.1", 2222, "/srv/garnet")
    assert (second.user, second.host, second.port) == (None, "fd00::2", 22)
    assert here.root == str(tmp_path / "here")
    assert here.listen_port != there.listen_port
    assert inventory.model("llama-3.2").nodes == ("mini-1", "mini-2", "here", "there")


def test_draft_with_mistakes_writes_nothing(tmp_path: Path) -> None:
    """The mistakes are those of any inventory."""
    path = tmp_path / "inventory.toml"
    with pytest.raises(InventoryError, match="expected 1 to 32 of a-z"):
        write(Draft(name="Office", nodes=[DraftNode(name="a", root="./a")], models=[]), path)
    assert not path.exists()


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    """Not even one that appeared after the check."""
    path = tmp_path / "inventory.toml"
    path.write_text("mine")
    with pytest.raises(UsageError, match="cannot be written: File exists"):
        write(Draft(name="office", nodes=[DraftNode(name="a", root="./a")], models=[]), path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("where", ["", "a:b", "a:22:22", "@", "u@"])
def test_wrong_places_are_usage_errors(where: str) -> None:
    """A place of another form is told with the form."""
    with pytest.raises(UsageError, match=r"expected \[user@\]host\[:port\]"):
        ssh_node("a", where, "/srv")


@pytest.mark.parametrize("text", ["a", "a=", "=b", ""])
def test_wrong_pairs_are_usage_errors(text: str) -> None:
    """NAME=VALUE needs both."""
    with pytest.raises(UsageError, match="expected NAME=SOURCE"):
        pair(text, "NAME=SOURCE")
