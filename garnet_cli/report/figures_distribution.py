"""Which model is on which node, how busy, and whether another placement would be better."""

from __future__ import annotations

from garnet_cli.judge.placement_diff import PlacementDiff
from garnet_cli.report.figures_thermal import throttle_pct
from garnet_cli.report.gathered import Gathered
from garnet_cli.report.sections import Distribution, Move, NodeLoad, Placed
from garnet_cli.report.shares import highest, pct
from garnet_cli.report.wording import Wording
from garnet_cli.store.totals import ModelTotals, NodeTotals
from garnet_cli.store.totals_merge import merge_rows
from node_scripts.records import UNKNOWN_MODEL


def distribution_of(data: Gathered, diff: PlacementDiff | None, words: Wording) -> Distribution:
    """Return the section; ``diff`` is ``None`` where too little is known to look for a better placement."""
    rows = {(row.model, row.node): row for row in merge_rows(data.totals.models, ("begin_unix",))}
    wanted = {(model.name, node) for model in data.inventory.models for node in model.nodes}
    seen = {key for key, row in rows.items() if row.loader_minutes or row.loader_requests}
    pairs = sorted(key for key in wanted | seen if key[0] != UNKNOWN_MODEL)
    placed = tuple(_placed(model, node, rows.get((model, node)), wanted, seen) for model, node in pairs)
    nodes = {row.node: row for row in merge_rows(data.totals.nodes, ("begin_unix",))}
    rebalance = None if diff is None else diff.changes
    return Distribution(
        nodes=tuple(_node(name, nodes.get(name), placed) for name in data.node_names),
        models=tuple(sorted({one.model for one in placed})),
        placed=placed,
        rebalance=rebalance,
        why=_why(diff, words),
        moves=_moves(diff, words),
        solver="" if diff is None else words.say(f"distribution.{diff.method}"),
        says=_says(placed, rebalance, words),
    )


def _placed(
    model: str,
    node: str,
    row: ModelTotals | None,
    wanted: set[tuple[str, str]],
    seen: set[tuple[str, str]],
) -> Placed:
    return Placed(
        model=model,
        node=node,
        wanted=(model, node) in wanted,
        seen=(model, node) in seen,
        requests=row.loader_requests if row else 0,
        busy_pct=pct(row.loader_busy_s, row.loader_observed_s) if row else None,
        memory_bytes=row.loader_memory_bytes_max if row else None,
        cache_hit_pct=pct(row.loader_hits, row.loader_lookups) if row else None,
    )


def _node(name: str, row: NodeTotals | None, placed: tuple[Placed, ...]) -> NodeLoad:
    memory = None
    if row and row.memory_total_bytes and row.memory_available_bytes_min is not None:
        memory = pct(row.memory_total_bytes - row.memory_available_bytes_min, row.memory_total_bytes)
    mine = [one for one in placed if one.node == name]
    return NodeLoad(
        node=name,
        models=sum(1 for one in mine if one.seen),
        busy_pct=highest(one.busy_pct for one in mine),
        memory_pct=memory,
        throttle_pct=throttle_pct([row]) if row else None,
    )


def _why(diff: PlacementDiff | None, words: Wording) -> str:
    if diff is None:
        return words.say("distribution.not_judged")
    if not diff.changes:
        unmet = f" {diff.unmet[0]}" if diff.unmet else ""
        return words.say("distribution.stays") + unmet
    reasons = [*(one.reason for one in diff.moves), *(one.reason for one in diff.cache_changes)]
    more = len(reasons) - 1
    return reasons[0] + (f" {words.many('distribution.more_moves', more)}" if more else "")


def _moves(diff: PlacementDiff | None, words: Wording) -> tuple[Move, ...]:
    if diff is None:
        return ()
    moves = [
        Move(
            action=words.say(f"distribution.action_{one.kind}"),
            model=one.model,
            node=" → ".join(name for name in (one.origin, one.target) if name),
            reason=one.reason,
        )
        for one in diff.moves
    ]
    moves += [
        Move(
            action=words.say("distribution.action_cache", gb=words.number(one.cache_gb)),
            model=one.model,
            node="",
            reason=one.reason,
        )
        for one in diff.cache_changes
    ]
    return tuple(moves)


def _says(placed: tuple[Placed, ...], rebalance: bool | None, words: Wording) -> str:  # noqa: FBT001 -- a figure
    parts = []
    models = {one.model for one in placed if one.wanted}
    single = sorted(
        model for model in models if sum(1 for one in placed if one.model == model and one.wanted) == 1
    )
    parts.append(words.many("distribution.pairs", len(models), pairs=sum(1 for one in placed if one.wanted)))
    if single:
        parts.append(words.many("distribution.single", len(single), models=words.names(single)))
    absent = [f"{one.model} ({one.node})" for one in placed if one.wanted and not one.seen]
    if absent:
        parts.append(words.say("distribution.absent", pairs=words.names(absent)))
    if rebalance is not None:
        parts.append(words.say("distribution.yes" if rebalance else "distribution.no"))
    return " ".join(parts)
