"""Cost of the period by model and node, and against the prices of an API."""

from __future__ import annotations

from garnet_cli.judge.costs import NO_MODEL, Comparison, CostRow, usd
from garnet_cli.judge.costs import Costs as CostsFound
from garnet_cli.judge.costs import NodeCost as NodeCostFound
from garnet_cli.report.sections import Costs, ModelCost, NodeCost
from garnet_cli.report.wording import Wording

DOUBTS_NAMED = 2


def costs_section(found: CostsFound, before: CostsFound | None, words: Wording) -> Costs:
    """Return the section; money is unknown where no node has a price, for then hardware is not counted."""
    fleet, priced = found.fleet, is_priced(found)
    compared = [row for row in found.models if row.comparison is not None] if priced else []
    low, high = sum(row.low_micros for row in compared), sum(row.high_micros for row in compared)
    comparison = fleet.comparison if priced else None
    api = comparison.api_micros if comparison else None
    models = sorted(found.models, key=lambda row: (row.name == NO_MODEL, -row.total_micros, row.name))
    before_priced = before is not None and is_priced(before)
    return Costs(
        total_usd=usd(fleet.total_micros) if priced else None,
        total_usd_before=usd(before.fleet.total_micros) if before and before_priced else None,
        workload_usd=usd(fleet.workload_micros) if priced else None,
        idle_usd=usd(fleet.idle_micros) if priced else None,
        overhead_usd=usd(fleet.overhead_micros) if priced else None,
        hardware_usd=usd(found.hardware_micros) if priced else None,
        energy_usd=usd(found.energy_micros),
        kwh=sum(node.energy.kwh for node in found.nodes),
        usd_per_million=fleet.usd_per_million if priced else None,
        usd_per_million_low=fleet.low_usd_per_million if priced else None,
        usd_per_million_high=fleet.high_usd_per_million if priced else None,
        usd_per_million_before=before.fleet.usd_per_million if before and before_priced else None,
        compared_tokens=sum(row.tokens for row in compared),
        compared_usd=usd(comparison.own_micros) if comparison else None,
        api_usd=None if api is None else usd(api),
        savings_usd=usd(comparison.savings_micros) if comparison else None,
        savings_usd_low=None if api is None else usd(api - high),
        savings_usd_high=None if api is None else usd(api - low),
        savings_usd_before=_savings_before(before),
        savings_pct=_pct(comparison),
        times_under_api=comparison.times_cheaper if comparison else None,
        models=tuple(_model(row, priced=priced) for row in models),
        nodes=tuple(_node(node) for node in found.nodes),
        range_says=_range_says(found, words) if priced else "",
        says=_says(found, comparison, words) if priced else words.say("costs.no_prices"),
    )


def is_priced(found: CostsFound) -> bool:
    """Say whether any node's price is known: without, there is no cost to tell."""
    return any(node.priced for node in found.nodes)


def _savings_before(before: CostsFound | None) -> float | None:
    if before is None or not is_priced(before) or before.fleet.comparison is None:
        return None
    return usd(before.fleet.comparison.savings_micros)


def _pct(comparison: Comparison | None) -> float | None:
    share = comparison.savings_share if comparison else None
    return None if share is None else 100 * share


def _model(row: CostRow, *, priced: bool) -> ModelCost:
    comparison = row.comparison if priced else None
    reference = row.comparison.references[0] if row.comparison and row.comparison.references else None
    api = usd(row.comparison.api_micros) if row.comparison else None
    return ModelCost(
        model=row.name,
        tokens=row.tokens,
        usd=usd(row.total_micros) if priced else None,
        usd_per_million=row.usd_per_million if priced else None,
        usd_per_million_low=row.low_usd_per_million if priced else None,
        usd_per_million_high=row.high_usd_per_million if priced else None,
        busy_usd_per_million=row.busy_usd_per_million if priced else None,
        reference=reference.name if reference else "",
        reference_date=reference.date.isoformat() if reference else "",
        reference_source=reference.source if reference else "",
        api_usd=api,
        api_usd_per_million=None if api is None or not row.tokens else api / (row.tokens / 1e6),
        savings_usd=usd(comparison.savings_micros) if comparison else None,
        savings_pct=_pct(comparison),
        why_not=row.why_not,
    )


def _node(node: NodeCostFound) -> NodeCost:
    return NodeCost(
        node=node.row.name,
        hardware_usd=usd(node.hardware_micros) if node.priced else None,
        energy_usd=usd(node.energy_micros),
        overhead_usd=usd(node.row.overhead_micros),
        total_usd=usd(node.row.total_micros),
        kwh=node.energy.kwh,
        energy_source=", ".join(node.energy.sources),
    )


def _range_says(found: CostsFound, words: Wording) -> str:
    reasons = [one.reason for one in found.doubts[:DOUBTS_NAMED]]
    if not reasons:
        return words.say("costs.no_range")
    more = len(found.doubts) - len(reasons)
    if more:
        reasons.append(words.say("numbers.more", count=more))
    return words.say("costs.range", reasons="; ".join(reasons))


def _says(found: CostsFound, comparison: Comparison | None, words: Wording) -> str:
    fleet = found.fleet
    parts = [words.say("costs.total", usd=words.usd(usd(fleet.total_micros)))]
    if fleet.usd_per_million is None:
        parts.append(words.say("costs.no_price_per_million", why=fleet.why_not))
    else:
        parts.append(words.say("costs.per_million", usd=words.usd(fleet.usd_per_million)))
    if comparison is None:
        parts.append(words.say("costs.no_reference"))
    else:
        saved = comparison.savings_micros
        parts.append(
            words.say(
                "costs.saved" if saved >= 0 else "costs.lost",
                api=words.usd(usd(comparison.api_micros)),
                usd=words.usd(abs(usd(saved))),
            )
        )
    if found.unpriced_nodes:
        parts.append(words.say("costs.unpriced", nodes=words.names(found.unpriced_nodes)))
    return " ".join(parts)
