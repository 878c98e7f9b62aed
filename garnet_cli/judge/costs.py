"""What a window cost, by model, node and key, and what changed since the window before. Pure.

Money is in whole millionths of a US dollar (``…_micros``), divided so that parts add up to their total
exactly; a price in dollars per million tokens is micros by tokens.

total = workload + idle + overhead, where
- hardware = (price - residual value) x hours / life hours, energy = kWh x tariff (costs_nodes.py);
- workload is the part of hardware and energy in which a node worked, idle the rest;
- a model bears of its node's workload by its loaders' busy seconds, and of idle and overhead by its workload
  (costs_models.py); what no model can bear stands under NO_MODEL.

*Fully loaded* is a row's total by its tokens, *busy-only* its workload by its tokens. Tokens are prompt and
completion tokens as clients counted them; a node's are those of its loaders. Cached tokens are part of prompt
tokens; the three kinds are priced apart by the time that they take (costs_kinds.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from garnet_cli.judge.costs_basis import CostBasis as CostBasis  # noqa: PLC0414 -- known from here
from garnet_cli.judge.costs_basis import basis_of as basis_of  # noqa: PLC0414 -- likewise
from garnet_cli.judge.costs_change import CostChange as CostChange  # noqa: PLC0414 -- likewise
from garnet_cli.judge.costs_change import CostDiff as CostDiff  # noqa: PLC0414 -- likewise
from garnet_cli.judge.costs_change import Effects as Effects  # noqa: PLC0414 -- likewise
from garnet_cli.judge.costs_doubts import doubts_of
from garnet_cli.judge.costs_effects import effects_of
from garnet_cli.judge.costs_kinds import compared, kind_weights
from garnet_cli.judge.costs_models import Borne, borne_by_keys, borne_by_models, idle_below, kinds_of
from garnet_cli.judge.costs_nodes import NodeMoney, node_money
from garnet_cli.judge.costs_rows import NO_MODEL as NO_MODEL  # noqa: PLC0414 -- likewise
from garnet_cli.judge.costs_rows import Comparison as Comparison  # noqa: PLC0414 -- likewise
from garnet_cli.judge.costs_rows import CostRow as CostRow  # noqa: PLC0414 -- likewise
from garnet_cli.judge.costs_rows import usd as usd  # noqa: PLC0414 -- likewise
from garnet_cli.judge.costs_window import Costs as Costs  # noqa: PLC0414 -- likewise
from garnet_cli.judge.costs_window import Doubt as Doubt  # noqa: PLC0414 -- likewise
from garnet_cli.judge.costs_window import Energy as Energy  # noqa: PLC0414 -- likewise
from garnet_cli.judge.costs_window import NodeCost as NodeCost  # noqa: PLC0414 -- likewise
from garnet_cli.judge.costs_window import PlaceCost as PlaceCost  # noqa: PLC0414 -- likewise
from garnet_cli.store.totals import ModelTotals, Totals
from garnet_cli.store.totals_merge import merge_rows

ADDED = (
    "workload_micros",
    "idle_micros",
    "overhead_micros",
    "uncached_micros",
    "cached_micros",
    "completion_micros",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "requests",
    "low_micros",
    "high_micros",
)
"""Fields of rows that those of a node or the fleet are the sums of."""


def costs_of(totals: Totals, basis: CostBasis) -> Costs:
    """Return what the window of ``totals`` (of any bucket size, the window is added up) cost.

    Nodes are those of the inventory, for the whole window, and those that sent minutes but are no longer in
    it, without a price, for the time that they sent.
    """
    served = merge_rows((row for row in totals.models if row.model), ("begin_unix",))
    money = node_money(
        basis,
        merge_rows(totals.nodes, ("begin_unix",)),
        served,
        float(totals.end_unix - totals.begin_unix),
    )
    why_not = "" if any(node.priced for node in money) else "no node has a price_usd in the inventory"
    at_nodes = {
        node.name: borne_by_models(node, [row for row in served if row.node == node.name]) for node in money
    }
    borne = {row.model: Borne() for row in served}
    for parts in at_nodes.values():
        for name, part in parts.items():
            borne.setdefault(name, Borne()).add(part)
    by_model = {row.model: row for row in merge_rows(served, ("begin_unix", "node"))}
    models = [
        _model_row(name, borne[name], by_model.get(name), basis, why_not)
        for name in sorted(borne, key=lambda name: (name == NO_MODEL, name))
    ]
    floor = basis.settings.token_floor
    fleet = _fleet_row(models, floor, why_not)
    keys = borne_by_keys(fleet, merge_rows(totals.keys, ("begin_unix", "node")), floor, why_not)
    places = {node.name: _places(node, served, at_nodes[node.name], floor, why_not) for node in money}
    return Costs(
        begin_unix=totals.begin_unix,
        end_unix=totals.end_unix,
        fleet=fleet,
        models=tuple(models),
        nodes=tuple(_node_cost(node, places[node.name], floor, why_not) for node in money),
        places=tuple(place for node in money for place in places[node.name]),
        keys=keys,
        hardware_micros=sum(node.hardware for node in money),
        energy_micros=sum(node.energy for node in money),
        doubts=doubts_of(money, basis.settings),
        complete_share=totals.complete_share,
        unpriced_nodes=tuple(node.name for node in money if not node.priced),
    )


def cost_diff(this: Totals, last: Totals | None, basis: CostBasis) -> CostDiff:
    """Return this window's costs against the last one's, both at the inventory's prices of today.

    Windows of unlike length (a week of 167 or 169 hours) are compared as they are: hardware and overhead
    grow with the hours.
    """
    now = costs_of(this, basis)
    before = costs_of(last, basis) if last is not None else None
    return CostDiff(
        this=now,
        last=before,
        fleet=CostChange(name=now.fleet.name, this=now.fleet, last=before.fleet if before else None),
        models=_changes(now.models, before.models if before else ()),
        nodes=_changes(
            [node.row for node in now.nodes], [node.row for node in before.nodes] if before else []
        ),
        keys=_changes(now.keys, before.keys if before else ()),
        effects=effects_of(now.models, before.models) if before else None,
    )


def _model_row(name: str, borne: Borne, row: ModelTotals | None, basis: CostBasis, why_not: str) -> CostRow:
    known = row or ModelTotals(begin_unix=0, node="", model=name)
    made = _row(name, borne, known, basis.settings.token_floor, why_not)
    reference = basis.references.get(name)
    if reference is None or not made.tokens or why_not:
        return made
    return replace(made, comparison=compared(known, reference, borne.total))


def _fleet_row(models: Sequence[CostRow], floor: int, why_not: str) -> CostRow:
    made = _together("fleet", models, floor, why_not)
    compared_models = [row.comparison for row in models if row.comparison]
    if not compared_models:
        return made
    references = {one.name: one for each in compared_models for one in each.references}
    comparison = Comparison(
        references=tuple(references.values()),
        api_micros=sum(one.api_micros for one in compared_models),
        own_micros=sum(one.own_micros for one in compared_models),
    )
    return replace(made, comparison=comparison)


def _together(name: str, rows: Sequence[CostRow], floor: int, why_not: str) -> CostRow:
    added = {field: sum(getattr(row, field) for row in rows) for field in ADDED}
    busy = [row.busy_s for row in rows if row.busy_s is not None]
    row = replace(CostRow(name=name), **added, busy_s=sum(busy) if busy else None)
    return replace(row, why_not=why_not or idle_below(row.tokens, floor))


def _places(
    node: NodeMoney, models: Sequence[ModelTotals], borne: Mapping[str, Borne], floor: int, why_not: str
) -> list[PlaceCost]:
    rows = {row.model: row for row in models if row.node == node.name}
    found = []
    for name in sorted(borne, key=lambda name: (name == NO_MODEL, name)):
        row = rows.get(name) or ModelTotals(begin_unix=0, node=node.name, model=name)
        served = replace(
            row,
            requests=row.loader_requests,
            prompt_tokens=row.loader_prompt_tokens,
            cached_tokens=row.loader_cached_tokens,
            completion_tokens=row.loader_completion_tokens,
        )
        found.append(PlaceCost(node=node.name, row=_row(name, borne[name], served, floor, why_not)))
    return found


def _row(name: str, borne: Borne, row: ModelTotals, floor: int, why_not: str) -> CostRow:
    uncached, cached, completion = kinds_of(borne.total, kind_weights(row))
    return CostRow(
        name=name,
        workload_micros=borne.workload,
        idle_micros=borne.idle,
        overhead_micros=borne.overhead,
        uncached_micros=uncached,
        cached_micros=cached,
        completion_micros=completion,
        prompt_tokens=row.prompt_tokens,
        cached_tokens=row.cached_tokens,
        completion_tokens=row.completion_tokens,
        requests=row.requests,
        busy_s=row.loader_busy_s,
        low_micros=borne.low,
        high_micros=borne.high,
        why_not=why_not or idle_below(row.prompt_tokens + row.completion_tokens, floor),
    )


def _node_cost(node: NodeMoney, places: Sequence[PlaceCost], floor: int, why_not: str) -> NodeCost:
    row = _together(node.name, [place.row for place in places], floor, why_not)
    return NodeCost(
        row=replace(row, busy_s=node.busy_s),
        hardware_micros=node.hardware,
        energy_micros=node.energy,
        energy=node.kwh,
        priced=node.priced,
        busy_share=None if node.busy_s is None or not node.seconds else node.busy_s / node.seconds,
    )


def _changes(this: Sequence[CostRow], last: Sequence[CostRow]) -> tuple[CostChange, ...]:
    now, before = {row.name: row for row in this}, {row.name: row for row in last}
    names = sorted({*now, *before}, key=lambda name: (name == NO_MODEL, name))
    return tuple(CostChange(name=name, this=now.get(name), last=before.get(name)) for name in names)
