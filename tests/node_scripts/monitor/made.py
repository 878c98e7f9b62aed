"""Samples, records and settings for tests of the monitor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from node_scripts.contracts import (
    Latency,
    LoaderSpec,
    LoaderStats,
    LoaderStatus,
    PeerStatus,
    ProxyStatus,
    SlotStatus,
)
from node_scripts.monitor.sample import ModelSample, Sample, SensorSample
from node_scripts.records import RequestRecord

MINUTE = 1_795_000_020
"""Begin of a minute; a multiple of 60."""


def record(end_unix: float = MINUTE + 1, **changes: Any) -> RequestRecord:
    """Return an answered request of this node's own client."""
    given: dict[str, Any] = {
        "end_unix": end_unix,
        "model": "tiny",
        "outcome": "answered",
        "served_by": "loader-1",
        "prompt_tokens": 10,
        "cached_tokens": 4,
        "completion_tokens": 6,
        "latency_ms": 120.0,
        "first_token_ms": 20.0,
        **changes,
    }
    return RequestRecord(**given)


def sensors(**changes: Any) -> SensorSample:
    """Return what sensors read."""
    return SensorSample(**changes)


def model(**changes: Any) -> ModelSample:
    """Return an idle loader."""
    given: dict[str, Any] = {
        "loader": "loader-1",
        "pid": 100,
        "state": "ready",
        "in_flight": 0,
        "queued": 0,
        "packed": False,
        **changes,
    }
    return ModelSample(**given)


def sample(at_unix: float = MINUTE + 5, dt_s: float = 5.0, **changes: Any) -> Sample:
    """Return one look."""
    given: dict[str, Any] = {
        "time_unix": at_unix,
        "monotonic_s": at_unix - MINUTE + 1000,
        "dt_s": dt_s,
        "sensors": SensorSample(),
        "proxy_up": True,
        **changes,
    }
    return Sample(**given)


def status(
    *,
    pid: int = 50,
    release: str = "r1",
    stats: LoaderStats | None = None,
    loader_pid: int | None = 100,
    **more: Any,
) -> ProxyStatus:
    """Return a proxy's status with one loader."""
    loader = LoaderStatus(
        spec=LoaderSpec(
            name=more.pop("loader", "loader-1"),
            model="tiny",
            artifact="a1",
            runtime="r",
            http_socket="/h",
            stats_socket="/s",
            source="hf:tiny",
        ),
        state="ready",
        in_flight=more.pop("in_flight", 0),
        queued=0,
        served=0,
        errors=0,
        latency=Latency(count=0),
        pid=loader_pid,
        stats=stats,
        busy_s=more.pop("busy_s", None),
    )
    return ProxyStatus(
        node="n1",
        pid=pid,
        release=release,
        started_unix=1.0,
        listen="127.0.0.1:1",
        slots=[SlotStatus(model="tiny", active=loader)],
        peers=[
            PeerStatus(name=name, reachable=reachable, age_s=1.0, models=[])
            for name, reachable in more.pop("peers", {}).items()
        ],
        requests=0,
        failed=0,
        rejected=0,
        in_flight=0,
        **more,
    )


def configure(root: Path, **changes: Any) -> None:
    """Write a node's etc/monitor.json: short minutes, no store unless one is given."""
    settings = {"fleet": "f", "node": "n1", "nodes": ["n1"], "sample_s": 0.25, "minute_s": 1, **changes}
    (root / "etc").mkdir(parents=True, exist_ok=True)
    (root / "etc" / "monitor.json").write_text(json.dumps(settings))
