"""What a quarterly report adds: whether to add a node, newer models, and the tiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from garnet_cli.judge.memory import SHARE_OF_MEMORY
from garnet_cli.report.capacity import MONTHS_SHOWN
from garnet_cli.report.catalogue import Catalogue, newer_model
from garnet_cli.report.gathered import Gathered
from garnet_cli.report.month import months_after
from garnet_cli.report.sections import (
    Capacity,
    Costs,
    Distribution,
    ModelSwap,
    ModelVolume,
    Quarter,
    Tier,
    Volume,
)
from garnet_cli.report.shares import pct
from garnet_cli.report.size_class import CLASSES, MIDDLE
from garnet_cli.report.targets import LATENCY_P95_MS
from garnet_cli.report.wording import Wording
from garnet_cli.store.totals_merge import merge_rows
from node_scripts.histogram import merged

GIB = 1024**3
MONTHS_TO_ACT = 3
"""A node that is needed within a quarter is decided on now."""
LITTLE_PCT = 5.0
"""Of the tokens: a tier with less has to say why it is there."""


def quarter_of(
    data: Gathered,
    catalogue: Catalogue,
    sections: tuple[Volume, Distribution, Costs, Capacity],
    words: Wording,
) -> Quarter:
    """Return the section."""
    volume, distribution, costs, capacity = sections
    add, why = add_capacity(capacity, data.span.after, words)
    return Quarter(
        add_capacity=add,
        add_capacity_why=why,
        swaps=tuple(_swaps(data, catalogue, distribution, words)),
        catalogue_date=catalogue.date.isoformat(),
        tiers=tuple(_tiers(data, volume, costs, words)),
    )


def add_capacity(capacity: Capacity, after: date, words: Wording) -> tuple[bool | None, str]:
    """Say whether a node should be added now, and why; ``None``: too little is known."""
    known = [week.busy_pct for week in capacity.weeks if week.busy_pct is not None]
    if not capacity.months or not known:
        return None, words.say("quarter.add_unknown")
    border = f"{months_after(after, MONTHS_TO_ACT):%Y-%m}"
    if capacity.needed_month is not None and capacity.needed_month <= border:
        return True, _money(
            words.say("quarter.add_yes", month=words.month_named(capacity.needed_month)), capacity, words
        )
    earliest = capacity.needed_month_earliest
    if earliest is not None and earliest <= border:
        return False, words.say("quarter.add_watch", month=words.month_named(earliest))
    return False, words.say("quarter.add_no", months=MONTHS_SHOWN, ceiling=words.pct(capacity.ceiling_pct))


def _money(text: str, capacity: Capacity, words: Wording) -> str:
    if capacity.node_usd_per_month is None:
        return text
    if capacity.api_usd_per_month is None:
        return f"{text} {words.say('quarter.node_cost', usd=words.usd(capacity.node_usd_per_month))}"
    return " ".join(
        (
            text,
            words.say(
                "quarter.node_against_api",
                usd=words.usd(capacity.node_usd_per_month),
                api=words.usd(capacity.api_usd_per_month),
            ),
        )
    )


def _swaps(
    data: Gathered, catalogue: Catalogue, distribution: Distribution, words: Wording
) -> list[ModelSwap]:
    limits = memory_limits(data)
    last_day = data.span.after - timedelta(days=1)
    found = []
    for model in data.inventory.models:
        newer = newer_model([model.name, model.source.text], catalogue, last_day)
        if newer is None:
            continue
        fits = _fits(model.name, model.nodes, newer.need_bytes, distribution, limits)
        key = {True: "quarter.swap_fits", False: "quarter.swap_tight", None: "quarter.swap_unknown"}[fits]
        found.append(
            ModelSwap(
                model=model.name,
                proposed=newer.name,
                repository=newer.repository,
                released=newer.released.isoformat(),
                licence=newer.licence,
                need_bytes=newer.need_bytes,
                fits=fits,
                why=words.say(
                    key,
                    released=words.month(newer.released),
                    parameters=words.number(newer.parameters_billion),
                    gib=words.number(newer.need_bytes / GIB),
                ),
            )
        )
    return found


def memory_limits(data: Gathered) -> dict[str, int]:
    """Return how many bytes loaders may use on each node, as far as its memory is known.

    A Mac lends three quarters of its memory to the GPU, see garnet_cli/judge/memory.py.
    """
    seen = {row.node: row.memory_total_bytes for row in merge_rows(data.totals.nodes, ("begin_unix",))}
    found = {}
    for node in data.inventory.nodes:
        total = node.memory_gb * GIB if node.memory_gb is not None else seen.get(node.name)
        if total is not None:
            found[node.name] = int(total * SHARE_OF_MEMORY["Darwin"])
    return found


def _fits(
    model: str,
    nodes: Sequence[str],
    need_bytes: int,
    distribution: Distribution,
    limits: Mapping[str, int],
) -> bool | None:
    """Say whether the new model fits in the old one's place on each of its nodes, beside the others there."""
    told: list[bool] = []
    for node in nodes:
        others = [one for one in distribution.placed if one.node == node and one.model != model and one.seen]
        if node not in limits or any(one.memory_bytes is None for one in others):
            return None
        told.append(need_bytes + sum(one.memory_bytes or 0 for one in others) <= limits[node])
    return all(told) if told else None


def _tiers(data: Gathered, volume: Volume, costs: Costs, words: Wording) -> list[Tier]:
    found = []
    for its_class in (*CLASSES, ""):
        models = [one for one in volume.models if one.size_class == its_class]
        if not models:
            continue
        names = {one.model for one in models}
        tokens = sum(one.tokens for one in models)
        cost = [one for one in costs.models if one.model in names]
        spent = None if any(one.usd is None for one in cost) else sum(one.usd or 0.0 for one in cost)
        latency = merged(row.latency_ms for row in data.sums.models if row.model in names).quantile(0.95)
        price = None if spent is None or not tokens else spent / (tokens / 1e6)
        api = _api_price(models, costs)
        found.append(
            Tier(
                size_class=its_class,
                models=tuple(one.model for one in models),
                tokens=tokens,
                share_pct=pct(tokens, volume.tokens),
                usd_per_million=price,
                latency_p95_ms=latency,
                verdict=_verdict(its_class, pct(tokens, volume.tokens), (price, api), latency, words),
            )
        )
    return found


def _api_price(models: Sequence[ModelVolume], costs: Costs) -> float | None:
    names = {one.model for one in models}
    compared = [one for one in costs.models if one.model in names and one.api_usd is not None and one.tokens]
    tokens = sum(one.tokens for one in compared)
    return sum(one.api_usd or 0.0 for one in compared) / (tokens / 1e6) if tokens else None


def _verdict(
    its_class: str,
    share: float | None,
    prices: tuple[float | None, float | None],
    latency: float | None,
    words: Wording,
) -> str:
    price, api = prices
    if not share:
        return words.say("quarter.tier_unused")
    if price is not None and api is not None and price > api:
        return words.say("quarter.tier_dear", usd=words.usd(price), api=words.usd(api))
    if its_class == MIDDLE and latency is not None and latency >= LATENCY_P95_MS:
        return words.say(
            "quarter.tier_slow", latency=words.number(latency), target=words.number(LATENCY_P95_MS)
        )
    if share < LITTLE_PCT:
        return words.say("quarter.tier_little", share=words.pct(share))
    return words.say("quarter.tier_keep")
