"""The placement objective as a mixed-integer program.

Variables: x[m,n] model on node, y[m,k] model on k nodes, z[m,n,k] = x[m,n]·y[m,k], which makes the even
split w/k linear; for each pair of nodes the work p that the one takes over when the other is lost; the
excesses over the ceiling; o[m,n] a model above plan alone on a node; c[m] its prompt cache raised. The
objective is that of placement_objective.py to the point, once all pairs that matter are brought in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from garnet_cli.judge.placement_objective import MIB_PER_GIB, Choice, Objective

SEED = 1
GAP = 5e-5
"""Points to which the solver is exact; earlier nodes decide by a thousandth."""


class Program:
    """The program of one objective in HiGHS."""

    def __init__(self, objective: Objective, highspy: Any, most_nodes: Sequence[int]) -> None:
        """Build it; ``most_nodes`` has for each model on how many nodes it may come to be at most."""
        self.objective, self.highspy, self.most_nodes = objective, highspy, most_nodes
        self.pairs: set[tuple[int, int]] = set()
        self.highs = highspy.Highs()
        for option, value in {
            "output_flag": False,
            "log_to_console": False,
            "threads": 1,
            "parallel": "off",
            "random_seed": SEED,
            "mip_rel_gap": 0.0,
            "mip_abs_gap": GAP,
            "mip_max_nodes": objective.problem.solve_nodes,
        }.items():
            self.highs.setOptionValue(option, value)
        self.constant = 0.0
        self.count = 0
        self.whole: list[int] = []
        self._placements()
        self._splits()
        self._node_terms()
        self._model_terms()
        self.highs.changeColsIntegrality(
            len(self.whole), self.whole, [highspy.HighsVarType.kInteger] * len(self.whole)
        )

    def variable(self, cost: float = 0.0, upper: float = 1.0, *, whole: bool = False) -> int:
        """Add a variable from 0 and return its index."""
        self.highs.addCol(cost, 0.0, upper, 0, [], [])
        if whole:
            self.whole.append(self.count)
        self.count += 1
        return self.count - 1

    def row(self, low: float, high: float, terms: dict[int, float]) -> None:
        """Add ``low ≤ Σ terms ≤ high``."""
        self.highs.addRow(low, high, len(terms), list(terms), list(terms.values()))

    def at_least(self, least: float, terms: dict[int, float]) -> None:
        """Add ``Σ terms ≥ least``."""
        self.row(least, self.highspy.kHighsInf, terms)

    def at_most(self, most: float, terms: dict[int, float]) -> None:
        """Add ``Σ terms ≤ most``."""
        self.row(-self.highspy.kHighsInf, most, terms)

    def _placements(self) -> None:
        """Add x with the price of each change; what may not change is fixed."""
        objective = self.objective
        self.x: list[list[int]] = []
        for model, today in enumerate(objective.today.places):
            row = []
            for node in range(len(objective.nodes)):
                here = node in today
                cost = -objective.rules.removal_points if here else objective.bringing_points(model, node)
                self.constant += objective.rules.removal_points * here
                row.append(self.variable(cost, whole=True))
                if not objective.movable(model, node):
                    self.highs.changeColBounds(row[-1], float(here), float(here))
            self.x.append(row)

    def _splits(self) -> None:
        """Add y and z, and with them each node's load as terms over z."""
        objective = self.objective
        self.loads: list[dict[int, float]] = [{} for _ in objective.nodes]
        self.z: dict[int, list[list[int]]] = {}
        self.y: dict[int, list[int]] = {}
        for model, one in enumerate(objective.models):
            self.at_least(1, dict.fromkeys(self.x[model], 1.0))
            if not one.busy_share:
                continue
            counts = range(1, self.most_nodes[model] + 1)
            self.y[model] = [self.variable(whole=True) for _ in counts]
            self.row(1, 1, dict.fromkeys(self.y[model], 1.0))
            self.z[model] = []
            for node, x in enumerate(self.x[model]):
                split = [self.variable() for _ in counts]
                self.z[model].append(split)
                self.row(0, 0, {x: -1.0} | dict.fromkeys(split, 1.0))
                for y, z, count in zip(self.y[model], split, counts, strict=True):
                    self.at_most(0, {z: 1.0, y: -1.0})
                    self.loads[node][z] = one.busy_share / count
            for index, count in enumerate(counts):
                terms = {split[index]: 1.0 for split in self.z[model]}
                self.row(0, 0, terms | {self.y[model][index]: -float(count)})

    def _node_terms(self) -> None:
        """Add memory, overload, loss and throttling of every node."""
        objective, rules = self.objective, self.objective.rules
        self.raised = {
            model: self.variable(rules.cache_change_points - rules.cache_points, whole=True)
            for model in sorted(objective.raisable)
        }
        self.constant += rules.cache_points * len(self.raised)
        self.over_after: list[int] = []
        infinite = self.highspy.kHighsInf
        for node, one in enumerate(objective.nodes):
            load = self.loads[node]
            over = self.variable(rules.overload_points, infinite)
            self.at_least(-rules.busy_ceiling, {over: 1.0} | {z: -share for z, share in load.items()})
            self.over_after.append(
                self.variable(rules.loss_points if len(objective.nodes) > 1 else 0.0, infinite)
            )
            self.at_least(
                -rules.busy_ceiling, {self.over_after[node]: 1.0} | {z: -share for z, share in load.items()}
            )
            self._single_losses(node)
            if objective.hot[node]:
                heat = self.variable(objective.throttle_points(node), infinite)
                terms = {self.x[model][node]: -relief for model, relief in objective.hot[node].items()}
                self.at_least(1 - sum(objective.hot[node].values()), {heat: 1.0} | terms)
            self._memory(node, one.limit_mib)

    def _single_losses(self, node: int) -> None:
        """Add for every model that some other node of it may be lost: that needs no pair to hold."""
        load = {z: -share for z, share in self.loads[node].items()}
        for model, splits in self.z.items():
            busy = self.objective.models[model].busy_share
            more = {
                z: -busy / (count * (count - 1)) - busy / count
                for count, z in enumerate(splits[node], start=1)
                if count > 1
            }
            self.at_least(-self.objective.rules.busy_ceiling, {self.over_after[node]: 1.0} | load | more)

    def _memory(self, node: int, limit_mib: int | None) -> None:
        """Keep a node's models within its memory; one that is over it today may stay so, at a price."""
        objective = self.objective
        terms: dict[int, float] = {
            self.x[model][node]: float(one.need_mib)
            for model, one in enumerate(objective.models)
            if one.need_mib
        }
        for model, raised in self.raised.items():
            x = self.x[model][node]
            if objective.closed[node]:
                # What fits here is unknown: the cache is raised only where the model is not here.
                self.at_most(1, {x: 1.0, raised: 1.0})
                continue
            both = self.variable()
            self.at_least(-1, {both: 1.0, x: -1.0, raised: -1.0})
            terms[both] = float(objective.models[model].cache_raise_mib)
        if limit_mib is None:
            return
        limit = objective.limits[node]
        if limit > limit_mib:
            excess = self.variable(objective.rules.memory_points_per_mib * MIB_PER_GIB, float("inf"))
            self.highs.changeColBounds(excess, 0.0, (limit - limit_mib) / MIB_PER_GIB)
            terms[excess] = -float(MIB_PER_GIB)
        self.at_most(limit_mib, terms)

    def _model_terms(self) -> None:
        """Add missing nodes, and nodes of its own for a model above plan."""
        objective, rules = self.objective, self.objective.rules
        for model in range(len(objective.models)):
            if rules.wanted_nodes > 1:
                short = self.variable(rules.redundancy_points, float(rules.wanted_nodes))
                self.at_least(rules.wanted_nodes, {short: 1.0} | dict.fromkeys(self.x[model], 1.0))
        self.alone: dict[int, list[int]] = {}
        for model in sorted(objective.above_plan):
            self.alone[model] = []
            for node, x in enumerate(self.x[model]):
                alone = self.variable(whole=True)
                self.alone[model].append(alone)
                self.at_most(0, {alone: 1.0, x: -1.0})
                for other, row in enumerate(self.x):
                    if other != model:
                        self.at_most(1, {alone: 1.0, row[node]: 1.0})
            missed = self.variable(rules.own_node_points)
            self.at_least(1, {missed: 1.0} | dict.fromkeys(self.alone[model], 1.0))

    def bring_in(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Add what the loss of either node of each pair does to the other."""
        models = self.objective.models
        for first, second in sorted(set(pairs) - self.pairs):
            self.pairs.add((first, second))
            taken: dict[int, float] = {}
            for model, splits in self.z.items():
                if not {first, second} <= set(self._possible(model)):
                    continue
                # p ≥ w/(k-1) - w/k where the model is on both: its two z and its y say so for every k.
                more = self.variable(0.0, self.highspy.kHighsInf)
                terms = {more: 1.0}
                for index, y in enumerate(self.y[model]):
                    count = index + 1
                    if count > 1:
                        share = models[model].busy_share / (count * (count - 1))
                        terms |= {splits[first][index]: -share, splits[second][index]: -share, y: share}
                self.at_least(0, terms)
                taken[more] = -1.0
            for node in (first, second):
                loads = {z: -share for z, share in self.loads[node].items()}
                self.at_least(
                    -self.objective.rules.busy_ceiling, {self.over_after[node]: 1.0} | taken | loads
                )

    def free(self, nodes: Collection[int], choice: Choice) -> None:
        """Let only the models on ``nodes`` change, in these nodes; elsewhere all is as in ``choice``."""
        for model, row in enumerate(self.x):
            for node, x in enumerate(row):
                here = float(node in choice.places[model])
                loose = node in nodes and self.objective.movable(model, node)
                self.highs.changeColBounds(x, 0.0 if loose else here, 1.0 if loose else here)

    def _possible(self, model: int) -> list[int]:
        today = self.objective.today.places[model]
        return [
            node
            for node in range(len(self.objective.nodes))
            if node in today or self.objective.movable(model, node)
        ]

    def known(self, choice: Choice) -> dict[int, float]:
        """Return the whole variables as a choice has them."""
        known = {x: float(node in nodes) for row, nodes in zip(self.x, choice.places, strict=True)
                 for node, x in enumerate(row)}  # fmt: skip
        for model, counts in self.y.items():
            known |= {y: float(len(choice.places[model]) == at + 1) for at, y in enumerate(counts)}
        known |= {at: float(model in choice.raised) for model, at in self.raised.items()}
        on = self.objective.on(choice)
        for model, alone in self.alone.items():
            known |= {at: float(on[node] == {model}) for node, at in enumerate(alone)}
        return known
