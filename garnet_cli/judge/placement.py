"""The best placement of models on nodes: the one entry to it.

``best_placement`` is pure and never worse than today's placement under its own objective, which
placement_objective.py defines and ``PlacementRules`` prices. ``placement_problem`` (placement_totals.py)
makes its input of an inventory and weeks of totals.
"""

from __future__ import annotations

from typing import Literal

from garnet_cli.judge.placement_check import broken_rules
from garnet_cli.judge.placement_diff import CacheChange, NodeLoad, PlacementDiff
from garnet_cli.judge.placement_greedy import greedy_choice
from garnet_cli.judge.placement_objective import Choice, Objective, named
from garnet_cli.judge.placement_problem import PlacementModel, PlacementProblem
from garnet_cli.judge.placement_reasons import explained_moves
from garnet_cli.judge.placement_solver import CLOSE, solved_choice
from garnet_cli.judge.placement_unmet import notes_of, unmet_rules
from garnet_cli.judge.placement_words import gib, percent

Method = Literal["exact", "bounded", "greedy"]


def best_placement(problem: PlacementProblem, *, greedy: bool = False) -> PlacementDiff:
    """Return the best placement against today's, with a reason for each line.

    Solved exactly by highspy (the gap is stated where the search ends at its limit); by a greedy search
    with ``greedy``, or where highspy cannot be imported. Equal problems give equal results. Raises ValueError
    for a problem whose names do not fit together.
    """
    objective = Objective(problem)
    choice = greedy_choice(objective)
    method: Method = "greedy"
    note, gap = "asked for", None
    if not greedy:
        try:
            solved = solved_choice(objective, choice)
        except ImportError:
            note = "highspy cannot be imported"
        else:
            broken = broken_rules(problem, named(objective, solved.choice), _raised(objective, solved.choice))
            if broken:
                note = f"the solver's placement was refused: {broken[0]}"
            else:
                choice = solved.choice
                found = max(0.0, objective.points(choice) - solved.bound)
                method = "exact" if found <= CLOSE else "bounded"
                gap = None if found == float("inf") else 0.0 if method == "exact" else found
                note = f"the search ended at {solved.limit}" if method == "bounded" else ""
    if objective.points(choice) > objective.points(objective.today) - CLOSE:
        choice = objective.today
    broken = broken_rules(problem, named(objective, choice), _raised(objective, choice))
    if broken:
        raise RuntimeError(f"the best placement breaks a rule: {'; '.join(broken)}")
    return _diff(objective, choice, method, note, gap)


def _diff(
    objective: Objective, choice: Choice, method: Method, note: str, gap: float | None
) -> PlacementDiff:
    parts_today, parts = objective.parts(objective.today), objective.parts(choice)
    return PlacementDiff(
        moves=tuple(explained_moves(objective, choice)),
        cache_changes=tuple(_cache_change(objective.models[at]) for at in sorted(choice.raised)),
        unmet=unmet_rules(objective, choice),
        notes=notes_of(objective),
        placement=named(objective, choice),
        nodes=_loads(objective, choice),
        points_today=sum(parts_today.values()),
        points=sum(parts.values()),
        parts_today=parts_today,
        parts=parts,
        method=method,
        method_note=note,
        gap_points=gap,
    )


def _raised(objective: Objective, choice: Choice) -> list[str]:
    return [objective.models[at].name for at in sorted(choice.raised)]


def _cache_change(model: PlacementModel) -> CacheChange:
    kept, wanted = model.cache_mib or 0, model.cache_wanted_mib or 0
    return CacheChange(
        model=model.name,
        from_mib=kept,
        to_mib=wanted,
        reason=(
            f"{percent(model.hit_rate or 0)} of its prompt-cache lookups found a prefix, its prompts have"
            f" {model.mean_prompt_tokens or 0:,.0f} tokens on average, and {model.evictions:,} sequences were"
            f" pushed out: {gib(kept)} a loader is too little"
        ),
    )


def _loads(objective: Objective, choice: Choice) -> tuple[NodeLoad, ...]:
    today, now = objective.on(objective.today), objective.on(choice)

    def need(one: Choice, here: frozenset[int]) -> int | None:
        known = all(objective.models[model].need_mib is not None for model in here)
        return objective.need(one, here) if known else None

    return tuple(
        NodeLoad(
            node=node.name,
            models_today=tuple(objective.models[model].name for model in sorted(today[at])),
            models=tuple(objective.models[model].name for model in sorted(now[at])),
            busy_share_today=objective.load_today[at],
            busy_share=objective.load(choice, now[at]),
            busy_share_after_loss_today=objective.load_after_loss(objective.today, at, today[at])[0],
            busy_share_after_loss=objective.load_after_loss(choice, at, now[at])[0],
            need_mib_today=need(objective.today, today[at]),
            need_mib=need(choice, now[at]),
            limit_mib=node.limit_mib,
            throttle_share=node.throttle_share,
        )
        for at, node in enumerate(objective.nodes)
    )
