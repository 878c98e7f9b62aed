"""How much of the period's telemetry there is, and what was lost of it."""

from __future__ import annotations

from dataclasses import replace

from garnet_cli.report.contents import Completeness, DayCompleteness, NodeCompleteness
from garnet_cli.report.figures_volume import complete_by_bucket
from garnet_cli.report.gathered import Gathered
from garnet_cli.report.shares import pct
from garnet_cli.report.wording import Wording
from garnet_cli.store.totals import NodeTotals
from garnet_cli.store.totals_merge import merge_rows

WHOLE_PCT = 99.5
"""From here on the reader need not be told which nodes lack minutes."""


def completeness_of(data: Gathered, words: Wording) -> Completeness:
    """Return the section. Of nodes that the inventory no longer has, no minutes are expected."""
    wanted = {node.name for node in data.inventory.nodes}
    rows = {row.node: row for row in merge_rows(data.totals.nodes, ("begin_unix",))}
    nodes = tuple(_node(name, rows.get(name)) for name in data.node_names if name in wanted)
    expected = sum(node.expected_minutes for node in nodes)
    present = sum(node.present_minutes for node in nodes)
    known = list(rows.values())
    found = Completeness(
        expected_minutes=expected,
        present_minutes=present,
        complete_pct=pct(present, expected),
        nodes=nodes,
        days=tuple(
            DayCompleteness(day=bucket.label, complete_pct=share)
            for bucket, share in zip(
                data.totals.buckets, complete_by_bucket(data.totals, wanted).values(), strict=True
            )
        ),
        dropped_minutes=sum(row.dropped_minutes for row in known),
        missed_samples=sum(row.missed for row in known),
        unrecorded_requests=sum(row.unrecorded_requests for row in known),
        corrupt_lines=sum(row.corrupt_lines for row in known),
        set_aside_objects=len(data.set_aside),
        notes=(),
    )
    return _noted(found, data, words)


def _node(name: str, row: NodeTotals | None) -> NodeCompleteness:
    expected, present = (row.minutes_expected, row.minutes_present) if row else (0, 0)
    return NodeCompleteness(
        node=name,
        expected_minutes=expected,
        present_minutes=present,
        complete_pct=pct(present, expected),
    )


def _noted(found: Completeness, data: Gathered, words: Wording) -> Completeness:
    notes = []
    if not data.span.whole:
        notes.append(words.say("completeness.preview", end=data.span.days[-1]))
    if found.complete_pct is not None and found.complete_pct < WHOLE_PCT:
        notes.append(words.say("completeness.part", share=words.pct(found.complete_pct)))
        thin = [one for one in found.nodes if one.complete_pct is not None and one.complete_pct < WHOLE_PCT]
        if thin and len(thin) < len(found.nodes):
            named = [f"{one.node} ({words.pct(one.complete_pct or 0.0)})" for one in thin]
            notes.append(words.say("completeness.nodes", nodes=words.names(named)))
        empty = [one.day for one in found.days if one.complete_pct == 0]
        if empty:
            notes.append(words.say("completeness.days", days=words.names(empty)))
    gone = [name for name in data.node_names if name not in {node.node for node in found.nodes}]
    if gone:
        notes.append(words.say("completeness.gone", nodes=words.names(gone)))
    if found.unrecorded_requests:
        notes.append(words.say("completeness.unrecorded", count=words.count(found.unrecorded_requests)))
    if found.dropped_minutes:
        notes.append(words.say("completeness.dropped", count=words.count(found.dropped_minutes)))
    if found.set_aside_objects:
        notes.append(words.say("completeness.set_aside", count=words.count(found.set_aside_objects)))
    return replace(found, notes=tuple(notes))
