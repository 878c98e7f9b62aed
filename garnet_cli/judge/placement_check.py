"""Whether a placement keeps what it must, by names and plain sums: nothing is shared with the search."""

from __future__ import annotations

from collections.abc import Collection

from garnet_cli.judge.placement_problem import Placement, PlacementModel, PlacementNode, PlacementProblem


def broken_rules(problem: PlacementProblem, placement: Placement, raised: Collection[str]) -> list[str]:
    """Return a sentence for each rule that a placement breaks; none if it may be carried out.

    ``raised`` are the models whose prompt cache is to be raised.
    """
    known = {node.name for node in problem.nodes}
    models = {model.name: model for model in problem.models}
    found = []
    if placement.keys() != models.keys():
        found.append("it does not name every model once")
    for name, nodes in placement.items():
        if not nodes or len(set(nodes)) < len(nodes) or not set(nodes) <= known:
            found.append(f"{name} is on no node, twice on one, or on one that is not there")
    if found:
        return found
    for model in problem.models:
        found.extend(_stays(model, placement[model.name], problem))
        if model.name in raised and not model.cache_raise_mib:
            found.append(f"the prompt cache of {model.name} is raised for no reason")
    for node in problem.nodes:
        here = [model for model in problem.models if node.name in placement[model.name]]
        today_mib = sum(model.need_mib or 0 for model in problem.models if node.name in model.nodes)
        found.extend(_memory(node, here, raised, today_mib))
    return found


def _stays(model: PlacementModel, nodes: tuple[str, ...], problem: PlacementProblem) -> list[str]:
    changed = set(nodes) ^ set(model.nodes)
    found = []
    if changed and (model.fixed or model.need_mib is None):
        found.append(f"{model.name} is moved, but is to stay or needs an unknown amount of memory")
    if not set(model.pinned) & set(model.nodes) <= set(nodes):
        found.append(f"{model.name} leaves a node that it is pinned to")
    fixed = {node.name for node in problem.nodes if node.fixed}
    if changed & fixed:
        found.append(f"{model.name} comes to or leaves {', '.join(sorted(changed & fixed))}, which is fixed")
    return found


def _memory(
    node: PlacementNode, here: list[PlacementModel], raised: Collection[str], today_mib: int
) -> list[str]:
    """Return what is wrong with a node's memory: only what is new on it can be."""
    new = [model for model in here if node.name not in model.nodes or model.name in raised]
    if not new:
        return []
    names = ", ".join(model.name for model in new)
    if node.limit_mib is None or any(model.need_mib is None for model in here):
        return [f"{names} on {node.name}: how much memory is free there is unknown"]
    need = sum((model.need_mib or 0) + model.cache_raise_mib * (model.name in raised) for model in here)
    if need > max(node.limit_mib, today_mib):
        return [f"{names} on {node.name}: {need} MiB are needed, {node.limit_mib} MiB may be used"]
    return []
