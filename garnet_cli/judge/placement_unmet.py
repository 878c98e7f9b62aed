"""What stays short of the rules in a placement, with why and what would help; and what data it lacked."""

from __future__ import annotations

import math
from collections.abc import Iterator

from garnet_cli.judge.placement_objective import Choice, Objective
from garnet_cli.judge.placement_words import MIB_PER_GIB, gib, listed, percent, rate

SHOWN = 1e-6


def unmet_rules(objective: Objective, choice: Choice) -> tuple[str, ...]:
    """Return a sentence for each rule that stays unmet in ``choice``."""
    return (
        *_too_small(objective),
        *_memory(objective, choice),
        *_alone(objective, choice),
        *_busy(objective, choice),
        *_hot(objective, choice),
        *_shared(objective, choice),
        *_caches(objective, choice),
    )


def notes_of(objective: Objective) -> tuple[str, ...]:
    """Return what the reader should know of the data behind the placement."""
    found = list(objective.problem.notes)
    unknown = [model.name for model in objective.models if model.need_mib is None and not model.fixed]
    if unknown:
        are, them = ("it is", "it") if len(unknown) == 1 else ("they are", "them")
        found.append(
            f"{listed(unknown)}: how much memory a loader needs is unknown, so {are} not moved and nothing is"
            f" moved beside {them}; it is known of a folder on this machine, or once a loader was measured"
        )
    bare = [node.name for node in objective.nodes if node.limit_mib is None and not node.fixed]
    if bare:
        found.append(
            f"{listed(bare)}: how much memory there is is unknown, so nothing is moved there;"
            " set memory_gb in [[nodes]]"
        )
    for at, model in enumerate(objective.models):
        plan = model.plan_requests_per_s
        if plan is not None and model.requests_per_s > plan and at not in objective.above_plan:
            found.append(
                f"{model.name} is above plan ({rate(model.requests_per_s)}, planned {rate(plan)}), but its"
                " nodes have room: it needs no node to itself"
            )
    for at, node in enumerate(objective.nodes):
        if objective.throttled(at) and not objective.hot[at] and not (node.fixed or node.relieved):
            found.append(
                f"{node.name} was throttled in {percent(node.throttle_share or 0)} of its busy time, but"
                " it has not two models of which one could move: look at its cooling"
            )
    return tuple(found)


def _too_small(objective: Objective) -> Iterator[str]:
    work = sum(model.busy_share for model in objective.models)
    count, ceiling = len(objective.nodes), objective.rules.busy_ceiling
    if ceiling and work > count * ceiling:
        more = math.ceil(work / ceiling) - count
        yield (
            f"the fleet is too small: {work:.1f} nodes' worth of work is expected in the busiest hours, and"
            f" {count} nodes at {percent(ceiling)} do {count * ceiling:.1f}: {more} more needed"
            f"{_price(objective)}"
        )


def _price(objective: Objective) -> str:
    prices = [node.price_usd for node in objective.nodes if node.price_usd]
    return f" (from ${min(prices):,.0f} each, as bought before)" if prices else ""


def _memory(objective: Objective, choice: Choice) -> Iterator[str]:
    for node, here in zip(objective.nodes, objective.on(choice), strict=True):
        need = objective.need(choice, here)
        if node.limit_mib is not None and need > node.limit_mib:
            yield (
                f"the models on {node.name} need {gib(need)}, of {gib(node.limit_mib)} that loaders may use:"
                " lower a model's context or concurrency"
            )


def _alone(objective: Objective, choice: Choice) -> Iterator[str]:
    wanted = min(objective.rules.wanted_nodes, len(objective.nodes))
    if len(objective.nodes) == 1 and objective.models:
        yield "one node has no other to stand in for it: a second one would keep every model served"
    for at, here in enumerate(choice.places):
        if len(here) < wanted:
            nodes = listed([objective.nodes[node].name for node in sorted(here)])
            yield f"{objective.models[at].name} stays on {nodes} alone: {_why_alone(objective, choice, at)}"


def _why_alone(objective: Objective, choice: Choice, model: int) -> str:
    one, on = objective.models[model], objective.on(choice)
    if one.fixed:
        return "it is fixed there"
    if one.need_mib is None:
        return "how much memory it needs is unknown"
    others = [node for node in range(len(objective.nodes)) if node not in choice.places[model]]
    enter = [node for node in others if objective.movable(model, node)]
    if not enter:
        return "the memory of the other nodes is unknown, or they are fixed"
    free = {node: objective.limits[node] - objective.need(choice, on[node]) for node in enter}
    fits = [node for node in enter if free[node] >= one.need_mib]
    if not fits:
        most = max(enter, key=lambda node: (free[node], -node))
        return (
            f"it needs {gib(one.need_mib)}, and no other node has that much free beside its models (most:"
            f" {objective.nodes[most].name} with {gib(max(0, free[most]))}); lower a context or concurrency,"
            f" or add a node{_price(objective)}"
        )
    names = listed([objective.nodes[node].name for node in fits])
    return f"there is room on {names}, but the work would be too much there"


def _busy(objective: Objective, choice: Choice) -> Iterator[str]:
    ceiling = objective.rules.busy_ceiling
    for node, here in enumerate(objective.on(choice)):
        name, load = objective.nodes[node].name, objective.load(choice, here)
        after, lost = objective.load_after_loss(choice, node, here)
        if load > ceiling + SHOWN:
            yield (
                f"{name} is expected to be {percent(load)} busy in the busiest hours (ceiling"
                f" {percent(ceiling)}), and no change that pays makes it less"
            )
        elif after > ceiling + SHOWN and lost is not None:
            yield (
                f"with {objective.nodes[lost].name} lost, {name} would be {percent(after)} busy in the"
                f" busiest hours (ceiling {percent(ceiling)}): less than a move is worth, or no node has room"
            )


def _hot(objective: Objective, choice: Choice) -> Iterator[str]:
    for node, here in enumerate(objective.on(choice)):
        relief = objective.hot[node]
        if relief and not any(model not in here for model in relief):
            one = objective.nodes[node]
            yield (
                f"{one.name} was throttled in {percent(one.throttle_share or 0)} of its busy time (limit"
                f" {percent(objective.rules.throttle_limit)}), and no model can leave it: look at its cooling"
            )


def _shared(objective: Objective, choice: Choice) -> Iterator[str]:
    on = objective.on(choice)
    for model in sorted(objective.above_plan):
        if all(len(on[node]) > 1 for node in choice.places[model]):
            one = objective.models[model]
            yield (
                f"{one.name} is above plan ({rate(one.requests_per_s)}, planned"
                f" {rate(one.plan_requests_per_s or 0)}), and no node can be its own: there is"
                " too little room elsewhere"
            )


def _caches(objective: Objective, choice: Choice) -> Iterator[str]:
    for model in sorted(objective.raisable - choice.raised):
        one = objective.models[model]
        nodes = listed([objective.nodes[node].name for node in sorted(choice.places[model])])
        yield (
            f"the prompt cache of {one.name} is too small, and there is no room on {nodes} for"
            f" {one.cache_raise_mib / MIB_PER_GIB:.1f} GiB more"
        )
