"""What the placement of models on nodes is decided from, as plain data.

Memory is in MiB: what is needed rounded up, what may be used rounded down, so that a sum of whole numbers
decides. A busy share is that of one node: 1.0 keeps one node busy all the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

NeedSource = Literal["artifact", "measured", "unknown"]
Placement = Mapping[str, tuple[str, ...]]
"""Model to the nodes that serve it, these in the problem's order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacementNode:
    """One node. What is ``None`` is unknown."""

    name: str
    limit_mib: int | None
    """Memory that loaders may use; ``None``: nothing is moved onto it."""
    throttle_share: float | None = None
    """Share (0..1) of its busy time in which the chip was throttled."""
    relieved: bool = False
    """A model has left it since it throttled: no further one has to."""
    price_usd: float | None = None
    fixed: bool = False
    """Nothing is moved onto it or off it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacementModel:
    """One model, where it is today, and what is expected of it."""

    name: str
    nodes: tuple[str, ...]
    """Today's."""
    need_mib: int | None
    """Most that one of its loaders comes to need; ``None``: it is not moved onto any node."""
    need_source: NeedSource = "artifact"
    busy_share: float = 0.0
    """Expected in the busiest hours, of all its loaders together."""
    last_busy_share: float = 0.0
    """As ``busy_share``, in the week that was."""
    requests_per_s: float = 0.0
    """Expected in the busiest hours."""
    last_requests_per_s: float = 0.0
    plan_requests_per_s: float | None = None
    """What it was planned for in the busiest hours; ``None`` without a plan."""
    weeks: int = 0
    """How many weeks the expectation rests on."""
    pinned: tuple[str, ...] = ()
    """Nodes that it stays on."""
    fixed: bool = False
    """It stays where it is and goes nowhere else."""
    context: int = 0
    hit_rate: float | None = None
    """Share (0..1) of prompt-cache lookups that found a prefix."""
    mean_prompt_tokens: float | None = None
    evictions: int = 0
    """Sequences that its prompt caches pushed out in the week."""
    cache_mib: int | None = None
    """Most that one loader's prompt cache keeps today."""
    cache_wanted_mib: int | None = None
    """What it should keep, where its hit rate is low, its prompts long and its cache full; else ``None``."""

    @property
    def cache_raise_mib(self) -> int:
        """Return by how much a raised cache raises ``need_mib``; 0 where none is wanted."""
        if self.cache_wanted_mib is None or self.cache_mib is None or self.need_mib is None:
            return 0
        return max(0, self.cache_wanted_mib - self.cache_mib)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacementRules:
    """What is wanted, and the price in points of what falls short. The sum of the points is the objective.

    The points are in proportion: a model without a second node is worth ten moves, so it gets one wherever
    memory allows; a move has to mend at least one percentage point of overload.
    """

    busy_ceiling: float = 0.80
    """Most busy share of a node, also with any one other node lost."""
    throttle_limit: float = 0.03
    """Above it one model is moved off."""
    relief_share: float = 1 / 3
    """Part of a throttled node's work that is to leave it; a model with less is worth its part."""
    wanted_nodes: int = 2
    """Nodes of each model."""
    own_node_from: float = 0.5
    """A model above plan gets a node to itself once its nodes are busier than this part of the ceiling."""

    memory_points_per_mib: float = 1.0
    """What a node needs over its memory: only where it is so today, else it is not allowed."""
    redundancy_points: float = 100.0
    """For each model on fewer than the wanted nodes."""
    overload_points: float = 1000.0
    """For a busy share of 1.0 above the ceiling, all nodes up."""
    loss_points: float = 300.0
    """The same with the worst other node lost."""
    own_node_points: float = 60.0
    """For each model above plan that shares all its nodes."""
    throttle_points: float = 40.0
    """For each throttled node from which nothing was moved, at the limit; up to three times as much above."""
    cache_points: float = 20.0
    """For each model whose prompt cache stays too small."""
    move_points: float = 10.0
    """For each model brought to a node."""
    move_points_per_gib: float = 0.1
    """And for its size."""
    removal_points: float = 2.0
    """For each model taken from a node."""
    cache_change_points: float = 5.0
    """For each model whose cache is changed: its loaders are swapped."""
    onto_throttled_points: float = 30.0
    """More for a model brought to a node that throttles above the limit."""
    onto_busy_points: float = 2.0
    """More for a model brought to a node, times its busy share today: of equal nodes the idler one."""
    onto_warm_points: float = 2.0
    """More for a model brought to a node, times its throttling below the limit: the cooler one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacementProblem:
    """All that the best placement follows from. Names are unique; models' nodes are among ``nodes``."""

    nodes: tuple[PlacementNode, ...]
    models: tuple[PlacementModel, ...]
    rules: PlacementRules = field(default_factory=PlacementRules)
    notes: tuple[str, ...] = ()
    """What the reader should know of the data, such as weeks that are missing."""
    solve_nodes: int = 200
    """Most nodes of the search tree: a limit that gives equal output for equal input on any machine."""
    solve_s: float = 300.0
    """Most seconds for the solver; one that takes longer is given up, and the greedy placement stands."""

    @property
    def today(self) -> dict[str, tuple[str, ...]]:
        """Return today's placement."""
        order = {node.name: at for at, node in enumerate(self.nodes)}
        return {model.name: tuple(sorted(model.nodes, key=order.__getitem__)) for model in self.models}
