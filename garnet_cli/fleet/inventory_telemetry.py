"""The keys of `[telemetry]` and `[alerts]`, as in `inventory_schema`."""

from __future__ import annotations

from typing import Any

from garnet_cli.fleet.inventory import TelemetrySettings
from garnet_cli.fleet.inventory_keys import Key
from garnet_cli.fleet.inventory_urls import clock_server, endpoint, seconds_of_a_minute
from garnet_cli.fleet.inventory_values import REGION, number, text, whole
from node_scripts.monitor.config import AlertSettings


def _default(settings: type, field: str) -> Any:
    return settings.__dataclass_fields__[field].default  # type: ignore[attr-defined]


def _key(name: str, read: Any, doc: str, example: str, default_text: str = "") -> Key:
    return Key(name, read, doc, example, _default(TelemetrySettings, name), default_text)


def _alert(name: str, read: Any, doc: str, example: str) -> Key:
    return Key(name, read, doc, example, _default(AlertSettings, name))


TELEMETRY_KEYS = (
    _key("endpoint", endpoint,
        "URL of the S3 server that holds `store`; left out for AWS. `http://` is taken to this machine and to"
        " private networks only.", '"https://0123456789abcdef.r2.cloudflarestorage.com"', "AWS's"),
    Key("region", text("a region's name", REGION), "The bucket's region.", '"auto"',
        default_text='"auto" with `endpoint`, else "us-east-1"'),
    _key("secrets", text("a path"),
        "File of this machine, mode 0600, with the store's keys and the alert routes' URLs, one `NAME=value`"
        " a line; the environment's variables of the same names win.", '"secrets.env"',
        "the environment only"),
    _key("spool_limit_mb", whole(1, 1_000_000),
        "Most that waits on a node's disk for the store, in MB (1,048,576 bytes); beyond it the oldest"
        " minutes are dropped, and counted.", "512"),
    _key("clock_server", clock_server,
        "NTP server that the nodes' clocks are compared with; they are never set.", '"time.apple.com"',
        "the other nodes' clocks"),
    _key("retention_raw_days", whole(1, 3650),
        "Days that single minutes stay in the store once they are compacted.", "7"),
    _key("retention_days", whole(1, 36500), "Days that compacted minutes and events stay in the store.",
        "400"),
    _key("minute_s", seconds_of_a_minute,
        "Length of a telemetry minute in seconds, which must divide 60; less than 60 for trials only.", "60"),
    _key("sample_s", number(0.2, 30), "Seconds between two looks at a node.", "5"),
)  # fmt: skip

ALERT_KEYS = (
    _alert("throttle_pct", number(0, 100),
        "Percentage of a node's busy time over five minutes in which its chip may be throttled.", "5"),
    _alert("throttle_warning_pct", number(0, 100), "As `throttle_pct`, for the warning before it.", "3"),
    _alert("latency_p95_ms", number(0.1, 3_600_000),
        "Budget of the p95 latency in milliseconds, over five minutes, of models without one of their own.",
        "100"),
    _alert("loader_restarts", whole(1, 1000),
        "Times that a model's loader starts anew in ten minutes from which on it is an alert.", "3"),
    _alert("evictions_per_minute", number(0.1, 1_000_000),
        "Sequences that a loader's prompt cache may evict in a minute.", "30"),
    _alert("swap_used_mb", number(1, 10_000_000), "Swap space in use, in MB (1,048,576 bytes).", "1024"),
    _alert("disk_free_pct", number(0, 100), "Percentage of the disk that should stay free.", "10"),
    _alert("clock_offset_s", number(0.01, 3600), "Seconds that a node's clock may be off.", "2"),
    _alert("spool_minutes", whole(2, 1_000_000), "Minutes that may wait on a node for the store.", "15"),
    _alert("store_unreachable_s", number(1, 1_000_000), "Seconds for which the store may be away.", "600"),
    _alert("node_missing_s", number(1, 86400),
        "Seconds without a heartbeat after which a node counts as missing.", "15"),
    _alert("repeat_s", number(10, 31_536_000),
        "Seconds between two messages of one alert that goes on.", "14400"),
)  # fmt: skip
