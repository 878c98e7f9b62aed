"""The best placement by HiGHS, an exact solver of mixed-integer programs.

Up to a few dozen nodes the whole fleet is solved at once. A larger one is bettered in neighbourhoods of
nodes, each with the rest as it is; the relaxation of the whole tells how far from the best that is.

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
AT_ONCE_UP_TO = 20_000
"""Squared nodes times models up to which a fleet is solved at once."""
NEIGHBOURS = 8
IDLEST = 3
"""Of a neighbourhood's nodes, at least so many are there for their room."""
NEIGHBOURHOODS = 16
NEIGHBOURHOOD_SEARCH_NODES = 30
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
    if len(objective.nodes) ** 2 * len(objective.models) > AT_ONCE_UP_TO:
        return _by_neighbourhoods(program, start, deadline)
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


def _by_neighbourhoods(program: Program, start: Choice, deadline: float) -> Solved:
    """Return ``start`` bettered in one neighbourhood after the other."""
    objective, best = program.objective, start
    bound = _relaxed(program)
    program.highs.setOptionValue("mip_max_nodes", NEIGHBOURHOOD_SEARCH_NODES)
    for seed in _seeds(objective, start):
        program.free(_neighbourhood(objective, best, seed), best)
        for _ in range(MOST_ROUNDS):
            found, _, _, late = _solve(program, best, max(0.1, deadline - time.monotonic()))
            if late:
                return Solved(start, bound, f"{objective.problem.solve_s:g} s")
            missing = _worst_pairs(objective, found) - program.pairs
            program.bring_in(missing)
            if objective.points(found) < objective.points(best) - CLOSE:
                best = found
            elif not missing:
                break
    return Solved(best, bound, f"neighbourhoods of {NEIGHBOURS} nodes")


def _relaxed(program: Program) -> float:
    """Return the bound that the program gives without whole numbers; negative infinity where it has none."""
    highs = program.highs
    highs.setOptionValue("solve_relaxation", True)
    highs.run()
    highs.setOptionValue("solve_relaxation", False)
    solved = highs.getModelStatus() == program.highspy.HighsModelStatus.kOptimal
    return float(highs.getInfo().objective_function_value) + program.constant if solved else -math.inf


def _seeds(objective: Objective, choice: Choice) -> list[int]:
    """Return the nodes around which a placement may be bettered, the most troubled first."""
    on, today = objective.on(choice), objective.on(objective.today)
    trouble = [
        sum(objective.node_parts(choice, node, on[node]).values())
        + sum(objective.move_points(model, choice.places[model]) for model in sorted(on[node] ^ today[node]))
        + sum(objective.rules.redundancy_points for model in on[node] if len(choice.places[model]) == 1)
        for node in range(len(objective.nodes))
    ]
    troubled = [node for node, points in enumerate(trouble) if points > 0]
    return sorted(troubled, key=lambda node: (-trouble[node], node))[:NEIGHBOURHOODS]


def _neighbourhood(objective: Objective, choice: Choice, seed: int) -> frozenset[int]:
    """Return a node with those that share its models, then the idlest ones."""
    on = objective.on(choice)
    partners = {
        node for model in on[seed] for node in (*choice.places[model], *objective.today.places[model])
    }
    idlest = sorted(range(len(objective.nodes)), key=lambda node: (objective.load(choice, on[node]), node))
    near = [node for node in idlest if node in partners and node != seed][: NEIGHBOURS - IDLEST - 1]
    far = [node for node in idlest if node != seed and node not in near]
    return frozenset((seed, *near, *far[: NEIGHBOURS - 1 - len(near)]))


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
