"""The cost diff and its anomalies as sections. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from garnet_cli.judge.anomalies import Anomaly
from garnet_cli.judge.costs_change import CostChange, CostDiff
from garnet_cli.judge.costs_money import MICROS_PER_CENT, in_cents
from garnet_cli.judge.costs_rows import CostRow
from garnet_cli.judge.costs_window import Costs
from garnet_cli.weekly.blocks import Block, Bullets, Section, Table, Text, change, dollars, millions, price

NO_MODEL_SHOWN = "(no model)"
NO_KEY_SHOWN = "(no key)"
KINDS = ("uncached", "cached", "completion", "$/M uncached", "$/M cached", "$/M completion")


def cost_sections(diff: CostDiff, anomalies: Sequence[Anomaly]) -> list[Section]:
    """Return what the week cost beside the last one, what doubled and why, and how sure that is."""
    blocks: list[Block] = [Text(text=headline(diff)), Text(text=_parts(diff.this))]
    if diff.effects is not None and diff.last is not None:
        blocks.append(Text(text=_effects(diff)))
    # What to do next has said what doubled.
    blocks += [
        Bullets(items=(_anomaly(one), *_causes(one)), detail=one.verdict == "doubled") for one in anomalies
    ]
    blocks.append(_models(diff))
    blocks += [_kinds(diff), _nodes(diff), _keys(diff)]
    if diff.this.doubts:
        doubts = tuple(
            f"{one.reason} ({dollars(one.low_micros)} to {dollars(one.high_micros)})"
            for one in diff.this.doubts
        )
        blocks.append(Bullets(items=doubts, title="What makes the range:", detail=True))
    blocks.append(Text(text=METHOD, detail=True))
    return [Section(title="Cost diff", blocks=blocks)]


def headline(diff: CostDiff) -> str:
    """Return what the week cost, a million tokens and beside an API, in a sentence or two."""
    fleet = diff.this.fleet
    text = f"{dollars(fleet.total_micros)} in all"
    if diff.last is not None:
        text += f", {dollars(diff.last.fleet.total_micros)} the week before"
    text += f", for {millions(fleet.tokens)} tokens of {fleet.requests:,} requests"
    shown = price(fleet.usd_per_million)
    text += f": {shown} a million tokens fully loaded" if shown else f": no price a million ({fleet.why_not})"
    last = diff.last.fleet.usd_per_million if diff.last is not None else None
    if shown and last is not None:
        text += f", before {price(last)}"
    return f"{text}.{_beside_api(diff.this)}"


def _beside_api(costs: Costs) -> str:
    found = costs.fleet.comparison
    if found is None:
        return ""
    compared = [row for row in costs.models if row.comparison is not None and row.tokens]
    whole = all(row.comparison is not None for row in costs.models if row.tokens)
    what = "the same tokens" if whole else f"the tokens of {', '.join(row.name for row in compared)}"
    verb = "saves" if found.savings_micros >= 0 else "costs"
    more = "" if found.savings_micros >= 0 else " more"
    return (
        f" At API prices {what} would cost {dollars(found.api_micros)}, here {dollars(found.own_micros)}:"
        f" owning {verb} {dollars(abs(found.savings_micros))}{more}."
    )


def _parts(costs: Costs) -> str:
    fleet, total = costs.fleet, costs.fleet.total_micros
    parts = (
        ("work", fleet.workload_micros),
        ("idle", fleet.idle_micros),
        ("overhead", fleet.overhead_micros),
    )
    shown = ", ".join(f"{name} {dollars(micros)} ({_share(micros, total)})" for name, micros in parts)
    text = f"Of it {shown}; hardware {dollars(costs.hardware_micros)}, energy {dollars(costs.energy_micros)}."
    if costs.doubts:
        text += f" It may be {dollars(fleet.low_micros)} to {dollars(fleet.high_micros)}."
    if costs.unpriced_nodes:
        text += f" Without a price in the inventory: {', '.join(costs.unpriced_nodes)}."
    return text


def _effects(diff: CostDiff) -> str:
    effects = diff.effects
    if effects is None:
        return ""
    parts = (
        ("price", effects.price_micros),
        ("volume", effects.volume_micros),
        ("mix of models", effects.mix_micros),
    )
    shown = ", ".join(f"{name} {_signed(micros)}" for name, micros in parts)
    return f"The change of {_signed(diff.fleet.change_micros)} is {shown}."


def _anomaly(one: Anomaly) -> str:
    mark = "DOUBLED" if one.verdict == "doubled" else "TOO THIN TO SAY"
    return f"{mark}: {one.sentence}"


def _causes(one: Anomaly) -> list[str]:
    words = ("likeliest cause", *["also possible"] * len(one.causes))
    return [
        f"{word} ({cause.confidence} confidence): {cause.sentence}"
        for word, cause in zip(words, one.causes, strict=False)
    ]


def _models(diff: CostDiff) -> Table:
    costs = _shown([one.this.total_micros if one.this else 0 for one in diff.models])
    rows = [_model_row(one, cost, _api_price(one.this)) for one, cost in zip(diff.models, costs, strict=True)]
    fleet = dollars(diff.fleet.this.total_micros) if diff.fleet.this else dollars(0)
    return Table(
        columns=("model", "tokens", "cost", "$/M", "last", "change", "busy $/M", "API $/M"),
        rows=(*rows, _model_row(diff.fleet, fleet, None)),
        title="Dollars a million tokens by model, fully loaded",
        numbers=frozenset({"tokens", "cost", "$/M", "last", "change", "busy $/M", "API $/M"}),
        left_out_first=("busy $/M",),
    )


def _api_price(row: CostRow | None) -> str | None:
    if row is None or row.comparison is None or not row.tokens:
        return None
    return price(row.comparison.api_micros / row.tokens)


def _shown(micros: Sequence[int]) -> list[str]:
    """Return a column of amounts whose cents add up to the total's."""
    return [dollars(cents * MICROS_PER_CENT) for cents in in_cents(micros)]


def _model_row(one: CostChange, cost: str, api: str | None) -> tuple[str | None, ...]:
    row = one.this or CostRow(name=one.name)
    return (
        one.name or NO_MODEL_SHOWN,
        millions(row.tokens),
        cost,
        price(row.usd_per_million) or _why_not(row),
        price(one.last.usd_per_million) if one.last else None,
        change(one.ratio),
        price(row.busy_usd_per_million),
        api,
    )


def _why_not(row: CostRow) -> str | None:
    if not row.why_not:
        return None
    # Longer reasons are those of the whole fleet, which the first line gives.
    return "n/a (idle)" if row.why_not.startswith("idle") else "n/a"


def _kinds(diff: CostDiff) -> Table:
    return Table(
        columns=("model", *KINDS),
        rows=tuple(
            (
                row.name or NO_MODEL_SHOWN,
                millions(row.uncached_tokens),
                millions(row.cached_tokens),
                millions(row.completion_tokens),
                price(row.uncached_usd_per_million),
                price(row.cached_usd_per_million),
                price(row.completion_usd_per_million),
            )
            for row in diff.this.models
        ),
        title="Uncached and cached prompt tokens and completion tokens apart",
        numbers=frozenset(KINDS),
        detail=True,
    )


def _nodes(diff: CostDiff) -> Table:
    costs = _shown([one.row.total_micros for one in diff.this.nodes])
    return Table(
        columns=("node", "cost", "hardware", "energy", "kWh", "measured", "source", "busy"),
        rows=tuple(
            (
                one.row.name,
                cost,
                dollars(one.hardware_micros) if one.priced else None,
                dollars(one.energy_micros),
                f"{one.energy.kwh:.1f}",
                f"{one.energy.measured_share * 100:.0f} %",
                ", ".join(one.energy.sources) or None,
                None if one.busy_share is None else f"{one.busy_share * 100:.0f} %",
            )
            for one, cost in zip(diff.this.nodes, costs, strict=True)
        ),
        title="By node",
        numbers=frozenset({"cost", "hardware", "energy", "kWh", "measured", "busy"}),
        detail=True,
    )


def _keys(diff: CostDiff) -> Table:
    return Table(
        columns=("key", "requests", "tokens", "cost", "last", "$/M"),
        rows=tuple(
            (
                one.name or NO_KEY_SHOWN,
                f"{one.this.requests:,}" if one.this else None,
                millions(one.this.tokens) if one.this else None,
                dollars(one.this.total_micros) if one.this else None,
                dollars(one.last.total_micros) if one.last else None,
                price(one.this.usd_per_million) if one.this else None,
            )
            for one in diff.keys
        ),
        title="By client key",
        numbers=frozenset({"requests", "tokens", "cost", "last", "$/M"}),
        detail=True,
    )


def _share(part: int, total: int) -> str:
    return f"{part / total * 100:.0f} %" if total else "0 %"


def _signed(micros: int) -> str:
    return f"+{dollars(micros)}" if round(micros / 10_000) > 0 else dollars(micros)


METHOD = (
    "Fully loaded is all that a model bears: its work and its part of the idle time and of the overhead."
    " Busy-only is its work alone. Hardware is (price - residual value) by hours of its life, energy is kWh"
    " by tariff. Tokens are prompt and completion tokens; cached tokens are part of the prompt's. All rows"
    " add up to the total exactly."
)
