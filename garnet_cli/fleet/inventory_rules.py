"""Rules between the entries of an inventory: names, machines, addresses, ports, socket paths."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

from garnet_cli.fleet.inventory import Inventory, NodeEntry
from garnet_cli.fleet.inventory_costs import check_costs
from garnet_cli.fleet.inventory_deploy import check_deploy
from garnet_cli.fleet.inventory_mistakes import Mistakes
from garnet_cli.fleet.inventory_tables import Tables
from garnet_cli.fleet.inventory_values import shown
from node_scripts.paths import LONGEST_SOCKET_NAME, MAX_SOCKET_PATH_BYTES

WILDCARDS = {"0.0.0.0", "::"}  # noqa: S104 -- compared with, not bound

WHOLE_MINUTE_S = 60


def check_rules(tables: Tables, mistakes: Mistakes) -> None:
    """Note what is wrong between entries that are each right."""
    _names(tables, mistakes)
    _telemetry(tables, mistakes)
    if tables.costs:
        check_costs(tables.costs, tables.nodes, tables.models, mistakes)
    if tables.deploy:
        check_deploy(tables.deploy, list(tables.node_names.values()), mistakes)
    seen: list[NodeEntry] = []
    for index, node in tables.nodes.items():
        longest = len(os.fsencode(os.path.join(node.root, LONGEST_SOCKET_NAME)))  # noqa: PTH118
        if longest > MAX_SOCKET_PATH_BYTES:
            room = MAX_SOCKET_PATH_BYTES - len(LONGEST_SOCKET_NAME) - 1
            mistakes.add(
                ("nodes", index, "root"),
                f"is {len(os.fsencode(node.root))} bytes long, expected at most {room}:"
                f" unix sockets below it may have {MAX_SOCKET_PATH_BYTES}",
            )
        for other in seen:
            _pair(index, node, other, mistakes)
        seen.append(node)


def warnings(inventory: Inventory) -> list[str]:
    """Return what is allowed but likely not meant; one line each."""
    found = []
    if not inventory.models:
        found.append(f"{inventory.path}: no [models.NAME]: the fleet will serve nothing")
    idle = [node.name for node in inventory.nodes if not inventory.models_on(node.name)]
    if inventory.models and idle:
        found.append(f"{inventory.path}: no model on {', '.join(idle)}")
    loopback = [
        node.name
        for node in inventory.nodes
        if node.transport == "ssh" and is_loopback(node.listen_host) and not is_loopback(node.address)
    ]
    if loopback:
        found.append(
            f"{inventory.path}: the proxy of {', '.join(loopback)} listens on loopback only:"
            " clients and the other nodes cannot reach it"
        )
    found.extend(f"{inventory.path}: {warning}" for warning in _telemetry_warnings(inventory))
    return found


def _telemetry_warnings(inventory: Inventory) -> Iterator[str]:
    store = inventory.fleet.store
    remote = [node.name for node in inventory.nodes if node.transport == "ssh"]
    if store is not None and not store.startswith("s3://") and remote:
        yield (
            f"store is a path: {', '.join(remote)} would each write to {store} on their own disk, and"
            " commands read that of this machine; name an s3:// store, or mount one folder there everywhere"
        )
    if inventory.telemetry.minute_s != WHOLE_MINUTE_S:
        yield f"minutes of {inventory.telemetry.minute_s} s (minute_s of [telemetry]) are for trials only"
    meters = Counter(node.power_meter for node in inventory.nodes if node.power_meter)
    for meter, count in meters.items():
        if count > 1:
            names = [node.name for node in inventory.nodes if node.power_meter == meter]
            yield f"{', '.join(names)} have one power_meter: what it measures counts for each of them"


def is_loopback(host: str) -> bool:
    """Say whether ``host`` names the machine itself."""
    return host in {"localhost", "::1"} or host.startswith("127.")


def _telemetry(tables: Tables, mistakes: Mistakes) -> None:
    fleet, telemetry, alerts = tables.fleet, tables.telemetry, tables.alerts
    on_s3 = fleet is not None and (fleet.store or "").startswith("s3://")
    if fleet and telemetry and telemetry.endpoint and not on_s3:
        given = shown(fleet.store) if fleet.store else "missing"
        mistakes.add(
            ("telemetry", "endpoint"),
            f"is for a store on S3, but store of [fleet] is {given},"
            ' expected for example store = "s3://garnet/office"',
        )
    if telemetry and telemetry.retention_raw_days > telemetry.retention_days:
        mistakes.add(
            ("telemetry", "retention_raw_days"),
            f"is {telemetry.retention_raw_days}, expected at most retention_days, which is"
            f" {telemetry.retention_days}",
        )
    if telemetry and telemetry.sample_s * 2 > telemetry.minute_s:
        mistakes.add(
            ("telemetry", "sample_s"),
            f"is {telemetry.sample_s:g}, expected at most half of minute_s, which is {telemetry.minute_s}",
        )
    if alerts and alerts.throttle_warning_pct > alerts.throttle_pct:
        mistakes.add(
            ("alerts", "throttle_warning_pct"),
            f"is {alerts.throttle_warning_pct:g}, expected at most throttle_pct, which is"
            f" {alerts.throttle_pct:g}",
        )


def _names(tables: Tables, mistakes: Mistakes) -> None:
    first: dict[str, int] = {}
    for index, name in tables.node_names.items():
        if name in first:
            line = mistakes.lines.get(("nodes", first[name], "name"), 1)
            mistakes.add(("nodes", index, "name"), f"is also the name of the node on line {line}")
        first.setdefault(name, index)


def _machine(node: NodeEntry) -> tuple[str | int | None, ...]:
    if node.transport == "local":
        return ("local",)
    return ((node.host or "").lower(), node.port, node.jump)


def _pair(index: int, node: NodeEntry, other: NodeEntry, mistakes: Mistakes) -> None:
    same_machine = _machine(node) == _machine(other)
    if same_machine and os.path.normpath(node.root) == os.path.normpath(other.root):
        mistakes.add(
            ("nodes", index, "root"),
            f'is also that of "{other.name}" on the same machine, expected a folder for each node',
        )
    if node.listen_port != other.listen_port:
        return
    hosts = {node.listen_host, other.listen_host}
    if same_machine and (len(hosts) == 1 or hosts & WILDCARDS):
        mistakes.add(
            ("nodes", index, "listen"),
            f'is port {node.listen_port}, which "{other.name}" on the same machine uses too,'
            " expected a port for each node",
        )
    elif node.address.lower() == other.address.lower():
        mistakes.add(
            ("nodes", index, "address"),
            f'with port {node.listen_port} is also that of "{other.name}", expected one for each node',
        )
