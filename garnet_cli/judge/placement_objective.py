"""The objective of a placement: what falls short of the rules, and what the way there costs, in points.

A model's busy share spreads evenly over its nodes: of 0.9 on three nodes each bears 0.3, and with one of the
three lost 0.45. Points fall due (prices in ``PlacementRules``)

- of a node: for memory over its limit (``memory``), for a busy share above the ceiling with all nodes up
  (``overload``) and with the worst other node lost (``loss``), and for throttling of which nothing was moved
  away (``throttle``);
- of a model: for fewer nodes than wanted (``redundancy``), for sharing every node though it is above plan
  (``own_node``), for a prompt cache that stays too small (``cache``), and for each change (``move``).

Of placements with equal points the one with earlier nodes is better.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from garnet_cli.judge.placement_problem import PlacementProblem

PARTS = ("memory", "redundancy", "overload", "loss", "own_node", "throttle", "cache", "move")
MIB_PER_GIB = 1024
WORST_THROTTLING = 3.0
"""Times the limit from which on throttling counts no more."""
EARLIER_NODE_POINTS = 0.001


@dataclass(frozen=True, slots=True)
class Choice:
    """A placement by the problem's indices."""

    places: tuple[frozenset[int], ...]
    """By model, its nodes."""
    raised: frozenset[int] = frozenset()
    """Models whose prompt cache is raised."""

    def put(self, places: Mapping[int, frozenset[int]], raised: frozenset[int] | None = None) -> Choice:
        """Return the choice with some models placed otherwise."""
        changed = tuple(places.get(model, nodes) for model, nodes in enumerate(self.places))
        return Choice(changed, self.raised if raised is None else raised)


class Objective:
    """The objective of one problem. Raises ValueError where its names do not fit together."""

    def __init__(self, problem: PlacementProblem) -> None:
        """Prepare what all placements share."""
        self.problem, self.rules = problem, problem.rules
        self.nodes, self.models = problem.nodes, problem.models
        self.node_at = {node.name: at for at, node in enumerate(self.nodes)}
        if len(self.node_at) < len(self.nodes) or len({one.name for one in self.models}) < len(self.models):
            raise ValueError("a placement problem names a node or a model twice")
        unknown = {name for one in self.models for name in (*one.nodes, *one.pinned)} - self.node_at.keys()
        if unknown or not all(one.nodes for one in self.models):
            raise ValueError(f"a model is on no node, or on one that is not there ({sorted(unknown)})")
        self.today = Choice(tuple(frozenset(self.node_at[name] for name in one.nodes) for one in self.models))
        on = self.on(self.today)
        self.load_today = [self.load(self.today, here) for here in on]
        self.closed = [
            node.limit_mib is None or any(self.models[model].need_mib is None for model in on[at])
            for at, node in enumerate(self.nodes)
        ]
        """Nodes that nothing is moved onto, as what would fit there is unknown."""
        self.limits = [
            0 if node.limit_mib is None else max(node.limit_mib, self.need(self.today, on[at]))
            for at, node in enumerate(self.nodes)
        ]
        """Memory that no placement exceeds: the node's limit, or what it has to bear today."""
        self.hot = [self._relief(at, on[at]) for at in range(len(self.nodes))]
        """Of each throttled node: what moving each of its models off relieves, 0..1 by model."""

    def on(self, choice: Choice) -> list[frozenset[int]]:
        """Return the models of every node."""
        found: list[set[int]] = [set() for _ in self.nodes]
        for model, nodes in enumerate(choice.places):
            for node in nodes:
                found[node].add(model)
        return [frozenset(models) for models in found]

    def need(self, choice: Choice, here: Iterable[int]) -> int:
        """Return the known need in MiB of the models ``here``."""
        return sum(
            (self.models[model].need_mib or 0)
            + (self.models[model].cache_raise_mib if model in choice.raised else 0)
            for model in here
        )

    def load(self, choice: Choice, here: Iterable[int]) -> float:
        """Return the busy share of a node with the models ``here``."""
        return sum(self.models[model].busy_share / len(choice.places[model]) for model in sorted(here))

    def load_after_loss(self, choice: Choice, node: int, here: Iterable[int]) -> tuple[float, int | None]:
        """Return a node's busy share with the worst other node lost, and which one that is."""
        more: dict[int, float] = {}
        for model in sorted(here):
            count = len(choice.places[model])
            if count > 1 and (busy := self.models[model].busy_share):
                for other in choice.places[model]:
                    if other != node:
                        more[other] = more.get(other, 0.0) + busy / (count - 1) - busy / count
        worst = min(more, key=lambda other: (-more[other], other), default=None)
        return self.load(choice, here) + (more[worst] if worst is not None else 0.0), worst

    def throttled(self, node: int) -> bool:
        """Say whether a node throttles above the limit."""
        return (self.nodes[node].throttle_share or 0.0) > self.rules.throttle_limit

    @cached_property
    def above_plan(self) -> frozenset[int]:
        """Models above plan whose nodes are so busy that each should have a node to itself."""
        return frozenset(
            at
            for at, model in enumerate(self.models)
            if model.plan_requests_per_s is not None
            and model.requests_per_s > model.plan_requests_per_s
            and max(self.load_today[node] for node in self.today.places[at])
            > self.rules.own_node_from * self.rules.busy_ceiling
        )

    @cached_property
    def raisable(self) -> frozenset[int]:
        """Models whose prompt cache should be raised."""
        return frozenset(at for at, model in enumerate(self.models) if model.cache_raise_mib)

    def movable(self, model: int, node: int) -> bool:
        """Say whether a placement may differ from today's in this model on this node."""
        one = self.models[model]
        if one.fixed or one.need_mib is None or self.nodes[node].fixed:
            return False
        here = node in self.today.places[model]
        return self.nodes[node].name not in one.pinned if here else not self.closed[node]

    def fits(self, choice: Choice, node: int, here: Iterable[int]) -> bool:
        """Say whether the models ``here`` fit on a node; what is there today always does."""
        new = [model for model in here if node not in self.today.places[model] or model in choice.raised]
        return not new or (not self.closed[node] and self.need(choice, here) <= self.limits[node])

    def node_parts(self, choice: Choice, node: int, here: frozenset[int]) -> dict[str, float]:
        """Return the points that fall due of one node with the models ``here``."""
        rules, limit = self.rules, self.nodes[node].limit_mib
        load = self.load(choice, here)
        after = self.load_after_loss(choice, node, here)[0] if len(self.nodes) > 1 else 0.0
        excess = 0 if limit is None else max(0, self.need(choice, here) - limit)
        points = {
            "memory": rules.memory_points_per_mib * excess,
            "overload": rules.overload_points * max(0.0, load - rules.busy_ceiling),
            "loss": rules.loss_points * max(0.0, after - rules.busy_ceiling),
            "throttle": 0.0,
        }
        if self.hot[node]:
            gone = sum(relief for model, relief in self.hot[node].items() if model not in here)
            points["throttle"] = self.throttle_points(node) * max(0.0, 1 - gone)
        return points

    def model_parts(self, choice: Choice, model: int, on: Mapping[int, frozenset[int]]) -> dict[str, float]:
        """Return the points that fall due of one model; ``on`` has the models of its nodes."""
        rules, here = self.rules, choice.places[model]
        shared = model in self.above_plan and all(len(on[node]) > 1 for node in here)
        points = {
            "redundancy": rules.redundancy_points * max(0, rules.wanted_nodes - len(here)),
            "own_node": rules.own_node_points * shared,
            "cache": 0.0,
            "move": self.move_points(model, here),
        }
        if model in self.raisable:
            raised = model in choice.raised
            points["cache"] = 0.0 if raised else rules.cache_points
            points["move"] += rules.cache_change_points * raised
        return points

    def move_points(self, model: int, here: Iterable[int]) -> float:
        """Return the price of bringing a model from today's nodes to those ``here``."""
        old, new = self.today.places[model], frozenset(here)
        brought = sum(self.bringing_points(model, node) for node in sorted(new - old))
        return brought + self.rules.removal_points * len(old - new)

    def bringing_points(self, model: int, node: int) -> float:
        """Return the price of bringing a model to a node."""
        rules, throttle = self.rules, self.nodes[node].throttle_share or 0.0
        warm = throttle / rules.throttle_limit if rules.throttle_limit else 0.0
        heat = rules.onto_throttled_points if self.throttled(node) else rules.onto_warm_points * warm
        size = rules.move_points_per_gib * (self.models[model].need_mib or 0) / MIB_PER_GIB
        busy = rules.onto_busy_points * self.load_today[node]
        return rules.move_points + size + heat + busy + EARLIER_NODE_POINTS * node

    def throttle_points(self, node: int) -> float:
        """Return the points of a throttled node from which nothing was moved."""
        share, limit = self.nodes[node].throttle_share or 0.0, self.rules.throttle_limit
        return self.rules.throttle_points * (min(WORST_THROTTLING, share / limit) if limit else 1.0)

    def parts(self, choice: Choice) -> dict[str, float]:
        """Return the whole objective by part."""
        on = self.on(choice)
        by_node = dict(enumerate(on))
        total = dict.fromkeys(PARTS, 0.0)
        found = [self.node_parts(choice, node, here) for node, here in enumerate(on)]
        found += [self.model_parts(choice, model, by_node) for model in range(len(self.models))]
        for points in found:
            for part, value in points.items():
                total[part] += value
        return total

    def points(self, choice: Choice) -> float:
        """Return the objective of a choice, in points."""
        return sum(self.parts(choice).values())

    def _relief(self, node: int, here: frozenset[int]) -> dict[int, float]:
        # A node of one model has nothing to move off but all of its work: that is the operator's to decide.
        if self.nodes[node].relieved:
            return {}
        if not self.throttled(node) or len(here) < 2 or not self.load_today[node]:  # noqa: PLR2004
            return {}
        whole = self.load_today[node] * self.rules.relief_share
        return {
            model: self.models[model].busy_share / len(self.today.places[model]) / whole
            for model in sorted(here)
        }


def named(objective: Objective, choice: Choice) -> dict[str, tuple[str, ...]]:
    """Return a choice by names, in the problem's order."""
    return {
        one.name: tuple(objective.nodes[node].name for node in sorted(choice.places[at]))
        for at, one in enumerate(objective.models)
    }
