"""Alerts as nodes tell them: what fires, silences, test messages, and nodes that have fallen silent."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from garnet_cli.actions.control import Asks
from garnet_cli.actions.events import act
from garnet_cli.errors import NodeError, UsageError
from garnet_cli.fleet.inventory_values import nearest
from node_scripts.decoding import convert
from node_scripts.monitor.alerts.delivery import Delivered, deliver_to_each, urls_of
from node_scripts.monitor.alerts.messages import trial
from node_scripts.monitor.alerts.rules import RULE_BY_NAME
from node_scripts.monitor.alerts.silences import ANY, Silence
from node_scripts.monitor.alerts.state import ActiveAlert
from node_scripts.store.layout import minute_key, minutes_prefix, parse_minute_key
from node_scripts.store.objects import ObjectStore

STALE_S = 120.0
"""A monitor looks every five seconds: one whose last look is older does not run."""
ALL = "all"
LONGEST_SILENCE_S = 30 * 86400.0
UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
RECENT_S = 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeAlerts:
    """What one node's monitor tells."""

    node: str
    time_unix: float | None
    """When it looked last; ``None``: never."""
    alerts: list[ActiveAlert]
    silences_error: str = ""
    """Why its silences are not in force; empty while they are."""

    def fresh(self, now_unix: float) -> bool:
        """Say whether its monitor runs."""
        return self.time_unix is not None and now_unix - self.time_unix <= STALE_S


@dataclass(frozen=True, kw_only=True, slots=True)
class Reported:
    """When a node's newest minute in the store ended."""

    node: str
    end_unix: float | None
    """``None``: there is none of today or yesterday."""


def read_alerts(node: Asks) -> NodeAlerts:
    """Return what fires by one node's word; raises NodeError for a live file of another shape."""
    live = node.ask("read_live")
    if live is None:
        return NodeAlerts(node=node.name, time_unix=None, alerts=[])
    try:
        alerts = convert(live.get("alerts", []), list[ActiveAlert])
        return NodeAlerts(
            node=node.name,
            time_unix=float(live["time_unix"]),
            alerts=alerts,
            silences_error=str(live.get("silences_error", "")),
        )
    except (msgspec.ValidationError, KeyError, TypeError) as error:
        raise NodeError(
            f"its monitor writes another shape: {error}", node=node.name, remedy="run `garnet up`"
        ) from error


def needs_attention(alert: ActiveAlert) -> bool:
    """Say whether a firing alert is neither silenced nor explained by another."""
    return not alert.silenced and not alert.inhibited


def new_silence(
    rule: str, node: str | None, duration: str, reason: str, who: str, now_unix: float, nodes: Sequence[str]
) -> Silence:
    """Return a silence; raises UsageError for a rule, a node or a duration that there is not."""
    if node is not None and node not in nodes:
        raise UsageError(f'no node "{node}"{nearest(node, list(nodes)) or "; there are " + ", ".join(nodes)}')
    if not reason.strip():
        raise UsageError("a silence needs --reason: others will ask")
    return Silence(
        id=secrets.token_hex(4),
        rule=known_rule(rule),
        node=node or ANY,
        until_unix=now_unix + seconds_of(duration),
        reason=reason.strip(),
        who=who,
        created_unix=now_unix,
    )


def known_rule(rule: str) -> str:
    """Return a rule's name as silences have it; raises UsageError for one that there is not."""
    if rule in (ALL, ANY):
        return ANY
    if rule not in RULE_BY_NAME:
        known = [ALL, *RULE_BY_NAME]
        raise UsageError(f'no rule "{rule}"{nearest(rule, known) or "; there are " + ", ".join(known)}')
    return rule


def seconds_of(duration: str) -> float:
    """Read ``90s``, ``30m``, ``2h`` or ``3d``; raises UsageError for another form, 0 and beyond 30 days."""
    match = re.fullmatch(r"(\d{1,6})([smhd])", duration)
    seconds = int(match[1]) * UNITS_S[match[2]] if match else 0.0
    if not 0 < seconds <= LONGEST_SILENCE_S:
        raise UsageError(f'"{duration}" is no duration, expected such as 30m, 2h or 3d, at most 30d')
    return seconds


def add_silence(node: Asks, silence: Silence) -> list[Silence]:
    """Write a silence to one node and return all of its."""
    event = act(
        "alert",
        silence.rule,
        "silenced",
        silence.who,
        node=silence.node,
        until_unix=silence.until_unix,
        reason=silence.reason,
    )
    return _change(node, silence, [], silence.created_unix, event)


def end_silences(node: Asks, rule: str, about: str | None, who: str, now_unix: float) -> list[Silence]:
    """End, on one node, the silences of a rule (or of the identifier ``rule``); return all of its."""
    ending = [
        one.id
        for one in read_silences(node)
        if one.until_unix > now_unix and (rule in (one.id, one.rule)) and (about is None or one.node == about)
    ]
    event = act("alert", rule, "silence ended", who, node=about or ANY)
    return _change(node, None, ending, now_unix, event)


def read_silences(node: Asks) -> list[Silence]:
    """Return one node's silences, also those that ended lately."""
    return convert(node.ask("read_silences")["silences"], list[Silence])


def merged(several: Sequence[Sequence[Silence]]) -> list[Silence]:
    """Return the nodes' silences as one list, the earliest end of each, in the order of their making."""
    found: dict[str, Silence] = {}
    for silence in (silence for silences in several for silence in silences):
        known = found.get(silence.id)
        if known is None or silence.until_unix < known.until_unix:
            found[silence.id] = silence
    return sorted(found.values(), key=lambda one: (one.created_unix, one.id))


def try_route(node: Asks, route: str) -> list[Delivered]:
    """Send a test message from a node; return how each URL took it."""
    return convert(node.ask("try_route", route=route)["outcomes"], list[Delivered])


def try_route_here(
    fleet: str, route: str, environment: Mapping[str, str], who: str, now_unix: float
) -> list[Delivered]:
    """Send a test message from this machine; return how each URL took it."""
    return deliver_to_each(trial(fleet, who, route, now_unix), urls_of(route, environment))


def newest_minutes(
    store: ObjectStore, fleet: str, nodes: Sequence[str], now_unix: float, minute_s: int
) -> list[Reported]:
    """Return when each node's newest minute ended, of those of today and yesterday (UTC)."""
    return [
        Reported(node=node, end_unix=_newest_end(store, fleet, node, now_unix, minute_s)) for node in nodes
    ]


def silent_nodes(reported: Sequence[Reported], now_unix: float, max_age_s: float) -> list[Reported]:
    """Return the nodes that have not reported for longer than ``max_age_s``."""
    return [one for one in reported if one.end_unix is None or now_unix - one.end_unix > max_age_s]


def _newest_end(store: ObjectStore, fleet: str, node: str, now_unix: float, minute_s: int) -> float | None:
    today = datetime.fromtimestamp(now_unix, UTC).date()
    recent = minute_key(fleet, node, int(now_unix) - RECENT_S)
    tries = [(today, recent), (today, ""), (today - timedelta(days=1), "")]
    for day, start_after in tries:
        prefix = minutes_prefix(fleet, day, node)
        # A bookmark of another day would begin before or after all of this one's keys.
        after = start_after if start_after.startswith(prefix) else ""
        keys = [parse_minute_key(found.key) for found in store.list(prefix, after)]
        begins = [key.minute_unix for key in keys if key is not None]
        if begins:
            return float(max(begins) + minute_s)
    return None


def _change(
    node: Asks, add: Silence | None, end: Sequence[str], now_unix: float, event: dict[str, Any]
) -> list[Silence]:
    answer = node.ask(
        "change_silences",
        add=None if add is None else msgspec.to_builtins(add),
        end=list(end),
        now_unix=now_unix,
        event=event,
    )
    return convert(answer["silences"], list[Silence])
