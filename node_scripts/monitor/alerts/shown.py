"""An entry of the engine's memory as people and the audit log see it."""

from __future__ import annotations

from typing import Any

from node_scripts.events import new_event
from node_scripts.monitor.alerts.rules import RULE_BY_NAME
from node_scripts.monitor.alerts.state import ActiveAlert, Entry
from node_scripts.monitor.config import MonitorConfig
from node_scripts.records import Event


def shown(entry: Entry) -> ActiveAlert:
    """Return the alert with what its rule says of it."""
    rule = RULE_BY_NAME[entry.rule]
    return ActiveAlert(
        rule=entry.rule,
        severity=rule.severity,
        route=rule.route,
        node=entry.node,
        subject=entry.subject,
        says=f"{rule.says}: {entry.explained}" if entry.explained else rule.says,
        value=entry.value,
        unit=rule.unit,
        compare=rule.compare,
        threshold=entry.threshold,
        since_unix=entry.since_unix,
        told=entry.told,
        silenced=entry.silenced,
        inhibited=entry.inhibited,
        cause=rule.cause,
        command=rule.command.format(node=entry.node, subject=entry.subject),
    )


def event_of(entry: Entry, action: str, config: MonitorConfig, time_unix: float, **more: Any) -> Event:
    """Return the audit log's line about what has happened to an alert."""
    rule = RULE_BY_NAME[entry.rule]
    detail = {
        "node": entry.node,
        "subject": entry.subject,
        "severity": rule.severity,
        "value": entry.value,
        "unit": rule.unit,
        "threshold": entry.threshold,
        "since_unix": entry.since_unix,
        **({"reason": entry.reason} if entry.reason else {}),
        **more,
    }
    return new_event(
        time_unix=time_unix,
        fleet=config.fleet,
        node=config.node,
        kind="alert",
        subject=entry.rule,
        action=action,
        detail=detail,
    )


def why_untold(entry: Entry) -> str:
    """Say why nobody was told of an alert that fired."""
    if entry.silenced:
        return "silenced"
    if entry.inhibited:
        return f"explained by {entry.inhibited}"
    return "raised by a peer" if entry.elsewhere else "never delivered"
