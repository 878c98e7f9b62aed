"""Looks at nodes that never were: proxies' statuses and monitors' live files of the real shapes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from garnet_cli.dashboard.looks import Look
from node_scripts.contracts import (
    Latency,
    LoaderSpec,
    LoaderState,
    LoaderStatus,
    ProxyStatus,
    SlotStatus,
)
from tests.garnet_cli.dashboard.simulated import GIB, MODELS, NODES

NOW = 1_793_725_300.0


def proxy_status(
    node: str, models: Sequence[str], state: LoaderState = "ready", in_flight: int = 2
) -> ProxyStatus:
    """Return a proxy's status with one active loader a model."""
    slots = [
        SlotStatus(
            model=model,
            active=LoaderStatus(
                spec=LoaderSpec(
                    name="loader-1",
                    model=model,
                    artifact="a1",
                    runtime="r1",
                    http_socket="/r/run/l.sock",
                    stats_socket="/r/run/s.sock",
                ),
                state=state,
                in_flight=in_flight,
                queued=max(0, in_flight - 2),
                served=100,
                errors=0,
                latency=Latency(count=0),
            ),
        )
        for model in models
    ]
    return ProxyStatus(
        node=node,
        pid=1,
        release="a41f09c2",
        started_unix=NOW - 86_400,
        listen="0.0.0.0:8080",
        slots=slots,
        peers=[],
        requests=1000,
        failed=1,
        rejected=2,
        in_flight=in_flight * len(models),
    )


def live(node: str, models: Sequence[str], *, seed: int = 3, **more: Any) -> dict[str, Any]:
    """Return what a monitor's live file holds."""
    chance = random.Random(f"{node} {seed}")
    return {
        "schema": 1,
        "time_unix": NOW - 1.5,
        "node": node,
        "release": "a41f09c2",
        "sample": {
            "time_unix": NOW - 1.5,
            "sensors": {
                "thermal_level": 0,
                "thermal_source": "notifyutil",
                "package_celsius": {"value": chance.uniform(58, 74), "source": "macmon:cpu_temp_avg"},
                "core_celsius": None,
                "fan_rpm": {"value": chance.uniform(1700, 2600), "source": "ismc"},
                "watts": {"value": chance.uniform(31, 52), "source": "shelly"},
                "memory_total_bytes": 64 * GIB,
                "memory_available_bytes": round(chance.uniform(14, 24) * GIB),
                "cpu_share": chance.uniform(0.1, 0.4),
                "errors": [],
            },
            "proxy_up": True,
        },
        "throttle_pct_5m": 0.0,
        "models": {
            model: {
                "requests_5m": chance.randrange(150, 420),
                "errors_5m": 0,
                "tokens_per_s": chance.uniform(40, 130),
                "p50_ms": chance.uniform(600, 900),
                "p95_ms": chance.uniform(1200, 2100),
                "first_token_p95_ms": chance.uniform(180, 320),
                "in_flight": 2,
                "queued": 0,
                "hit_rate": chance.uniform(0.5, 0.8),
            }
            for model in models
        },
        "alerts": [],
        "spool_minutes": 0,
        "spool_bytes": 0,
        "store_ok": True,
        "last_shipped_unix": NOW - 30,
        "incidents_open": [],
        **more,
    }


def alert(node: str, rule: str, says: str, value: float, unit: str, **more: Any) -> dict[str, Any]:
    """Return a firing alert as a live file holds it."""
    return {
        "rule": rule,
        "severity": "warning",
        "route": "alerts",
        "node": node,
        "subject": "",
        "says": says,
        "value": value,
        "unit": unit,
        "since_unix": NOW - 1260,
        "told": True,
        "silenced": "",
        "inhibited": "",
        **more,
    }


def look(node: str, models: Sequence[str] = MODELS[:2], **more: Any) -> Look:
    """Return a look at a node that is well; ``more`` goes into its live file."""
    return Look(
        node=node,
        seen_unix=NOW - 1.0,
        proxy=proxy_status(node, models, in_flight=2),
        live=live(node, models, **more),
        live_age_s=1.5,
    )


def fleet(nodes: Sequence[str] = NODES, models: Sequence[str] = MODELS) -> list[Look]:
    """Return looks at a fleet: one node throttles, one is lost."""
    looks = [look(node, models[number % 2 :: 2]) for number, node in enumerate(nodes)]
    if len(nodes) > 3:
        hot = alert(nodes[2], "throttle", "throttles while it has work", 6.2, "%", severity="critical")
        looks[2] = look(nodes[2], models[::2], throttle_pct_5m=6.2, alerts=[hot])
        away = alert(
            nodes[-1],
            "node-missing",
            "missed its heartbeat",
            63,
            "s",
            severity="critical",
            since_unix=NOW - 63,
        )
        looks[0] = look(nodes[0], models[::2], alerts=[away])
        looks[-1] = Look(
            node=nodes[-1], seen_unix=NOW - 64, error="the node has not answered for 45 s", proxy=None
        )
    return looks
