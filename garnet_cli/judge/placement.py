"""The best placement of models on nodes: the one entry to it.

``best_placement`` is pure and never worse than today's placement under its own objective, which
placement_objective.py defines and ``PlacementRules`` prices. ``placement_problem`` (placement_totals.py)
makes its input of an inventory and weeks of totals.
"""

from __future__ import annotations

from garnet_cli.judge.placement_diff import PlacementDiff
from garnet_cli.judge.placement_problem import PlacementProblem


def best_placement(problem: PlacementProblem, *, greedy: bool = False) -> PlacementDiff:
    """Return the best placement against today's, with a reason for each line.

    Solved exactly by highspy (the gap is stated where the search ends at its limit); by a greedy search
    with ``greedy``, or where highspy cannot be imported. Equal problems give equal results. Raises ValueError
    for a problem whose names do not fit together.
    """
    raise NotImplementedError
