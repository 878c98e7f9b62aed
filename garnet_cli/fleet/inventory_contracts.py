"""Build from the inventory what one node is told: its fleet.json and how to reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from garnet_cli.fleet.inventory import Inventory, NodeEntry
from garnet_cli.fleet.inventory_values import split_jump
from node_scripts.contracts import SCHEMA, FleetConfig, ModelConfig, PeerConfig, ProxyConfig
from node_scripts.monitor.config import MonitorConfig
from node_scripts.store.objects import StoreAddress

if TYPE_CHECKING:
    from garnet_cli.fleet.node import NodeTarget

BYTES_PER_MB = 1024 * 1024
CONNECT_TIMEOUT_S = 10.0
"""Longest wait for a node to accept a connection."""


def fleet_config(inventory: Inventory, node: NodeEntry) -> FleetConfig:
    """Return `etc/fleet.json` of ``node``: all models of the fleet, the other nodes as peers."""
    proxy = inventory.proxy
    return FleetConfig(
        schema=SCHEMA,
        fleet=inventory.fleet.name,
        node=node.name,
        peers=[
            PeerConfig(name=peer.name, host=peer.address, port=peer.listen_port)
            for peer in inventory.nodes
            if peer.name != node.name
        ],
        models=[
            ModelConfig(
                name=model.name,
                nodes=list(model.nodes),
                concurrency=model.concurrency,
                context=model.context,
            )
            for model in inventory.models
        ],
        proxy=ProxyConfig(
            listen_host=node.listen_host,
            listen_port=node.listen_port,
            latency_budget_ms=proxy.latency_budget_ms,
            queue_limit=proxy.queue_limit,
            queue_timeout_s=proxy.queue_timeout_s,
            first_byte_timeout_s=proxy.first_byte_timeout_s,
            stall_timeout_s=proxy.stall_timeout_s,
            max_body_bytes=proxy.max_body_bytes,
            max_tokens_limit=proxy.max_tokens_limit,
        ),
    )


def monitor_config(inventory: Inventory, node: NodeEntry) -> MonitorConfig:
    """Return `etc/monitor.json` of ``node``."""
    telemetry = inventory.telemetry
    return MonitorConfig(
        fleet=inventory.fleet.name,
        node=node.name,
        nodes=[entry.name for entry in inventory.nodes],
        store=store_address(inventory),
        spool_limit_bytes=telemetry.spool_limit_mb * BYTES_PER_MB,
        sample_s=telemetry.sample_s,
        minute_s=telemetry.minute_s,
        power_meter=node.power_meter,
        clock_server=telemetry.clock_server,
        alerts=inventory.alerts,
    )


def store_address(inventory: Inventory) -> StoreAddress | None:
    """Return where the fleet's store is; ``None`` without one."""
    if inventory.fleet.store is None:
        return None
    telemetry = inventory.telemetry
    return StoreAddress(url=inventory.fleet.store, endpoint=telemetry.endpoint, region=telemetry.region)


def node_target(inventory: Inventory, node: NodeEntry) -> NodeTarget:  # noqa: ARG001 -- as fleet_config
    """Return how to reach ``node``; the fleet's host keys are in ``inventory.fleet.known_hosts``."""
    from garnet_cli.fleet.node import Jump, NodeTarget  # noqa: PLC0415 -- loaded where nodes are reached

    jump = None
    if node.jump is not None:
        user, host, port = split_jump(node.jump)
        jump = Jump(user=user, host=host, port=port)
    return NodeTarget(
        name=node.name,
        transport=node.transport,
        host=node.host or "localhost",
        port=node.port,
        user=node.user,
        identity_file=node.identity_file,
        jump=jump,
        root=node.root,
        python=node.python,
        environments=node.environments,
        connect_timeout_s=CONNECT_TIMEOUT_S,
    )
