"""Look at every node before anything is changed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from garnet_cli.errors import GarnetError, HostKeyError
from garnet_cli.fleet.artifact import Artifact
from garnet_cli.fleet.connect import ask_each
from garnet_cli.fleet.facts import decode_facts
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.node import NodeHandle
from garnet_cli.judge.checks import Check, WantedArtifact, checks


def check(
    inventory: Inventory,
    names: Sequence[str],
    nodes: Sequence[NodeHandle],
    errors: Mapping[str, GarnetError],
    artifacts: Mapping[str, Artifact],
) -> list[Check]:
    """Return every check of every node of ``names``, node by node."""

    def look(node: NodeHandle) -> list[Check]:
        entry = inventory.node(node.name)
        wanted = [_wanted(artifacts[model.name]) for model in inventory.models_on(node.name)]
        listen = f"{entry.listen_host}:{entry.listen_port}"
        node.ask("ping")
        begin = time.time()
        value = node.ask("facts", listen=listen, artifacts=[one.identifier for one in wanted])
        facts = decode_facts(node.name, value)
        offset = facts.time_unix - (begin + time.time()) / 2
        key = "known" if entry.transport == "ssh" else "local: none needed"
        return [Check(node.name, "host key", "ok", key), *checks(entry, facts, offset, wanted)]

    found, failed = ask_each(nodes, look)
    lost = {**errors, **failed}
    rows: list[Check] = []
    for name in names:
        rows.extend(found[name] if name in found else [_lost(name, lost[name])])
    return rows


def _wanted(artifact: Artifact) -> WantedArtifact:
    size = sum(int(entry["bytes"]) for entry in artifact.manifest.values()) if artifact.manifest else None
    return WantedArtifact(artifact.identifier, artifact.source, size)


def _lost(node: str, error: GarnetError) -> Check:
    name = "host key" if isinstance(error, HostKeyError) else "reachable"
    return Check(node, name, "failed", error.message, error.remedy or "")
