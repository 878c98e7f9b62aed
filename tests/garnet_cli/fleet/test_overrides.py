"""Paths that a CI job says by its environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from garnet_cli.fleet.inventory_file import load_inventory

INVENTORY = """
[fleet]
name = "office"
[[nodes]]
name = "mini-1"
host = "192.168.1.11"
root = "/Users/garnet/garnet"
identity_file = "~/.ssh/mine"
[[nodes]]
name = "here"
transport = "local"
root = "/srv/garnet"
"""


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """Write an inventory of a node by SSH and a local one."""
    path = tmp_path / "fleet" / "inventory.toml"
    path.parent.mkdir()
    path.write_text(INVENTORY)
    return path


def test_the_environment_names_the_key_of_nodes_by_ssh(inventory: Path) -> None:
    """The operator's own path stands in the file; the job has another."""
    loaded = load_inventory(inventory, {"GARNET_IDENTITY_FILE": "/run/job/identity"})
    assert [node.identity_file for node in loaded.nodes] == [Path("/run/job/identity"), None]


def test_the_environment_names_the_host_keys(
    inventory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path starts from where the command runs, as on any command line."""
    monkeypatch.chdir(tmp_path)
    loaded = load_inventory(inventory, {"GARNET_KNOWN_HOSTS": "job/known_hosts"})
    assert loaded.fleet.known_hosts == tmp_path / "job" / "known_hosts"


def test_an_input_left_out_changes_nothing(inventory: Path) -> None:
    """Actions sets a variable to nothing where an input was not given."""
    plain = load_inventory(inventory, {})
    assert load_inventory(inventory, {"GARNET_IDENTITY_FILE": "", "GARNET_KNOWN_HOSTS": ""}) == plain
    assert plain.fleet.known_hosts == inventory.parent / "known_hosts"
