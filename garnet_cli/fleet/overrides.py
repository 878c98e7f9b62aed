"""What the environment says instead of the inventory: paths that differ from machine to machine.

A CI job has its SSH key and the fleet's host keys in files of its own. The inventory is the same for all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from garnet_cli.fleet.inventory import Inventory

IDENTITY_FILE = "GARNET_IDENTITY_FILE"
"""Names the SSH private key of every node that is reached by SSH."""

KNOWN_HOSTS = "GARNET_KNOWN_HOSTS"
"""Names the file of the nodes' SSH host keys."""


def overridden(inventory: Inventory, environ: Mapping[str, str]) -> Inventory:
    """Return ``inventory`` with the paths that ``environ`` names, relative to the current folder.

    A variable set to nothing counts as not set: that is what CI services make of an input left out.
    """
    if known_hosts := environ.get(KNOWN_HOSTS):
        fleet = dataclasses.replace(inventory.fleet, known_hosts=Path(known_hosts).absolute())
        inventory = dataclasses.replace(inventory, fleet=fleet)
    if identity_file := environ.get(IDENTITY_FILE):
        path = Path(identity_file).absolute()
        nodes = tuple(
            dataclasses.replace(node, identity_file=path) if node.transport == "ssh" else node
            for node in inventory.nodes
        )
        inventory = dataclasses.replace(inventory, nodes=nodes)
    return inventory
