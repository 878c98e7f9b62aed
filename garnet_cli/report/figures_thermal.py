"""Heat: peaks, throttling, and what the room's temperature should be."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable

from garnet_cli.report.gathered import Gathered
from garnet_cli.report.sections import Ambient, DayThermal, NodeThermal, Thermal
from garnet_cli.report.shares import highest, pct
from garnet_cli.report.wording import Wording
from garnet_cli.store.throttling import Throttling
from garnet_cli.store.totals import NodeTotals, Totals
from garnet_cli.store.totals_merge import merge_rows

THROTTLE_TARGET_PCT = 1.0
MARGIN_CELSIUS = 2.0
"""A chip should stay by so much under the temperature at which it begins to throttle."""
MOST_CELSIUS = 8.0
"""No room is asked to be cooled by more: beyond it the node itself has to be looked at."""


def thermal_of(data: Gathered, words: Wording) -> Thermal:
    """Return the section."""
    rows = {row.node: row for row in merge_rows(data.totals.nodes, ("begin_unix",))}
    nodes = tuple(
        _node(rows.get(name) or NodeTotals(begin_unix=0, node=name), data.throttling.get(name))
        for name in data.node_names
    )
    peaks = [node for node in nodes if node.peak_package_celsius is not None]
    hottest = max(peaks, key=lambda node: node.peak_package_celsius or 0.0, default=None)
    events = [node.throttle_events for node in nodes if node.throttle_events is not None]
    share = throttle_pct(rows.values())
    ambient = _ambient(nodes, data, words)
    return Thermal(
        peak_package_celsius=hottest.peak_package_celsius if hottest else None,
        peak_node=hottest.node if hottest else "",
        throttle_pct=share,
        throttle_pct_before=throttle_pct(data.before.nodes),
        throttle_events=sum(events) if events else None,
        nodes=nodes,
        days=_days(data.totals),
        ambient=ambient,
        says=_says(words, nodes, share, hottest),
    )


def throttle_pct(rows: Iterable[NodeTotals]) -> float | None:
    """Return the share of the busy seconds in which a chip was throttled, in percent, over NodeTotals."""
    packed_s = throttled_s = 0.0
    for row in rows:
        packed_s += row.packed_s
        throttled_s += row.packed_throttled_s
    return pct(throttled_s, packed_s)


def _node(row: NodeTotals, throttling: Throttling | None) -> NodeThermal:
    package, core = row.package_celsius, row.core_celsius
    return NodeThermal(
        node=row.node,
        peak_package_celsius=package.maximum if package else None,
        peak_core_celsius=core.maximum if core else None,
        source=package.source if package else "",
        observed_hours=row.thermal_observed_s / 3600,
        busy_hours=row.packed_s / 3600,
        throttled_hours=row.packed_throttled_s / 3600,
        throttle_pct=throttle_pct([row]),
        throttle_events=throttling.events if throttling else None,
    )


def _days(totals: Totals) -> tuple[DayThermal, ...]:
    rows: dict[int, list[NodeTotals]] = defaultdict(list)
    for row in totals.nodes:
        rows[row.begin_unix].append(row)
    return tuple(
        DayThermal(
            day=bucket.label,
            throttle_pct=throttle_pct(rows[bucket.begin_unix]),
            peak_package_celsius=highest(
                row.package_celsius.maximum if row.package_celsius else None
                for row in rows[bucket.begin_unix]
            ),
        )
        for bucket in totals.buckets
    )


def ambient_celsius(throttling: Throttling) -> float | None:
    """Return by how much the room of a throttled node should change, in whole degrees, at most 0.

    A chip's temperature follows the room's about degree for degree. So the room is to be cooled by what
    the busy temperature lies above the one at which throttling begins, and MARGIN_CELSIUS more. ``None``
    where no temperature was read.
    """
    if throttling.onset_celsius is None or throttling.busy_celsius is None:
        return None
    above = throttling.busy_celsius - throttling.onset_celsius + MARGIN_CELSIUS
    return -float(min(MOST_CELSIUS, math.ceil(max(MARGIN_CELSIUS, above))))


def _ambient(nodes: tuple[NodeThermal, ...], data: Gathered, words: Wording) -> Ambient:
    known = [node for node in nodes if node.throttle_pct is not None]
    if not known:
        return Ambient(adjust_celsius=None, node="", why="", says=words.say("thermal.ambient_unknown"))
    hot = [node for node in known if (node.throttle_pct or 0.0) >= THROTTLE_TARGET_PCT]
    if not hot:
        return Ambient(
            adjust_celsius=0.0,
            node="",
            why="",
            says=words.say("thermal.ambient_none", limit=words.pct(THROTTLE_TARGET_PCT)),
        )
    asked = {
        node.node: ambient_celsius(data.throttling[node.node]) for node in hot if node.node in data.throttling
    }
    told = {name: value for name, value in asked.items() if value is not None}
    names = words.names([node.node for node in hot])
    if not told:
        return Ambient(
            adjust_celsius=-MARGIN_CELSIUS,
            node="",
            why=words.say("thermal.unmeasured", nodes=names),
            says=" ".join(
                (words.say("thermal.unmeasured", nodes=names), words.say("thermal.ambient_unmeasured"))
            ),
        )
    node = min(told, key=lambda name: (told[name], name))
    found = data.throttling[node]
    why = words.say(
        "thermal.onset",
        node=node,
        busy=words.number(found.busy_celsius or 0.0),
        onset=words.number(found.onset_celsius or 0.0),
    )
    key = "thermal.ambient_cooler" if told[node] > -MOST_CELSIUS else "thermal.ambient_most"
    return Ambient(
        adjust_celsius=told[node],
        node=node,
        why=why,
        says=f"{why} {words.say(key, degrees=words.number(-told[node]), node=node)}",
    )


def _says(
    words: Wording, nodes: tuple[NodeThermal, ...], share: float | None, hottest: NodeThermal | None
) -> str:
    parts = []
    if share is None:
        parts.append(words.say("thermal.unknown"))
    elif not any(node.throttled_hours for node in nodes):
        parts.append(words.say("thermal.never"))
    else:
        worst = max(nodes, key=lambda node: node.throttle_pct or 0.0)
        parts.append(
            words.say(
                "thermal.throttled",
                share=words.pct(share),
                node=worst.node,
                most=words.pct(worst.throttle_pct or 0.0),
            )
        )
    if hottest and hottest.peak_package_celsius is not None:
        parts.append(
            words.say("thermal.peak", celsius=words.number(hottest.peak_package_celsius), node=hottest.node)
        )
    return " ".join(parts)
