"""A report's figures added up anew from raw minutes and events, by other code than the report's own."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from garnet_cli.judge.uptime import uptime
from node_scripts.histogram import Histogram
from node_scripts.records import Minute

Figures = dict[str, Any]


def recomputed(
    minutes: Sequence[Minute], nodes: Sequence[str], begin: int, end: int, timezone: str
) -> Figures:
    """Return figures by the paths that the report's JSON has them under; rows by what they are about."""
    return {
        **_volume(minutes),
        **_models(minutes),
        **_days(minutes, timezone),
        **_thermal(minutes),
        **_nodes(minutes),
        **_loaders(minutes),
        **_uptime(minutes, nodes, begin, end),
        **_completeness(minutes, nodes, begin, end),
    }


def _volume(minutes: Sequence[Minute]) -> Figures:
    found: Figures = Counter()
    for minute in minutes:
        for name, model in minute.models.items():
            client = model.client
            found["volume.requests"] += client.requests
            found["volume.answered"] += client.answered
            found["volume.cancelled"] += client.cancelled
            found["volume.errors"] += sum(client.errors.values())
            found["volume.prompt_tokens"] += client.prompt_tokens
            found["volume.cached_tokens"] += client.cached_tokens
            found["volume.completion_tokens"] += client.completion_tokens
            found["volume.tokens"] += client.prompt_tokens + client.completion_tokens
            found["volume.unknown_model_requests"] += client.requests if not name else 0
    asked = found["volume.requests"] - found["volume.cancelled"]
    return {**found, "volume.error_pct": 100 * found["volume.errors"] / asked if asked else None}


def _models(minutes: Sequence[Minute]) -> Figures:
    tokens: dict[str, int] = defaultdict(int)
    latency: dict[str, Histogram] = defaultdict(Histogram)
    for minute in minutes:
        for name, model in minute.models.items():
            if name:
                tokens[name] += model.client.prompt_tokens + model.client.completion_tokens
                latency[name].merge(model.client.latency_ms)
    found: Figures = {}
    for name, count in tokens.items():
        found[f"volume.models[{name}].tokens"] = count
        found[f"volume.models[{name}].latency_p50_ms"] = latency[name].quantile(0.5)
        found[f"volume.models[{name}].latency_p95_ms"] = latency[name].quantile(0.95)
    return found


def _days(minutes: Sequence[Minute], timezone: str) -> Figures:
    zone = ZoneInfo(timezone)
    found: Figures = Counter()
    for minute in minutes:
        day = datetime.fromtimestamp(minute.minute_unix, zone).date().isoformat()
        for model in minute.models.values():
            found[f"volume.days[{day}].requests"] += model.client.requests
            found[f"volume.days[{day}].completion_tokens"] += model.client.completion_tokens
    return dict(found)


def _thermal(minutes: Sequence[Minute]) -> Figures:
    packed = sum(minute.thermal.packed_s for minute in minutes)
    throttled = sum(minute.thermal.packed_throttled_s for minute in minutes)
    peaks = [one.thermal.package_celsius.maximum for one in minutes if one.thermal.package_celsius]
    return {
        "thermal.throttle_pct": 100 * throttled / packed if packed else None,
        "thermal.peak_package_celsius": max(peaks, default=None),
    }


def _nodes(minutes: Sequence[Minute]) -> Figures:
    found: Figures = {}
    for node in {minute.node for minute in minutes}:
        mine = [minute for minute in minutes if minute.node == node]
        busy = sum(minute.thermal.packed_s for minute in mine)
        throttled = sum(minute.thermal.packed_throttled_s for minute in mine)
        found[f"thermal.nodes[{node}].busy_hours"] = busy / 3600
        found[f"thermal.nodes[{node}].throttle_pct"] = 100 * throttled / busy if busy else None
    return found


def _loaders(minutes: Sequence[Minute]) -> Figures:
    busy: dict[tuple[str, str], float] = defaultdict(float)
    observed: dict[tuple[str, str], float] = defaultdict(float)
    requests: Counter[tuple[str, str]] = Counter()
    evictions = 0
    for minute in minutes:
        for name, model in minute.models.items():
            key = (name, minute.node)
            busy[key] += model.loader.busy_s or 0.0
            observed[key] += model.loader.observed_s
            requests[key] += model.loader.requests
            evictions += model.loader.evictions or 0
    found: Figures = {"evictions.cache_evictions": evictions}
    for model_name, node in requests:
        if model_name and observed[(model_name, node)]:
            place = f"distribution.placed[{model_name} {node}]"
            found[f"{place}.requests"] = requests[(model_name, node)]
            found[f"{place}.busy_pct"] = 100 * busy[(model_name, node)] / observed[(model_name, node)]
    return found


def _uptime(minutes: Sequence[Minute], nodes: Sequence[str], begin: int, end: int) -> Figures:
    told = uptime(minutes, nodes, begin, end)
    found: Figures = {"uptime.serving.uptime_pct": told.serving.uptime_pct}
    for node, one in told.nodes.items():
        found[f"uptime.nodes[{node}].up_s"] = one.up_s
        found[f"uptime.nodes[{node}].down_s"] = one.down_s
        found[f"uptime.nodes[{node}].unknown_s"] = one.unknown_s
    return found


def _completeness(minutes: Sequence[Minute], nodes: Sequence[str], begin: int, end: int) -> Figures:
    present = {(minute.node, minute.minute_unix) for minute in minutes}
    return {
        "completeness.expected_minutes": (end - begin) // 60 * len(nodes),
        "completeness.present_minutes": len(present),
        "completeness.complete_pct": 100 * len(present) / ((end - begin) // 60 * len(nodes)),
        "completeness.missed_samples": sum(minute.monitor.missed for minute in minutes),
    }
