"""The placement diff as sections and as rows. Pure."""

from __future__ import annotations

from garnet_cli.judge.placement_diff import NodeLoad, PlacementDiff
from garnet_cli.weekly.blocks import Block, Bullets, Section, Table, Text
from garnet_cli.weekly.completeness import percent
from garnet_cli.weekly.next_steps import REASONS_SHOWN, changes_of, placement_lines

CSV_COLUMNS = ("kind", "model", "from", "to", "rule", "points", "reason")
METHODS = {
    "exact": "no better placement exists",
    "bounded": "a better one may exist",
    "greedy": "found step by step, a better one may exist",
}


def placement_sections(diff: PlacementDiff) -> list[Section]:
    """Return what would change, with a reason each, and every node before and after."""
    blocks: list[Block] = [Text(text=_headline(diff))]
    if diff.changes:
        lines = placement_lines(diff)
        said = len(lines) <= REASONS_SHOWN
        # What to do next has said them already, unless they are too many.
        blocks.append(Bullets(items=tuple(f"{text}: {reason}" for text, reason in lines), detail=said))
    if diff.unmet:
        blocks.append(Bullets(items=diff.unmet, title="Also the best placement falls short here:"))
    if diff.notes:
        blocks.append(Bullets(items=diff.notes, title="Good to know:"))
    blocks.append(_table(diff))
    if diff.points_today or diff.points:
        blocks.append(_points(diff))
    blocks.append(Text(text=METHOD, detail=True))
    return [Section(title="Placement diff", blocks=blocks)]


def placement_rows(diff: PlacementDiff) -> list[tuple[object, ...]]:
    """Return the diff's lines as rows under CSV_COLUMNS; cache sizes in GB stand under from and to."""
    moves = [
        (
            *(one.kind, one.model, one.origin or "", one.target or "", one.rule),
            "" if one.points == float("inf") else round(one.points, 6),
            one.reason,
        )
        for one in diff.moves
    ]
    caches = [
        ("cache_gb", one.model, round(one.from_mib / 1024, 2), one.cache_gb, "cache", "", one.reason)
        for one in diff.cache_changes
    ]
    return [*moves, *caches]


def _headline(diff: PlacementDiff) -> str:
    method = METHODS[diff.method] + (f" ({diff.method_note})" if diff.method_note else "")
    if not diff.changes:
        return f"The placement stays as it is: {method}."
    points = f"from {diff.points_today:,.0f} to {diff.points:,.0f} points (lower is better)"
    return f"{changes_of(diff).capitalize()}, {points}; {method}."


def _table(diff: PlacementDiff) -> Table:
    changed = any(one.models != one.models_today for one in diff.nodes)
    arrow = ", today -> then" if changed else ""
    return Table(
        columns=("node", "models (+ new, - gone)" if changed else "models", "busy", "1 lost", "throttled"),
        rows=tuple(_row(one, changed=changed) for one in diff.nodes),
        title=f"Busiest hours{arrow}; 1 lost: with the worst other node down",
        numbers=frozenset({"busy", "1 lost", "throttled"}),
        left_out_first=("1 lost",),
    )


def _row(one: NodeLoad, *, changed: bool) -> tuple[str | None, ...]:
    kept = [name for name in one.models_today if name in one.models]
    new = [f"+{name}" for name in one.models if name not in one.models_today]
    gone = [f"-{name}" for name in one.models_today if name not in one.models]
    after_loss = (one.busy_share_after_loss_today, one.busy_share_after_loss)
    return (
        one.node,
        ", ".join([*kept, *new, *gone]) or None,
        _shares(one.busy_share_today, one.busy_share, changed=changed),
        _shares(*after_loss, changed=changed),
        None if one.throttle_share is None else percent(one.throttle_share),
    )


def _points(diff: PlacementDiff) -> Table:
    worth = {part for points in (diff.parts_today, diff.parts) for part, found in points.items() if found}
    return Table(
        columns=("part of the objective", "points today", "points then"),
        rows=tuple(
            (
                part.replace("_", " "),
                f"{diff.parts_today.get(part, 0.0):,.1f}",
                f"{diff.parts.get(part, 0.0):,.1f}",
            )
            for part in sorted(worth)
        ),
        numbers=frozenset({"points today", "points then"}),
        detail=True,
    )


def _shares(today: float, then: float, *, changed: bool) -> str:
    shown = f"{today * 100:.0f} -> {then * 100:.0f} %"
    return shown if changed else f"{today * 100:.0f} %"


METHOD = (
    "Busy is the share of time with a request in the node's loaders, expected in the busiest hours from the"
    " weeks before; 1 lost is the same with the worst other node down. A move has a price, so nothing is"
    " moved that mends less than it costs. Memory budgets always hold."
)
