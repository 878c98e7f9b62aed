"""What a node's live file says of its monitor, its alerts and its sensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from garnet_cli.fleet.facts import NodeFacts
from garnet_cli.fleet.inventory import NodeEntry
from garnet_cli.judge.checks import CLOCK_FAIL_S, CLOCK_WARN_S, Check
from garnet_cli.judge.difference import MONITOR_JOB
from node_scripts.monitor.alerts.messages import figure, when
from node_scripts.monitor.config import route_name

STALE_S = 60.0
"""A monitor that has not looked for so long has lost a whole minute; it looks every few seconds."""

ALERT_ROUTES = ("alerts", "thermal")
"""Of the routes, those that alerts take."""

METERS = ("shelly", "tasmota", "apc")


def age_s(facts: NodeFacts) -> float | None:
    """Return the seconds since the monitor last looked, by the node's own clock; ``None`` for never."""
    looked = (facts.live or {}).get("time_unix")
    return max(0.0, facts.time_unix - float(looked)) if looked is not None else None


def status_lines(node: str, facts: NodeFacts) -> Iterator[str]:
    """Yield what `garnet status` says of a node's monitor and of its alerts; nothing while all is well."""
    age = age_s(facts)
    job = facts.job(MONITOR_JOB)
    if job is None and age is None:
        return
    if job is None:
        yield f"{node}: no monitor runs; start it with `garnet up {node}`"
    elif age is None or age > STALE_S:
        since = "yet" if age is None else f"for {age:.0f} s"
        yield f"{node}: the monitor has not looked {since}; see `garnet logs {node} --job {MONITOR_JOB}`"
    elif error := (facts.live or {}).get("settings_error"):
        yield f"{node}: the monitor works by its older settings: {error}; run `garnet up {node}`"
    for alert in (facts.live or {}).get("alerts", []):
        yield alert_line(node, alert)


def alert_line(node: str, alert: Mapping[str, Any]) -> str:
    """Return one line for a firing alert, as the node's live file holds it."""
    about = alert["subject"] or alert["node"]
    value, threshold = (figure(alert[name], alert["unit"]) for name in ("value", "threshold"))
    held = [f"silenced: {alert['silenced']}"] if alert["silenced"] else []
    held += [f"explained by {alert['inhibited']}"] if alert["inhibited"] else []
    line = (
        f"{node}: {alert['severity']}: {about} {alert['says']}: {value} ({alert['compare']} {threshold})"
        f" since {when(alert['since_unix'])}"
    )
    return "; ".join([line, *held, alert["command"]])


def monitor_checks(entry: NodeEntry, facts: NodeFacts) -> Iterator[Check]:
    """Yield `garnet check`'s rows about a node's monitor and what it reads."""
    age = age_s(facts)
    if facts.job(MONITOR_JOB) is None:
        yield Check(entry.name, "monitor", "warning", "does not run", "run `garnet up`")
    elif age is None or age > STALE_S:
        detail = "has never looked" if age is None else f"looked {age:.0f} s ago"
        yield Check(entry.name, "monitor", "failed", detail, f"look at `garnet logs {entry.name}`")
    elif error := (facts.live or {}).get("settings_error"):
        yield Check(
            entry.name, "monitor", "failed", f"works by its older settings: {error}", "run `garnet up`"
        )
    else:
        waiting = (facts.live or {}).get("spool_minutes")
        more = "" if waiting is None else f", {waiting} minutes wait to be shipped"
        yield Check(entry.name, "monitor", "ok", f"looked {age:.0f} s ago{more}")
    fresh = age is not None and age <= STALE_S
    sensors = ((facts.live or {}).get("sample") or {}).get("sensors") or {} if fresh else {}
    if fresh:
        yield _clock(entry, sensors)
    if facts.job(MONITOR_JOB) is not None and not any(
        route_name(one) in facts.monitor_secrets for one in ALERT_ROUTES
    ):
        name = route_name(ALERT_ROUTES[0])
        remedy = f"set {name}, here or in the file that secrets in [telemetry] names, and run `garnet up`"
        yield Check(entry.name, "alert routes", "warning", "none has a URL: nobody is told of alerts", remedy)
    if entry.power_meter is not None:
        yield _meter(entry, sensors, fresh=fresh)


def _clock(entry: NodeEntry, sensors: Mapping[str, Any]) -> Check:
    offset, source = sensors.get("clock_offset_s"), sensors.get("clock_source") or "its reference"
    if offset is None:
        remedy = "name a server with clock_server in [telemetry], and see that the node reaches it"
        return Check(entry.name, "clock offset", "warning", "unknown", remedy)
    detail = f"{offset:+.3f} s against {source}"
    remedy = "turn on network time on the node (macOS: sudo systemsetup -setusingnetworktime on)"
    if abs(offset) > CLOCK_FAIL_S:
        return Check(entry.name, "clock offset", "failed", detail, remedy)
    if abs(offset) > CLOCK_WARN_S:
        return Check(entry.name, "clock offset", "warning", detail, remedy)
    return Check(entry.name, "clock offset", "ok", detail)


def _meter(entry: NodeEntry, sensors: Mapping[str, Any], *, fresh: bool) -> Check:
    if not fresh:
        return Check(entry.name, "power meter", "warning", "asked by the monitor only", "run `garnet up`")
    watts = sensors.get("watts") or {}
    if watts.get("source") in METERS:
        return Check(entry.name, "power meter", "ok", f"{watts['value']:.1f} W ({watts['source']})")
    remedy = "see that the node reaches it, and that power_meter in [[nodes]] is right"
    return Check(entry.name, "power meter", "failed", "does not answer the node", remedy)
