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
"""Fields of the models' rows that the fleet's are the sums of."""


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
    by_model = {row.model: row for row in merge_rows(served, ("node",))}
    models = [
        _model_row(name, borne[name], by_model.get(name), basis, why_not)
        for name in sorted(borne, key=lambda name: (name == NO_MODEL, name))
    ]
    fleet = _fleet_row(models, basis.settings.token_floor, why_not)
    keys = borne_by_keys(
        fleet, merge_rows(totals.keys, ("begin_unix", "node")), basis.settings.token_floor, why_not
    )
    return Costs(
        begin_unix=totals.begin_unix,
        end_unix=totals.end_unix,
        fleet=fleet,
        models=tuple(models),
        nodes=tuple(_node_cost(node, served, at_nodes[node.name], basis, why_not) for node in money),
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
    if row is None:
        row = ModelTotals(begin_unix=0, node="", model=name)
    tokens = row.prompt_tokens + row.completion_tokens
    reference = basis.references.get(name)
    uncached, cached, completion = kinds_of(borne.total, kind_weights(row))
    return CostRow(
        name=name,
        workload_micros=borne.workload,
        idle_micros=borne.idle,
        overhead_micros=borne.overhead,
        prompt_tokens=row.prompt_tokens,
        cached_tokens=row.cached_tokens,
        completion_tokens=row.completion_tokens,
        requests=row.requests,
        busy_s=row.loader_busy_s,
        low_micros=borne.low,
        high_micros=borne.high,
        why_not=why_not or idle_below(tokens, basis.settings.token_floor),
        comparison=compared(row, reference, borne.total) if reference and tokens and not why_not else None,
        uncached_micros=uncached,
        cached_micros=cached,
        completion_micros=completion,
    )


def _fleet_row(models: Sequence[CostRow], floor: int, why_not: str) -> CostRow:
    def together(field: str) -> int:
        return sum(getattr(row, field) for row in models)

    busy = [row.busy_s for row in models if row.busy_s is not None]
    compared_models = [row.comparison for row in models if row.comparison]
    comparison = None
    if compared_models:
        references = {one.name: one for each in compared_models for one in each.references}
        comparison = Comparison(
            references=tuple(references.values()),
            api_micros=sum(one.api_micros for one in compared_models),
            own_micros=sum(one.own_micros for one in compared_models),
        )
    return CostRow(
        name="fleet",
        busy_s=sum(busy) if busy else None,
        why_not=why_not or idle_below(together("prompt_tokens") + together("completion_tokens"), floor),
        comparison=comparison,
        **{field: together(field) for field in ADDED},
    )


def _node_cost(
    node: NodeMoney, models: Sequence[ModelTotals], borne: Mapping[str, Borne], basis: CostBasis, why_not: str
) -> NodeCost:
    here = [row for row in models if row.node == node.name]
    served = [
        replace(
            row,
            prompt_tokens=row.loader_prompt_tokens,
            cached_tokens=row.loader_cached_tokens,
            completion_tokens=row.loader_completion_tokens,
        )
        for row in here
    ]
    kinds = [kinds_of(borne[row.model].total, kind_weights(row)) for row in served if row.model in borne]
    tokens = sum(row.prompt_tokens + row.completion_tokens for row in served)
    return NodeCost(
        row=CostRow(
            name=node.name,
            workload_micros=node.workload,
            idle_micros=node.idle,
            overhead_micros=node.overhead,
            prompt_tokens=sum(row.prompt_tokens for row in served),
            cached_tokens=sum(row.cached_tokens for row in served),
            completion_tokens=sum(row.completion_tokens for row in served),
            requests=sum(row.loader_requests for row in here),
            busy_s=node.busy_s,
            low_micros=node.total + node.hardware_doubt[0] + node.energy_doubt[0],
            high_micros=node.total + node.hardware_doubt[1] + node.energy_doubt[1],
            why_not=why_not or idle_below(tokens, basis.settings.token_floor),
            uncached_micros=sum(uncached for uncached, _, _ in kinds),
            cached_micros=sum(cached for _, cached, _ in kinds),
            completion_micros=sum(completion for _, _, completion in kinds),
        ),
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
