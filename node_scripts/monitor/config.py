"""`etc/monitor.json` (what `garnet up` writes and the monitor reads) and the names in `etc/monitor.env`."""

from __future__ import annotations

from dataclasses import dataclass, field

from node_scripts.store.objects import StoreAddress

MONITOR_SCHEMA = 1

ACCESS_KEY_NAME = "GARNET_STORE_ACCESS_KEY_ID"
SECRET_KEY_NAME = "GARNET_STORE_SECRET_ACCESS_KEY"  # noqa: S105 -- the variable's name, not its value
ROUTES = ("alerts", "thermal", "monthly")
"""Where messages go. Each route's apprise URLs are secrets: they hold tokens."""


def route_name(route: str) -> str:
    """Return the variable that holds a route's apprise URLs, separated by blanks."""
    return f"GARNET_ROUTE_{route.upper()}"


SECRET_NAMES = (ACCESS_KEY_NAME, SECRET_KEY_NAME, *(route_name(route) for route in ROUTES))
"""What `etc/monitor.env` (mode 0600) may hold, one ``NAME=value`` a line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertSettings:
    """Thresholds and times of alerts; the units are in the names."""

    throttle_pct: float = 5.0
    throttle_warning_pct: float = 3.0
    latency_p95_ms: float = 100.0
    """Budget of the p95 latency over five minutes, of models without one of their own."""
    model_latency_p95_ms: dict[str, float] = field(default_factory=dict)
    loader_restarts: int = 3
    """In ten minutes."""
    evictions_per_minute: float = 30.0
    swap_used_mb: float = 1024.0
    disk_free_pct: float = 10.0
    clock_offset_s: float = 2.0
    spool_minutes: int = 15
    store_unreachable_s: float = 600.0
    node_missing_s: float = 15.0
    """Without a heartbeat before the alert fires."""
    repeat_s: float = 4 * 3600.0
    """Between two messages of one alert that goes on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MonitorConfig:
    """All that one node's monitor knows of the fleet, but for secrets."""

    schema: int = MONITOR_SCHEMA
    fleet: str
    node: str
    nodes: list[str]
    """All of the fleet's nodes in the inventory's order; the first living one speaks for the dead."""
    store: StoreAddress | None = None
    """``None``: minutes stay in the spool, up to its limit."""
    spool_limit_bytes: int = 512 * 1024 * 1024
    sample_s: float = 5.0
    minute_s: int = 60
    """Length of a telemetry minute; shorter in trials only."""
    power_meter: str | None = None
    """``shelly://host[/id]``, ``tasmota://host`` or ``apc://community@host/outlet``."""
    clock_server: str | None = None
    """NTP server; ``None``: the peers' clocks."""
    alerts: AlertSettings = field(default_factory=AlertSettings)
