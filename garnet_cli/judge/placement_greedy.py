"""A good placement without a solver: from today's, each model's best change in turn while one pays.

A change adds a model to a node, takes it off one, moves it, exchanges two models, gives a model above plan
a node to itself, or raises a prompt cache. Only models that have a part in some points are looked at, so
that a large fleet of which little is wrong is quick. (The best change of all models first is slower and no
better: of eight simulated fleets it wins two and loses three.) The result always fits and is never worse than
today's; of equally good changes the first in the problem's order is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from garnet_cli.judge.placement_objective import Choice, Objective

PAYS = 1e-6
"""Points that a change has to gain."""
MOST_ROUNDS = 1_000

Changed = Mapping[int, frozenset[int]]
Change = tuple[Changed, frozenset[int]]


def greedy_choice(objective: Objective, start: Choice | None = None) -> Choice:
    """Return a choice that no single change makes better, from ``start``, else from today's placement."""
    state = _State(objective, start or objective.today)
    for _ in range(MOST_ROUNDS):
        before = state
        for model in state.troubled():
            state = _better(state, _changes_of(state, model))
        if state is before:
            break
    return state.choice


def _better(state: _State, changes: Iterable[Change]) -> _State:
    """Return the state after the best of ``changes``, or the same where none pays."""
    best, gain = None, PAYS
    for places, raised in changes:
        gained = state.gain(places, raised)
        if gained > gain:
            best, gain = (places, raised), gained
    return state if best is None else _State(state.objective, state.choice.put(*best))


class _State:
    """A choice with what the gain of a change is computed from."""

    def __init__(self, objective: Objective, choice: Choice) -> None:
        self.objective, self.choice = objective, choice
        self.on = dict(enumerate(objective.on(choice)))
        self.node_points = [
            sum(objective.node_parts(choice, node, self.on[node]).values()) for node in self.on
        ]
        self.model_parts = [objective.model_parts(choice, at, self.on) for at in range(len(choice.places))]

    def gain(self, places: Changed, raised: frozenset[int]) -> float:
        """Return by how many points a change is better; negative infinity where it does not fit."""
        objective, before = self.objective, self.choice
        choice = before.put(places, raised)
        touched = {node for model, nodes in places.items() for node in before.places[model] | nodes}
        touched |= {node for model in raised ^ before.raised for node in choice.places[model]}
        on = dict(self.on)
        for node in touched:
            gone = {model for model, nodes in places.items() if node not in nodes}
            come = {model for model, nodes in places.items() if node in nodes}
            on[node] = (on[node] - gone) | come
            if not objective.fits(choice, node, on[node]):
                return float("-inf")
        models = set(places) | (raised ^ before.raised)
        models |= {model for model in objective.above_plan if choice.places[model] & touched}
        after = sum(sum(objective.node_parts(choice, node, on[node]).values()) for node in sorted(touched))
        after += sum(sum(objective.model_parts(choice, model, on).values()) for model in sorted(models))
        now = sum(self.node_points[node] for node in sorted(touched))
        now += sum(sum(self.model_parts[model].values()) for model in sorted(models))
        return now - after

    def troubled(self) -> list[int]:
        """Return the models that have a part in points, or were changed, in order."""
        found = {
            model
            for model, parts in enumerate(self.model_parts)
            if any(parts[part] > 0 for part in ("redundancy", "own_node", "cache", "move"))
        }
        for node, points in enumerate(self.node_points):
            if points > 0:
                found |= self.on[node]
        for model in self.sharing():
            found |= {other for node in self.choice.places[model] for other in self.on[node]}
        return sorted(found)

    def sharing(self) -> list[int]:
        """Return the models above plan that share all their nodes."""
        return [
            model for model in sorted(self.objective.above_plan) if self.model_parts[model]["own_node"] > 0
        ]


def _changes_of(state: _State, model: int) -> Iterator[Change]:
    """Yield the changes that begin with one model."""
    raised = state.choice.raised
    if model in state.objective.raisable:
        yield {}, raised ^ {model}
    yield from (({model: nodes}, raised) for nodes in _single(state, model))
    yield from ((change, raised) for change in _exchanges(state, model))
    if model in state.sharing():
        yield from ((change, raised) for change in _own_node(state, model))


def _single(state: _State, model: int) -> Iterator[frozenset[int]]:
    """Yield the model's nodes with one added, one taken away, or one for another."""
    objective, here = state.objective, state.choice.places[model]
    leave = [node for node in sorted(here) if objective.movable(model, node)]
    enter = [
        node for node in range(len(objective.nodes)) if node not in here and objective.movable(model, node)
    ]
    for node in enter:
        yield here | {node}
    for node in leave:
        if len(here) > 1:
            yield here - {node}
        for other in enter:
            yield (here - {node}) | {other}


def _exchanges(state: _State, model: int) -> Iterator[Changed]:
    """Yield the exchanges of the model with another, and its arrivals in the place of another.

    Only arrivals where there is no room as it is: where there is, single changes do.
    """
    objective, choice = state.objective, state.choice
    here = choice.places[model]
    for node in range(len(objective.nodes)):
        grown = here | {node}
        if node in here or not objective.movable(model, node):
            continue
        if objective.fits(choice.put({model: grown}), node, state.on[node] | {model}):
            continue
        for other in sorted(state.on[node]):
            theirs = choice.places[other]
            if not objective.movable(other, node):
                continue
            if len(theirs) > 1:
                yield {model: grown, other: theirs - {node}}
            for target in range(len(objective.nodes)):
                if target in theirs or not objective.movable(other, target):
                    continue
                moved = (theirs - {node}) | {target}
                yield {model: grown, other: moved}
                if target in here and objective.movable(model, target):
                    yield {model: grown - {target}, other: moved}


def _own_node(state: _State, model: int) -> Iterator[Changed]:
    """Yield for each node, the model's or another, the change that leaves the model alone on it."""
    objective, choice = state.objective, state.choice
    for node in range(len(objective.nodes)):
        places: dict[int, frozenset[int]] = {}
        if node not in choice.places[model]:
            if not objective.movable(model, node):
                continue
            places[model] = choice.places[model] | {node}
        others = state.on[node] - {model}
        if not all(objective.movable(other, node) for other in others):
            continue
        for other in sorted(others, key=lambda one: (-(objective.models[one].need_mib or 0), one)):
            places[other] = _without(state, places, other, node)
        if all(places[other] for other in others):
            yield places


def _without(state: _State, places: Mapping[int, frozenset[int]], model: int, node: int) -> frozenset[int]:
    """Return the best nodes of a model without ``node``; none where it would be left without one."""
    objective = state.objective
    left = state.choice.places[model] - {node}
    targets = [
        left | {other}
        for other in range(len(objective.nodes))
        if other != node and other not in left and objective.movable(model, other)
    ]
    best, gain = left, state.gain({**places, model: left}, state.choice.raised) if left else float("-inf")
    for nodes in targets:
        gained = state.gain({**places, model: nodes}, state.choice.raised)
        if gained > gain:
            best, gain = nodes, gained
    return best
