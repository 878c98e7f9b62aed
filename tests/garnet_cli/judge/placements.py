"""Placement problems for tests: small fleets by hand, and hypothesis strategies for any."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies

from garnet_cli.judge.placement_problem import PlacementModel, PlacementNode, PlacementProblem, PlacementRules

GIB = 1024
"""In MiB."""


def fleet(nodes: int, *models: PlacementModel, limit_gib: int = 48, **rules: Any) -> PlacementProblem:
    """Return a problem with equal nodes ``n1``, ``n2`` and so on."""
    return PlacementProblem(
        nodes=tuple(PlacementNode(name=f"n{at + 1}", limit_mib=limit_gib * GIB) for at in range(nodes)),
        models=models,
        rules=PlacementRules(**rules),
    )


def model(name: str, *nodes: str, need_gib: float = 8, **fields: Any) -> PlacementModel:
    """Return a model of 8 GiB that was as busy last week as it is expected to be."""
    fields.setdefault("last_busy_share", fields.get("busy_share", 0.0))
    need = None if fields.get("need_source") == "unknown" else round(need_gib * GIB)
    return PlacementModel(name=name, nodes=nodes, need_mib=need, **fields)


def node(problem: PlacementProblem, name: str, **fields: Any) -> PlacementProblem:
    """Return the problem with one node otherwise."""
    nodes = tuple(replace(one, **fields) if one.name == name else one for one in problem.nodes)
    return replace(problem, nodes=nodes)


@strategies.composite
def problems(draw: strategies.DrawFn, most_nodes: int = 4, most_models: int = 5) -> PlacementProblem:
    """Draw any problem: full nodes, unknown memory, pins, throttling, plans, caches that are too small."""
    count = draw(strategies.integers(1, most_nodes))
    names = [f"n{at + 1}" for at in range(count)]
    nodes = tuple(
        PlacementNode(
            name=name,
            limit_mib=draw(strategies.sampled_from((None, 12 * GIB, 24 * GIB, 48 * GIB, 48 * GIB))),
            throttle_share=draw(strategies.sampled_from((None, 0.0, 0.01, 0.04, 0.2))),
            price_usd=draw(strategies.sampled_from((None, 1999.0))),
            fixed=draw(strategies.integers(0, 9)) == 0,
        )
        for name in names
    )
    models = tuple(
        _model(draw, f"m{at + 1}", names) for at in range(draw(strategies.integers(0, most_models)))
    )
    return PlacementProblem(nodes=nodes, models=models, solve_nodes=200)


def _model(draw: strategies.DrawFn, name: str, names: list[str]) -> PlacementModel:
    today = draw(strategies.lists(strategies.sampled_from(names), min_size=1, unique=True))
    busy = draw(strategies.sampled_from((0.0, 0.1, 0.35, 0.7, 1.3)))
    need = draw(strategies.one_of(strategies.none(), strategies.integers(500, 30 * GIB)))
    raised = need is not None and draw(strategies.booleans())
    return PlacementModel(
        name=name,
        nodes=tuple(today),
        need_mib=need,
        need_source="unknown" if need is None else "artifact",
        busy_share=busy,
        last_busy_share=draw(strategies.sampled_from((0.0, busy / 2, busy))),
        requests_per_s=10 * busy,
        plan_requests_per_s=draw(strategies.sampled_from((None, 1.0, 8.0))),
        pinned=tuple(draw(strategies.lists(strategies.sampled_from(today), unique=True, max_size=1))),
        fixed=draw(strategies.integers(0, 9)) == 0,
        hit_rate=0.2,
        mean_prompt_tokens=4000.0,
        evictions=100,
        cache_mib=2 * GIB if raised else None,
        cache_wanted_mib=4 * GIB if raised else None,
    )
