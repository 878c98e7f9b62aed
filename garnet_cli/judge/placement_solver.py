"""The best placement by HiGHS, an exact solver of mixed-integer programs.

A large fleet's pairs of nodes are many and few of them matter: they are brought in where a solution breaks
them, until none does. Each round's bound holds for the whole problem, as what is left out only restrains it.
One thread, a fixed seed and a limit of search nodes make equal problems give equal placements. Where the
clock ends the search instead, what it has found by then would differ from run to run: it is given up.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from itertools import combinations

from garnet_cli.judge.placement_objective import Choice, Objective
from garnet_cli.judge.placement_program import Program

ALL_PAIRS_UP_TO = 2_000
"""Pairs of nodes times models that are brought in at once."""
ALL_COUNTS_UP_TO = 8
"""Nodes up to which a model may come to be on any number of them."""
MOST_ROUNDS = 12
CLOSE = 1e-4
"""Points within which two objectives are equal."""
FEASIBLE = 2
"""HiGHS's ``kSolutionStatusFeasible``."""


@dataclass(frozen=True, slots=True)
class Solved:
    """What the solver found."""

    choice: Choice
    bound: float
    """No placement has fewer points."""
    limit: str = ""
    """The limit at which the search ended; empty where it came to its end."""


def solved_choice(objective: Objective, start: Choice) -> Solved:
    """Return the best choice, beginning from ``start``. Raises ImportError without highspy.

    Raises RuntimeError where HiGHS ends without a solution, which ``start`` rules out.
    """
    import highspy  # noqa: PLC0415 -- loads a library of 12 MB

    program = Program(
        objective, highspy, [_most_nodes(objective, start, at) for at in range(len(start.places))]
    )
    problem = objective.problem
    deadline = time.monotonic() + problem.solve_s
    if len(objective.nodes) ** 2 * len(objective.models) <= ALL_PAIRS_UP_TO:
        program.bring_in(combinations(range(len(objective.nodes)), 2))
    else:
        program.bring_in(_worst_pairs(objective, objective.today) | _worst_pairs(objective, start))
    best, bound, limit = start, -math.inf, ""
    for _ in range(MOST_ROUNDS):
        found, lower, limit, late = _solve(program, best, max(0.1, deadline - time.monotonic()))
        bound = max(bound, lower)
        if late:
            return Solved(start, bound, limit)
        if objective.points(found) < objective.points(best) - CLOSE:
            best = found
        missing = _worst_pairs(objective, found) - program.pairs
        if limit or not missing or objective.points(best) - bound <= CLOSE:
            break
        program.bring_in(missing)
    else:
        limit = f"{MOST_ROUNDS} rounds"
    return Solved(best, bound, limit)


def _worst_pairs(objective: Objective, choice: Choice) -> set[tuple[int, int]]:
    """Return the pairs of nodes of which one is over the ceiling when the other is lost."""
    found = set()
    for node, here in enumerate(objective.on(choice)):
        load = objective.load(choice, here)
        others = {other for model in here for other in choice.places[model]} - {node}
        for other in others:
            more = sum(
                objective.models[model].busy_share
                / (len(choice.places[model]) * (len(choice.places[model]) - 1))
                for model in here
                if other in choice.places[model]
            )
            if load + more > objective.rules.busy_ceiling:
                found.add((min(node, other), max(node, other)))
    return found


def _most_nodes(objective: Objective, start: Choice, model: int) -> int:
    """Return on how many nodes a model may come to be: in a large fleet, two more than could be of use."""
    count, rules, one = len(objective.nodes), objective.rules, objective.models[model]
    if count <= ALL_COUNTS_UP_TO:
        return count
    needed = math.ceil(one.busy_share / rules.busy_ceiling) + 1 if rules.busy_ceiling else 0
    return min(count, max(len(one.nodes), len(start.places[model]), needed, rules.wanted_nodes) + 2)


def _solve(program: Program, start: Choice, seconds: float) -> tuple[Choice, float, str, bool]:
    """Return the solution, a bound of the objective, the limit that ended the search, whether it was time."""
    highs, problem = program.highs, program.objective.problem
    highs.setOptionValue("time_limit", highs.getRunTime() + seconds)
    known = program.known(start)
    highs.setSolution(len(known), list(known), list(known.values()))
    highs.run()
    status, info = highs.getModelStatus(), highs.getInfo()
    bound = info.mip_dual_bound + program.constant
    late = program.highspy.HighsModelStatus.kTimeLimit
    values = list(highs.getSolution().col_value)
    if not values or info.primal_solution_status != FEASIBLE:
        return start, bound, f"no solution ({status.name})", status == late
    places = tuple(frozenset(node for node, x in enumerate(row) if round(values[x])) for row in program.x)
    raised = frozenset(model for model, at in program.raised.items() if round(values[at]))
    kinds = program.highspy.HighsModelStatus
    ends = {
        late: f"{problem.solve_s:g} s",
        kinds.kSolutionLimit: f"{problem.solve_nodes} search nodes",
    }
    return Choice(places, raised), bound, ends.get(status, ""), status == late
