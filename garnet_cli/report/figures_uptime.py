"""Uptime of the fleet and of each node, incidents and changes."""

from __future__ import annotations

from garnet_cli.judge.incidents import Incident, incidents_of
from garnet_cli.judge.swaps import Swapped, swaps_of
from garnet_cli.judge.uptime import Uptime
from garnet_cli.report.gathered import Gathered
from garnet_cli.report.month import local_time
from garnet_cli.report.sections import IncidentLine, NodeUptime, UptimeSection
from garnet_cli.report.wording import Wording

UPTIME_TARGET_PCT = 99.9


def uptime_of(data: Gathered, words: Wording) -> UptimeSection:
    """Return the section."""
    span = data.span
    incidents = incidents_in(data)
    swaps = period_swaps(data)
    windows = [swap.window_s for swap in swaps if swap.window_s is not None]
    found = data.uptime
    serving = _node("", found.serving)
    return UptimeSection(
        serving=serving,
        fleet=_node("", found.fleet),
        serving_pct_before=data.uptime_before.serving.uptime_pct,
        nodes=tuple(_node(node, told) for node, told in found.nodes.items()),
        incidents=tuple(_incident(one, span.timezone) for one in incidents),
        restarts=sum(1 for event in data.period_events if event.kind == "restart"),
        swaps=len(swaps),
        failed_swaps=sum(1 for swap in swaps if swap.outcome == "undone"),
        deploys=len({event.subject for event in data.period_events if event.kind == "deploy"}),
        swap_window_max_s=max(windows, default=None),
        says=_says(words, serving, found.nodes, incidents),
    )


def incidents_in(data: Gathered) -> list[Incident]:
    """Return the incidents that went on in the period, the latest first, with all that was noted since."""
    span = data.span
    return [
        one
        for one in incidents_of(data.events)
        if one.begin_unix < span.end_unix and (one.end_unix is None or one.end_unix > span.begin_unix)
    ]


def period_swaps(data: Gathered) -> list[Swapped]:
    """Return the swaps that began in the period, with how they ended also after it."""
    span = data.span
    return [swap for swap in swaps_of(data.events) if span.begin_unix <= swap.begin_unix < span.end_unix]


def _node(name: str, told: Uptime) -> NodeUptime:
    return NodeUptime(
        node=name,
        uptime_pct=told.uptime_pct,
        up_s=told.up_s,
        down_s=told.down_s,
        unknown_s=told.unknown_s,
        cut_off_s=told.cut_off_s,
    )


def _incident(one: Incident, timezone: str) -> IncidentLine:
    return IncidentLine(
        id=one.id,
        node=one.node,
        severity=one.severity,
        begin_unix=one.begin_unix,
        begin_local=local_time(one.begin_unix, timezone),
        lasted_s=None if one.end_unix is None else one.end_unix - one.begin_unix,
        rules=tuple(one.causes),
        models=tuple(one.models),
        cause=one.cause,
        fix=one.fix,
    )


def _says(words: Wording, serving: NodeUptime, nodes: dict[str, Uptime], incidents: list[Incident]) -> str:
    parts = []
    if serving.uptime_pct is None:
        parts.append(words.say("uptime.unknown"))
    else:
        key = "uptime.always" if serving.down_s == 0 else "uptime.served"
        parts.append(words.say(key, share=words.pct(serving.uptime_pct), down=words.seconds(serving.down_s)))
    down = sorted(
        (name for name in nodes if nodes[name].down_s > 0), key=lambda name: (-nodes[name].down_s, name)
    )
    if down:
        parts.append(
            words.say(
                "uptime.worst", node=down[0], down=words.seconds(nodes[down[0]].down_s), count=len(down)
            )
        )
    without = sum(1 for one in incidents if not one.cause)
    if not incidents:
        parts.append(words.say("uptime.no_incidents"))
    else:
        parts.append(words.many("uptime.incidents", len(incidents)))
        if without:
            parts.append(words.many("uptime.no_cause", without))
    return " ".join(parts)
