"""Why each line of a placement diff is in it: what would be worse without this line alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from garnet_cli.judge.placement_diff import Move
from garnet_cli.judge.placement_objective import PARTS, Choice, Objective
from garnet_cli.judge.placement_words import gib, growth, listed, percent, rate

MENTIONED = 0.25
"""A second reason is told from this part of the first one's points on."""
NEEDED_TOGETHER = "together"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a diff by indices; no ``origin``: it only adds; no ``target``: it only takes away."""

    model: int
    origin: int | None
    target: int | None

    @property
    def kind(self) -> Literal["move", "add", "remove"]:
        """Return the kind of move."""
        if self.origin is None:
            return "add"
        return "remove" if self.target is None else "move"

    def undone(self, choice: Choice) -> Choice:
        """Return a choice without this line."""
        nodes = set(choice.places[self.model])
        if self.target is not None:
            nodes.discard(self.target)
        if self.origin is not None:
            nodes.add(self.origin)
        return choice.put({self.model: frozenset(nodes)})


def lines_of(objective: Objective, choice: Choice) -> list[Line]:
    """Return what leads from today's placement to ``choice``: a model that leaves and comes is one move."""
    found = []
    for model, (old, new) in enumerate(zip(objective.today.places, choice.places, strict=True)):
        gone, come = sorted(old - new), sorted(new - old)
        both = min(len(gone), len(come))
        found += [Line(model, origin, target) for origin, target in zip(gone, come, strict=False)]
        found += [Line(model, origin, None) for origin in gone[both:]]
        found += [Line(model, None, target) for target in come[both:]]
    return found


def explained_moves(objective: Objective, choice: Choice) -> list[Move]:
    """Return every line with its reason, the weightiest first; of equal ones in the problem's order."""
    lines = lines_of(objective, choice)
    moves = [_explained(objective, choice, line) for line in lines]
    for at, move in enumerate(moves):
        if move.rule == NEEDED_TOGETHER:
            moves[at] = _linked(lines, moves, at)
    return sorted(moves, key=lambda move: -move.points)


def _explained(objective: Objective, choice: Choice, line: Line) -> Move:
    without = line.undone(choice)
    move = Move(
        model=objective.models[line.model].name,
        kind=line.kind,
        origin=None if line.origin is None else objective.nodes[line.origin].name,
        target=None if line.target is None else objective.nodes[line.target].name,
        reason="",
        rule=NEEDED_TOGETHER,
        points=0.0,
    )
    if line.origin is not None:
        here = objective.on(without)[line.origin]
        if not objective.fits(without, line.origin, here):
            return replace(move, reason=_room(objective, choice, line), rule="memory", points=float("inf"))
    now, then = objective.parts(choice), objective.parts(without)
    worse = {part: then[part] - now[part] for part in PARTS if part != "move"}
    points = sum(then.values()) - sum(now.values())
    ordered = sorted(worse, key=lambda part: -worse[part])
    first, second = ordered[0], ordered[1]
    if worse[first] <= 0 or points <= 0:
        return replace(move, points=points)
    reason = _SENTENCES[first](objective, choice, without, line)
    # What is lost with a node is not told beside what is too busy anyway.
    if worse[second] >= MENTIONED * worse[first] and {first, second} != {"overload", "loss"}:
        reason += f"; also, {_SENTENCES[second](objective, choice, without, line)}"
    return replace(move, reason=reason, rule=first, points=points)


def _linked(lines: list[Line], moves: list[Move], at: int) -> Move:
    """Return a line that pays only together with another, which is named."""
    own = {lines[at].origin, lines[at].target} - {None}
    others = [
        move
        for line, move in zip(lines, moves, strict=True)
        if move.rule != NEEDED_TOGETHER
        and (own & {line.origin, line.target} or line.model == lines[at].model)
    ] or [move for move in moves if move.rule != NEEDED_TOGETHER]
    if not others:
        return replace(moves[at], reason="all changes together better the whole, none of them alone")
    best = max(others, key=lambda move: move.points)
    return replace(moves[at], reason=f"it belongs to “{best.text}”: {best.reason}", rule=best.rule)


def _room(objective: Objective, choice: Choice, line: Line) -> str:
    node = line.origin or 0
    here = objective.on(choice)[node]
    new = [model for model in sorted(here) if node not in objective.today.places[model]]
    bigger = [model for model in sorted(here) if model in choice.raised and model not in new]
    words = [objective.models[model].name for model in new]
    words += [f"the larger prompt cache of {objective.models[model].name}" for model in bigger]
    need = objective.need(choice, here) + (objective.models[line.model].need_mib or 0)
    name = objective.nodes[node].name
    limit = objective.nodes[node].limit_mib or 0
    return f"it makes room on {name} for {listed(words)}: together they need {gib(need)} of {gib(limit)}"


def _memory(objective: Objective, choice: Choice, without: Choice, line: Line) -> str:
    del line
    before, after = objective.on(without), objective.on(choice)
    for node, one in enumerate(objective.nodes):
        need = objective.need(without, before[node])
        if one.limit_mib is not None and need > max(one.limit_mib, objective.need(choice, after[node])):
            return f"the models on {one.name} need {gib(need)} of its {gib(one.limit_mib)}"
    return "a node's models need more than its memory"


def _redundancy(objective: Objective, choice: Choice, without: Choice, line: Line) -> str:
    del choice
    nodes = without.places[line.model]
    name = objective.models[line.model].name
    if len(nodes) == 1:
        return f"{name} is on {objective.nodes[min(nodes)].name} alone: lost, nobody would serve it"
    return f"{name} is on {len(nodes)} of {objective.rules.wanted_nodes} nodes wanted"


def _busiest(objective: Objective, choice: Choice, without: Choice) -> tuple[int, float, float]:
    """Return the node whose excess over the ceiling shrinks most, with both its loads, without and with."""
    before, after = objective.on(without), objective.on(choice)
    ceiling = objective.rules.busy_ceiling

    def shrinks(node: int) -> float:
        loads = objective.load(without, before[node]), objective.load(choice, after[node])
        return max(0.0, loads[0] - ceiling) - max(0.0, loads[1] - ceiling)

    node = max(range(len(objective.nodes)), key=lambda one: (shrinks(one), -one))
    return node, objective.load(without, before[node]), objective.load(choice, after[node])


def _overload(objective: Objective, choice: Choice, without: Choice, line: Line) -> str:
    node, before, after = _busiest(objective, choice, without)
    return (
        f"{objective.nodes[node].name} would be {percent(before)} busy in the busiest hours"
        f" (ceiling {percent(objective.rules.busy_ceiling)}), with it {percent(after)}"
        f"{_grown(objective, without, node, line)}"
    )


def _loss(objective: Objective, choice: Choice, without: Choice, line: Line) -> str:
    before, after, ceiling = objective.on(without), objective.on(choice), objective.rules.busy_ceiling

    def excess(one: Choice, node: int, on: list[frozenset[int]]) -> float:
        return max(0.0, objective.load_after_loss(one, node, on[node])[0] - ceiling)

    node = max(
        range(len(objective.nodes)),
        key=lambda one: (excess(without, one, before) - excess(choice, one, after), -one),
    )
    load, lost = objective.load_after_loss(without, node, before[node])
    better = objective.load_after_loss(choice, node, after[node])[0]
    name = objective.nodes[node].name
    whom = f"with {objective.nodes[lost].name} lost, {name}" if lost is not None else name
    return (
        f"{whom} would be {percent(load)} busy in the busiest hours (ceiling {percent(ceiling)}),"
        f" with it {percent(better)}{_grown(objective, without, node, line)}"
    )


def _grown(objective: Objective, choice: Choice, node: int, line: Line) -> str:
    """Return which model's growth is behind a node's load, as the end of a sentence."""
    here = {model for model in objective.on(choice)[node] if growth(objective.models[model])} | (
        {line.model} if growth(objective.models[line.model]) else set()
    )
    if not here:
        return ""
    most = max(sorted(here), key=lambda model: objective.models[model].busy_share)
    return growth(objective.models[most])


def _own_node(objective: Objective, choice: Choice, without: Choice, line: Line) -> str:
    on, before = objective.on(choice), objective.on(without)
    for model in sorted(objective.above_plan):
        alone = [node for node in sorted(choice.places[model]) if len(on[node]) == 1]
        if alone and not any(len(before[node]) == 1 for node in without.places[model]):
            one = objective.models[model]
            return (
                f"{one.name} is asked {rate(one.requests_per_s)} in the busiest hours, planned were"
                f" {rate(one.plan_requests_per_s or 0)}: it gets {objective.nodes[alone[0]].name} to itself"
                + ("" if model == line.model else f", which {objective.models[line.model].name} shares now")
            )
    return "a model above plan gets a node to itself"


def _throttle(objective: Objective, choice: Choice, without: Choice, line: Line) -> str:
    del choice, without
    node = line.origin or 0
    one, model = objective.nodes[node], objective.models[line.model]
    work = model.busy_share / len(model.nodes) / objective.load_today[node]
    return (
        f"{one.name} was throttled in {percent(one.throttle_share or 0)} of its busy time (limit"
        f" {percent(objective.rules.throttle_limit)}), and {model.name} makes {percent(work)} of its work"
    )


def _cache(objective: Objective, choice: Choice, without: Choice, line: Line) -> str:
    del objective, choice, without, line
    return "it makes room for a larger prompt cache"


_SENTENCES: dict[str, Callable[[Objective, Choice, Choice, Line], str]] = {
    "memory": _memory,
    "redundancy": _redundancy,
    "overload": _overload,
    "loss": _loss,
    "own_node": _own_node,
    "throttle": _throttle,
    "cache": _cache,
}
