"""From looks to the rows of `garnet top`: plain data. ``None`` is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from garnet_cli.dashboard.looks import Look
from garnet_cli.dashboard.parts import highest, items, number, part, total
from garnet_cli.dashboard.top_data import AlertRow, ModelRow, NodeRow, NodeState, TopView
from node_scripts.contracts import LoaderStatus, ProxyStatus

STALE_S = 30.0
"""A live file older than this says nothing of now: its monitor stands still."""
WINDOW_S = 300.0
"""The live file's counts are of this long."""


def top_view(
    fleet: str,
    looks: Sequence[Look],
    now_unix: float,
    models: Iterable[str] = (),
    *,
    has_store: bool = True,
) -> TopView:
    """Return the view; ``models`` are those of the inventory, in its order."""
    fresh = {look.node: live for look in looks if (live := _fresh(look)) is not None}
    waiting = [number(live, "spool_minutes") for live in fresh.values()]
    known = [int(count) for count in waiting if count is not None]
    failing = [name for name, live in fresh.items() if live.get("store_ok") is False]
    reached = any(live.get("store_ok") is True for live in fresh.values())
    return TopView(
        fleet=fleet,
        time_unix=now_unix,
        nodes=[_node_row(look, now_unix) for look in looks],
        models=_model_rows(looks, fresh, models),
        alerts=_alert_rows(fresh.values()),
        spool_minutes=sum(known) if known else None,
        store="failing" if failing else "ok" if reached else "unknown" if has_store else "off",
        store_failing=failing,
        incidents_open=sorted(
            {one for live in fresh.values() for one in items(live, "incidents_open") if isinstance(one, str)}
        ),
    )


def _fresh(look: Look) -> Mapping[str, Any] | None:
    """Return the live figures that still say something of now."""
    if look.error is not None or look.live is None:
        return None
    return look.live if look.live_age_s is not None and look.live_age_s <= STALE_S else None


def _node_row(look: Look, now_unix: float) -> NodeRow:
    seen_s = None if look.seen_unix is None else max(0.0, now_unix - look.seen_unix)
    if look.seen_unix is None or look.error is not None:
        waiting = look.error is None
        return NodeRow(
            node=look.node,
            state="waiting" if waiting else "lost",
            ailing=not waiting,
            note=look.error or "",
            seen_s=seen_s,
        )
    state, ailing, note = _state(look)
    live = _fresh(look) or {}
    sensors = part(part(live, "sample"), "sensors")
    temperature = part(sensors, "package_celsius") or part(sensors, "core_celsius")
    power = part(sensors, "watts")
    memory = number(sensors, "memory_total_bytes")
    available = number(sensors, "memory_available_bytes")
    level = number(sensors, "thermal_level")
    return NodeRow(
        node=look.node,
        state=state,
        ailing=ailing,
        note=note,
        celsius=number(temperature, "value"),
        celsius_source=str(temperature.get("source", "")),
        throttle_pct=number(live, "throttle_pct_5m"),
        level=None if level is None else int(level),
        watts=number(power, "value"),
        watts_source=str(power.get("source", "")),
        memory_used_bytes=None if memory is None or available is None else int(memory - available),
        memory_total_bytes=None if memory is None else int(memory),
        fan_rpm=number(part(sensors, "fan_rpm"), "value"),
        cpu_share=number(sensors, "cpu_share"),
        in_flight=None if look.proxy is None else look.proxy.in_flight,
        seen_s=seen_s,
    )


def _state(look: Look) -> tuple[NodeState, bool, str]:
    """Return a reached node's state, whether it ails, and why."""
    if look.proxy is None:
        return "no proxy", True, look.proxy_error or ""
    loaders = _active(look.proxy)
    ill = [loader for loader in loaders if loader.state in ("down", "suspect")]
    if ill:
        return "degraded", True, f"{ill[0].spec.model} is {ill[0].state}"
    if look.live is None:
        return _calm(loaders), True, look.live_error or "no monitor: `garnet up` starts it"
    if _fresh(look) is None:
        return _calm(loaders), True, "its monitor stands still"
    if look.live.get("settings_error"):
        return _calm(loaders), True, f"its monitor's settings: {look.live['settings_error']}"
    return _calm(loaders), False, ""


def _calm(loaders: Sequence[LoaderStatus]) -> NodeState:
    if not loaders:
        return "no model"
    return "starting" if any(loader.state == "starting" for loader in loaders) else "serving"


def _active(proxy: ProxyStatus) -> list[LoaderStatus]:
    return [slot.active for slot in proxy.slots if slot.active is not None]


def _model_rows(
    looks: Sequence[Look], fresh: Mapping[str, Mapping[str, Any]], models: Iterable[str]
) -> list[ModelRow]:
    reached = [look.proxy for look in looks if look.proxy is not None and look.error is None]
    names = dict.fromkeys(models)
    names.update(dict.fromkeys(slot.model for proxy in reached for slot in proxy.slots))
    for live in fresh.values():
        names.update(dict.fromkeys(name for name in part(live, "models") if name))
    return [_model_row(name, reached, fresh.values()) for name in names]


def _model_row(name: str, reached: Sequence[ProxyStatus], lives: Iterable[Mapping[str, Any]]) -> ModelRow:
    active = [loader for proxy in reached for loader in _active(proxy) if loader.spec.model == name]
    parts = [one for live in lives if (one := part(part(live, "models"), name))]
    states: dict[str, int] = {}
    for loader in active:
        states[loader.state] = states.get(loader.state, 0) + 1
    requests = total(parts, "requests_5m")
    errors = total(parts, "errors_5m")
    return ModelRow(
        model=name,
        requests_per_s=None if requests is None else requests / WINDOW_S,
        errors_5m=None if errors is None else int(errors),
        tokens_per_s=total(parts, "tokens_per_s"),
        p50_ms=highest(parts, "p50_ms"),
        p95_ms=highest(parts, "p95_ms"),
        first_token_p95_ms=highest(parts, "first_token_p95_ms"),
        in_flight=sum(loader.in_flight for loader in active) if active else None,
        queued=sum(loader.queued for loader in active) if active else None,
        hit_rate=_hit_rate(parts),
        loaders=states,
    )


def _hit_rate(parts: Iterable[Mapping[str, Any]]) -> float | None:
    """Return the nodes' mean, weighted by their requests as far as these are known."""
    rates = [
        (rate, max(1.0, number(one, "requests_5m") or 0.0))
        for one in parts
        if (rate := number(one, "hit_rate")) is not None
    ]
    return (
        sum(rate * weight for rate, weight in rates) / sum(weight for _, weight in rates) if rates else None
    )


def _alert_rows(lives: Iterable[Mapping[str, Any]]) -> list[AlertRow]:
    rows: dict[tuple[str, str, str], AlertRow] = {}
    for live in lives:
        for alert in items(live, "alerts"):
            if not isinstance(alert, dict):
                continue
            explained = f"explained by {alert['inhibited']}" if alert.get("inhibited") else ""
            row = AlertRow(
                node=str(alert.get("node", "")),
                rule=str(alert.get("rule", "")),
                subject=str(alert.get("subject", "")),
                severity=str(alert.get("severity", "")),
                says=str(alert.get("says", "")),
                value=number(alert, "value"),
                unit=str(alert.get("unit", "")),
                since_unix=number(alert, "since_unix"),
                untold="silenced" if alert.get("silenced") else explained,
            )
            rows.setdefault((row.node, row.rule, row.subject), row)
    return sorted(rows.values(), key=lambda row: (bool(row.untold), row.severity != "critical", row.node))
