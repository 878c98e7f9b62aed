"""Look at every node before anything is changed."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence

from garnet_cli.errors import FleetError, GarnetError, HostKeyError, NodeError
from garnet_cli.fleet.artifact import Artifact
from garnet_cli.fleet.connect import ask_each
from garnet_cli.fleet.facts import NodeFacts, decode_facts
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.inventory_contracts import store_address
from garnet_cli.fleet.inventory_rules import warnings
from garnet_cli.fleet.node import NodeHandle
from garnet_cli.fleet.secrets_file import read_secrets
from garnet_cli.judge.checks import Check, WantedArtifact, checks
from garnet_cli.judge.monitoring import monitor_checks
from node_scripts.monitor.config import ACCESS_KEY_NAME, SECRET_KEY_NAME
from node_scripts.store.layout import fleet_prefix
from node_scripts.store.objects import Credentials, StoreError, StoreUnreachableError


def check(
    inventory: Inventory,
    names: Sequence[str],
    nodes: Sequence[NodeHandle],
    errors: Mapping[str, GarnetError],
    artifacts: Mapping[str, Artifact],
    environ: Mapping[str, str],
) -> list[Check]:
    """Return every check of every node of ``names``, node by node, then of the inventory and the store.

    The store's keys come from ``environ`` or the inventory's file; raises UsageError where that is wrong.
    """

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
        return [
            Check(node.name, "host key", "ok", key),
            *checks(entry, facts, offset, wanted),
            *monitor_checks(entry, facts),
        ]

    found, failed = ask_each(nodes, look)
    lost = {**errors, **failed}
    rows: list[Check] = []
    for name in names:
        rows.extend(found[name] if name in found else [_lost(name, lost[name])])
    rows.extend(Check("inventory", "entries", "warning", warning) for warning in warnings(inventory))
    rows.extend(store_checks(inventory, environ))
    return rows


def require_possible(
    inventory: Inventory,
    facts: Mapping[str, NodeFacts],
    artifacts: Mapping[str, Artifact],
    names: Collection[str],
) -> None:
    """Refuse to change the nodes of ``names`` where a check fails that ``facts`` can answer.

    Raises :class:`FleetError` with one line a failure.
    """
    failed = [
        NodeError(f"{one.name}: {one.detail}", node=one.node, remedy=one.remedy, code="check_failed")
        for name in names
        for one in checks(
            inventory.node(name),
            facts[name],
            0.0,
            [_wanted(artifacts[model.name]) for model in inventory.models_on(name)],
        )
        if one.verdict == "failed"
    ]
    if failed:
        raise FleetError(failed)


def store_checks(inventory: Inventory, environ: Mapping[str, str]) -> list[Check]:
    """Return whether this machine can list the fleet's store; nothing where there is none."""
    address = store_address(inventory)
    if address is None:
        return []
    from node_scripts.store.open import open_object_store  # noqa: PLC0415 -- boto3, where there is a store

    secrets = read_secrets(inventory, environ)
    keys = [secrets.get(name) for name in (ACCESS_KEY_NAME, SECRET_KEY_NAME)]
    credentials = Credentials(keys[0], keys[1]) if keys[0] and keys[1] else None
    try:
        store = open_object_store(address, credentials)
        first = next(iter(store.list(fleet_prefix(inventory.fleet.name))), None)
    except StoreUnreachableError as error:
        return [Check("store", "reachable", "failed", str(error), error.remedy)]
    except StoreError as error:
        remedy = error.remedy
        if credentials is None:
            remedy = (
                f"set {ACCESS_KEY_NAME} and {SECRET_KEY_NAME}, or name a file with secrets of [telemetry]"
            )
        return [Check("store", "allowed", "failed", str(error), remedy)]
    detail = f"{address.url}: {'nothing of this fleet yet' if first is None else 'holds this fleet'}"
    return [Check("store", "reachable", "ok", detail)]


def _wanted(artifact: Artifact) -> WantedArtifact:
    size = sum(int(entry["bytes"]) for entry in artifact.manifest.values()) if artifact.manifest else None
    return WantedArtifact(artifact.identifier, artifact.source, size)


def _lost(node: str, error: GarnetError) -> Check:
    name = "host key" if isinstance(error, HostKeyError) else "reachable"
    return Check(node, name, "failed", error.message, error.remedy or "")
