"""Bring the fleet to the inventory and the release: only what differs, all nodes side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from garnet_cli.actions.node_work import NodeReport, NodeWork, WorkSettings
from garnet_cli.actions.survey import NEW_SECRET, FleetSurvey, new_secret
from garnet_cli.fleet.artifact import Artifact
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.node import NodeHandle
from garnet_cli.fleet.parallel import for_each
from garnet_cli.fleet.release import Release
from garnet_cli.judge.difference import Change


@dataclass(slots=True)
class UpResult:
    """What was done, by node."""

    changes: dict[str, list[Change]] = field(default_factory=dict)
    swaps: list[dict[str, Any]] = field(default_factory=list)
    removed: dict[str, str] = field(default_factory=dict)
    """What was removed of what a node no longer needs, in words."""


def apply(
    nodes: Sequence[NodeHandle],
    fleet: FleetSurvey,
    inventory: Inventory,
    release: Release,
    artifacts: Mapping[str, Artifact],
    settings: WorkSettings,
    report: NodeReport,
) -> UpResult:
    """Do the changes of ``fleet`` on all its nodes side by side.

    The operator holds every node's lease. Raises :class:`FleetError` naming every node that failed;
    the others are done, and the same command goes on with the rest.
    """
    secret = fleet_secret(nodes, fleet)
    result = UpResult()

    def one(node: NodeHandle) -> list[dict[str, Any]]:
        here = fleet.nodes[node.name]
        work = NodeWork(node, here, fleet, inventory, release, artifacts, settings, report)
        swaps = work.run(secret)
        if work.removed:
            result.removed[node.name] = work.removed
        return swaps

    busy = [node for node in nodes if node.name in fleet.nodes and fleet.nodes[node.name].changes]
    for swaps in for_each(busy, one).values():
        result.swaps.extend(swaps)
    result.changes = {node.name: list(fleet.nodes[node.name].changes) for node in busy}
    return result


def fleet_secret(nodes: Sequence[NodeHandle], fleet: FleetSurvey) -> str | None:
    """Return the secret to write where it is missing; ``None`` if no node lacks it."""
    if fleet.secret_fingerprint == NEW_SECRET:
        return new_secret()
    if not any(change.kind == "secret" for change in fleet.changes):
        return None
    for node in nodes:
        survey = fleet.nodes.get(node.name)
        if survey and survey.facts.secret_fingerprint == fleet.secret_fingerprint:
            return str(node.ask("read_secret")["secret"])
    return new_secret()
