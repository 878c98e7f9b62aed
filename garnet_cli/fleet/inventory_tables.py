"""Read an inventory's tables key by key into typed entries, noting every mistake."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from garnet_cli.errors import UsageError
from garnet_cli.fleet.inventory import (
    CostSettings,
    DeploySettings,
    FleetSettings,
    Inventory,
    ModelEntry,
    NodeEntry,
    ProxySettings,
    TelemetrySettings,
)
from garnet_cli.fleet.inventory_costs import read_costs
from garnet_cli.fleet.inventory_deploy import read_deploy
from garnet_cli.fleet.inventory_keys import absolute, any_of, here, read_keys
from garnet_cli.fleet.inventory_mistakes import Mistakes
from garnet_cli.fleet.inventory_schema import FLEET_KEYS, MODEL_KEYS, NODE_KEYS, PROXY_KEYS
from garnet_cli.fleet.inventory_telemetry import ALERT_KEYS, TELEMETRY_KEYS
from garnet_cli.fleet.inventory_values import MODEL_NAME, nearest, shown
from garnet_cli.fleet.source import ModelSource, check_folder, parse_source
from garnet_cli.fleet.toml_lines import KeyPath
from node_scripts.monitor.config import AlertSettings

HEADERS = {
    "fleet": "[fleet]",
    "nodes": "[[nodes]]",
    "models": "[models.NAME]",
    "proxy": "[proxy]",
    "telemetry": "[telemetry]",
    "alerts": "[alerts]",
    "costs": "[costs]",
    "deploy": "[deploy]",
}
DEFAULT_LISTEN = next(key.default for key in PROXY_KEYS if key.name == "listen")
SSH_ONLY = ("host", "port", "user", "identity_file", "jump")
BYTES_PER_MB = 1024 * 1024
AWS_REGION = "us-east-1"
"""Where AWS names the right region for a bucket of another."""


@dataclass(slots=True)
class Tables:
    """What could be read; entries with mistakes are left out."""

    fleet: FleetSettings | None = None
    proxy: ProxySettings | None = None
    telemetry: TelemetrySettings | None = None
    alerts: AlertSettings | None = None
    costs: CostSettings | None = None
    deploy: DeploySettings | None = None
    nodes: dict[int, NodeEntry] = field(default_factory=dict)
    """By index in the file."""
    models: list[ModelEntry] = field(default_factory=list)
    node_names: dict[int, str] = field(default_factory=dict)
    """Every node's name by index, also of nodes with mistakes."""

    def inventory(self, path: Path) -> Inventory:
        """Return the inventory; to be called once no mistake was found."""
        if not (self.fleet and self.proxy and self.telemetry and self.alerts):
            raise ValueError("an inventory with mistakes has no result")
        if not (self.costs and self.deploy):
            raise ValueError("an inventory with mistakes has no result")
        budgets = {model.name: model.latency_p95_ms for model in self.models if model.latency_p95_ms}
        return Inventory(
            path=path,
            fleet=self.fleet,
            nodes=tuple(self.nodes.values()),
            models=tuple(self.models),
            proxy=self.proxy,
            telemetry=self.telemetry,
            alerts=replace(self.alerts, model_latency_p95_ms=budgets),
            costs=self.costs,
            deploy=self.deploy,
        )


def read_tables(document: dict[str, Any], folder: Path, mistakes: Mistakes) -> Tables:
    """Read all tables; ``folder`` is what relative paths start from."""
    for name in document:
        if name not in HEADERS:
            close = get_close_matches(name, list(HEADERS), n=1)
            hint = f"; did you mean {HEADERS[close[0]]}?" if close else ""
            mistakes.add((name,), f"is no table of an inventory, expected {any_of(HEADERS.values())}{hint}")
    tables = Tables()
    tables.fleet = _fleet(document.get("fleet", {}), folder, mistakes)
    tables.proxy = _proxy(document.get("proxy", {}), mistakes)
    tables.telemetry = _telemetry(document.get("telemetry", {}), folder, mistakes)
    tables.alerts = _alerts(document.get("alerts", {}), mistakes)
    tables.costs = read_costs(document.get("costs", {}), mistakes)
    tables.deploy = read_deploy(document.get("deploy", {}), mistakes)
    _nodes(document.get("nodes", []), folder, tables, mistakes)
    models = document.get("models", {})
    if not isinstance(models, dict):
        mistakes.add(("models",), f"is {shown(models)}, expected one table headed [models.NAME] for each")
        return tables
    for name, model in models.items():
        entry = _model(name, model, folder, tables, mistakes)
        if entry:
            tables.models.append(entry)
    return tables


def _fleet(table: Any, folder: Path, mistakes: Mistakes) -> FleetSettings | None:
    before = len(mistakes.found)
    values = read_keys(table, FLEET_KEYS, ("fleet",), "[fleet]", mistakes)
    for name in ("python", "environments"):
        absolute(values[name], ("fleet", name), mistakes)
    if len(mistakes.found) > before:
        return None
    if values["store"] and not values["store"].startswith("s3://"):
        values["store"] = here(values["store"], folder)
    values["known_hosts"] = Path(here(values["known_hosts"], folder))
    return FleetSettings(**values)


def _proxy(table: Any, mistakes: Mistakes) -> ProxySettings | None:
    before = len(mistakes.found)
    values = read_keys(table, PROXY_KEYS, ("proxy",), "[proxy]", mistakes)
    if len(mistakes.found) > before:
        return None
    host, port = values.pop("listen")
    size = round(values.pop("max_body_mb") * BYTES_PER_MB)
    return ProxySettings(listen_host=host, listen_port=port, max_body_bytes=size, **values)


def _telemetry(table: Any, folder: Path, mistakes: Mistakes) -> TelemetrySettings | None:
    before = len(mistakes.found)
    values = read_keys(table, TELEMETRY_KEYS, ("telemetry",), "[telemetry]", mistakes)
    if len(mistakes.found) > before:
        return None
    values["region"] = values["region"] or ("auto" if values["endpoint"] else AWS_REGION)
    values["secrets"] = Path(here(values["secrets"], folder)) if values["secrets"] else None
    return TelemetrySettings(**values)


def _alerts(table: Any, mistakes: Mistakes) -> AlertSettings | None:
    before = len(mistakes.found)
    values = read_keys(table, ALERT_KEYS, ("alerts",), "[alerts]", mistakes)
    return AlertSettings(**values) if len(mistakes.found) == before else None


def _nodes(nodes: Any, folder: Path, tables: Tables, mistakes: Mistakes) -> None:
    if not isinstance(nodes, list) or not all(isinstance(node, dict) for node in nodes):
        mistakes.add(("nodes",), f"is {shown(nodes)}, expected one table headed [[nodes]] for each node")
        return
    if not nodes:
        mistakes.add(("nodes",), "is missing, expected at least one node")
    for index, node in enumerate(nodes):
        if isinstance(node.get("name"), str):
            tables.node_names[index] = mistakes.node_names[index] = node["name"]
    for index, node in enumerate(nodes):
        entry = _node(node, ("nodes", index), folder, tables, mistakes)
        if entry:
            tables.nodes[index] = entry


def _node(
    table: dict[str, Any], path: KeyPath, folder: Path, tables: Tables, mistakes: Mistakes
) -> NodeEntry | None:
    before = len(mistakes.found)
    values = read_keys(table, NODE_KEYS, path, "[[nodes]]", mistakes)
    _check_node(table, values, path, folder, mistakes)
    if len(mistakes.found) > before:
        return None
    values["root"] = os.path.normpath(values["root"])
    fleet, proxy, local = tables.fleet, tables.proxy, values["transport"] == "local"
    listen = values.pop("listen") or ((proxy.listen_host, proxy.listen_port) if proxy else DEFAULT_LISTEN)
    if fleet:
        values["python"] = values["python"] or fleet.python
        values["environments"] = values["environments"] or fleet.environments
    values["address"] = values["address"] or values["host"] or "127.0.0.1"
    values["boot"] = not local if values["boot"] is None else values["boot"]
    if values["identity_file"]:
        values["identity_file"] = Path(here(values["identity_file"], folder))
    return NodeEntry(listen_host=listen[0], listen_port=listen[1], **values)


def _check_node(
    table: dict[str, Any], values: dict[str, Any], path: KeyPath, folder: Path, mistakes: Mistakes
) -> None:
    if values["transport"] == "local":
        for name in SSH_ONLY:
            if name in table:
                mistakes.add((*path, name), 'is for transport = "ssh", expected no such key on a local node')
        for name in ("root", "environments"):
            values[name] = values[name] and here(values[name], folder)
    elif "host" not in table:
        mistakes.add(
            path, 'host is missing, expected for example host = "mini-1.local" (or transport = "local")'
        )
    for name in ("root", "python", "environments"):
        absolute(values[name], (*path, name), mistakes)


def _model(name: str, table: Any, folder: Path, tables: Tables, mistakes: Mistakes) -> ModelEntry | None:
    path = ("models", name)
    before = len(mistakes.found)
    if not isinstance(table, dict):
        mistakes.add(path, f"is {shown(table)}, expected a table headed [models.NAME] for each model")
        return None
    if not MODEL_NAME.fullmatch(name):
        mistakes.add(path, f"{shown(name)} is no model name, expected 1 to 64 of A-Z, a-z, 0-9, ., _ and -")
    values = read_keys(table, MODEL_KEYS, path, f"[models.{name}]", mistakes)
    source = _source(values["source"], (*path, "source"), folder, mistakes)
    known = list(tables.node_names.values())
    names = known if values["nodes"] is None else values["nodes"]
    for node in names:
        if node not in known:
            hint = nearest(node, known) or (f", expected {any_of(known)}" if known else "")
            mistakes.add((*path, "nodes"), f"{shown(node)} is no node of this inventory{hint}")
    if source is None or len(mistakes.found) > before:
        return None
    return ModelEntry(
        name=name,
        source=source,
        nodes=tuple(names),
        context=values["context"],
        concurrency=values["concurrency"],
        latency_p95_ms=values["latency_p95_ms"],
        reference=values["reference"],
        cache_gb=values["cache_gb"],
        plan_requests_per_s=values["plan_requests_per_s"],
    )


def _source(text: str | None, path: KeyPath, folder: Path, mistakes: Mistakes) -> ModelSource | None:
    if text is None:
        return None
    try:
        source = parse_source(text, folder)
        check_folder(source)
    except UsageError as error:
        mistakes.add(path, error.message)
        return None
    return source
