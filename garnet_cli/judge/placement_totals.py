"""Make the placement problem of an inventory and weeks of totals."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from garnet_cli.fleet.inventory import Inventory, ModelEntry, NodeEntry
from garnet_cli.judge.demand import Demand, expected_demand
from garnet_cli.judge.memory import (
    GIB,
    PROCESS_BYTES,
    SHARE_OF_MEMORY,
    SHARE_OF_MEMORY_ELSEWHERE,
    ArtifactSize,
    need_bytes,
)
from garnet_cli.judge.placement_problem import (
    NeedSource,
    PlacementModel,
    PlacementNode,
    PlacementProblem,
    PlacementRules,
)
from garnet_cli.judge.placement_words import listed, percent
from garnet_cli.judge.trend import HALF
from garnet_cli.store.totals import ModelTotals, NodeTotals, Totals
from node_scripts.loader_cache import KEPT_CONTEXTS, prompt_cache_bytes

MIB = 1024 * 1024
MEASURED_MARGIN = 1.1
"""A loader may come to need more than it was seen to use."""
LOW_HIT_RATE = 0.5
"""Below it a prompt cache is worth a look."""
KEPT_SEQUENCES = 10
"""How many sequences a loader's prompt cache keeps at most: short ones reach this before its bytes."""
PUSHED_OUT_SHARE = 0.02
"""From this ratio of evictions to lookups on a cache is too small; below it, what is asked does not recur."""
CACHE_GROWTH = 2
CACHE_STEP_MIB = 256
FULL = 0.8
"""From this part of its budget on a prompt cache was full; else it was a smaller one that pushed out."""
FEWEST_PACKED_S = 600.0
"""Of less busy time no share of throttling is told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheWeek:
    """A model's prompt caches in one week, of all its loaders."""

    lookups: int
    hits: int
    evictions: int
    requests: int
    prompt_tokens: int
    cache_bytes: int | None
    """Most that one was seen to keep."""
    memory_bytes: int | None
    """Most that a loader was seen to use."""

    @property
    def hit_rate(self) -> float | None:
        """Return the share (0..1) of lookups that found a prefix."""
        return self.hits / self.lookups if self.lookups else None

    @property
    def mean_prompt_tokens(self) -> float | None:
        """Return how many tokens a prompt has on average."""
        return self.prompt_tokens / self.requests if self.requests else None


def placement_problem(
    inventory: Inventory,
    history: Sequence[Totals],
    artifacts: Mapping[str, ArtifactSize],
    *,
    fixed_nodes: Collection[str] = (),
    rules: PlacementRules | None = None,
) -> PlacementProblem:
    """Return what to decide the placement from.

    ``history`` are weeks of totals with hours as buckets, oldest first; the last one is the week that is
    judged, the earlier ones make the trend. ``artifacts`` has what is known of models' files by served name
    (see ``local_artifacts``); of a model without an entry the memory that its loaders were seen to use
    counts, and without that it is not moved.
    Raises ValueError without a week.
    """
    if not history:
        raise ValueError("a placement needs the totals of at least one week")
    if rules is None:
        rules = PlacementRules(throttle_limit=inventory.alerts.throttle_warning_pct / 100)
    week = history[-1]
    demands = expected_demand(history, [model.name for model in inventory.models])
    return PlacementProblem(
        nodes=tuple(
            _node(
                node, week, fixed=node.name in fixed_nodes, relieved=bool(_left(inventory, week, node.name))
            )
            for node in inventory.nodes
        ),
        models=tuple(
            _model(
                model,
                demands[model.name],
                cache_week(week, model),
                artifacts.get(model.name),
            )
            for model in inventory.models
        ),
        rules=rules,
        notes=tuple(_notes(inventory, week, demands)),
    )


def cache_week(totals: Totals, model: ModelEntry) -> CacheWeek:
    """Return how a model's prompt caches did, of loaders of the source that the inventory names."""
    rows = [row for row in totals.models if row.model == model.name]
    known = [row for row in rows if model.source.text in row.loader_sources or not row.loader_sources]
    return CacheWeek(
        lookups=sum(row.loader_lookups or 0 for row in known),
        hits=sum(row.loader_hits or 0 for row in known),
        evictions=sum(row.loader_evictions or 0 for row in known),
        requests=sum(row.loader_requests for row in known),
        prompt_tokens=sum(row.loader_prompt_tokens for row in known),
        cache_bytes=_greatest(known, "loader_cache_bytes_max"),
        memory_bytes=_greatest(known, "loader_memory_bytes_max"),
    )


def _greatest(rows: Sequence[ModelTotals], field: str) -> int | None:
    return max((found for row in rows if (found := getattr(row, field)) is not None), default=None)


def _left(inventory: Inventory, week: Totals, node: str) -> list[str]:
    """Return the models that a node served in the week and does no longer.

    What it throttled by then, it throttled with them: it is to be seen anew what it does without.
    """
    here = {model.name for model in inventory.models_on(node)}
    known = {model.name for model in inventory.models}
    served = {row.model for row in week.models if row.node == node and row.loader_minutes}
    return sorted((served & known) - here)


def _node(node: NodeEntry, week: Totals, *, fixed: bool, relieved: bool) -> PlacementNode:
    rows = [row for row in week.nodes if row.node == node.name]
    seen = [row.memory_total_bytes for row in rows if row.memory_total_bytes is not None]
    memory_bytes = int(node.memory_gb * GIB) if node.memory_gb else max(seen, default=None)
    share = SHARE_OF_MEMORY.get(_system(node, rows), SHARE_OF_MEMORY_ELSEWHERE)
    packed_s = sum(row.packed_s for row in rows)
    throttled_s = sum(row.packed_throttled_s for row in rows)
    return PlacementNode(
        name=node.name,
        limit_mib=None if memory_bytes is None else int(memory_bytes * share) // MIB,
        throttle_share=throttled_s / packed_s if packed_s >= FEWEST_PACKED_S else None,
        relieved=relieved,
        price_usd=node.price_usd,
        fixed=fixed,
    )


def _system(node: NodeEntry, rows: Sequence[NodeTotals]) -> str:
    """Return ``Darwin`` unless the node was seen not to be a Mac: only a Mac tells of wired memory."""
    seen = [row for row in rows if row.memory_total_bytes is not None]
    mac = any(row.memory_wired_bytes_max is not None for row in seen)
    return "Darwin" if mac or not seen or (node.chip or "").startswith("Apple") else "Linux"


def _model(
    entry: ModelEntry, demand: Demand, week: CacheWeek, artifact: ArtifactSize | None
) -> PlacementModel:
    last = demand.weeks[-1] if demand.weeks else None
    last_busy = (last.busiest_busy_share if last else None) or 0.0
    last_rate = last.busiest_requests_per_s if last else 0.0
    busy = demand.busiest_busy_share.at(1).expected if demand.busiest_busy_share else 0.0
    asked = demand.busiest_requests_per_s.at(1).expected if demand.busiest_requests_per_s else 0.0
    need_mib, source = _need(entry, week, artifact)
    model = PlacementModel(
        name=entry.name,
        nodes=entry.nodes,
        need_mib=need_mib,
        need_source=source,
        # What was has to be held as well: a step up is not believed to go away by itself.
        busy_share=max(busy, last_busy),
        last_busy_share=last_busy,
        requests_per_s=max(asked, last_rate),
        last_requests_per_s=last_rate,
        plan_requests_per_s=entry.plan_requests_per_s,
        weeks=demand.busiest_busy_share.weeks if demand.busiest_busy_share else 0,
        context=entry.context,
        hit_rate=week.hit_rate,
        mean_prompt_tokens=week.mean_prompt_tokens,
        evictions=week.evictions,
        cache_mib=_cache_mib(entry, week, artifact),
    )
    return replace(model, cache_wanted_mib=_wanted_mib(model, week, bounded=entry.cache_gb is not None))


def _need(entry: ModelEntry, week: CacheWeek, artifact: ArtifactSize | None) -> tuple[int | None, NeedSource]:
    """Return what a loader comes to need: by its files as `garnet up` checks it, else as measured."""
    if artifact is not None:
        need = need_bytes(artifact, entry.context, entry.concurrency, entry.cache_bytes)
        return math.ceil(need / MIB), "artifact"
    if week.memory_bytes:
        return math.ceil((week.memory_bytes * MEASURED_MARGIN + PROCESS_BYTES) / MIB), "measured"
    return None, "unknown"


def _cache_mib(entry: ModelEntry, week: CacheWeek, artifact: ArtifactSize | None) -> int | None:
    """Return what a loader's prompt cache may keep; of files that are not here, what it was seen to keep."""
    if entry.cache_bytes is not None:
        return math.ceil(entry.cache_bytes / MIB)
    if artifact is not None:
        return math.ceil(prompt_cache_bytes(artifact.config, artifact.weight_bytes, entry.context) / MIB)
    return math.ceil(week.cache_bytes / MIB) if week.cache_bytes else None


def _wanted_mib(model: PlacementModel, week: CacheWeek, *, bounded: bool) -> int | None:
    """Return what a prompt cache should keep where it is too small for long prompts; else ``None``.

    Too small: few lookups find a prefix, and sequences that could have been found were pushed out. Long: so
    that the cache's bytes end before its ten sequences do, always where only bytes are its bound
    (``bounded``: the inventory gives them).
    """
    if model.cache_mib is None or week.hit_rate is None or week.mean_prompt_tokens is None:
        return None
    low = week.hit_rate < LOW_HIT_RATE
    long = bounded or week.mean_prompt_tokens > model.context * KEPT_CONTEXTS / KEPT_SEQUENCES
    pushed_out = week.evictions >= PUSHED_OUT_SHARE * week.lookups
    full = week.cache_bytes is None or week.cache_bytes / MIB >= FULL * model.cache_mib
    if not (low and long and pushed_out and full):
        return None
    return math.ceil(CACHE_GROWTH * model.cache_mib / CACHE_STEP_MIB) * CACHE_STEP_MIB


def _notes(inventory: Inventory, week: Totals, demands: Mapping[str, Demand]) -> list[str]:
    found = [
        f"{listed(gone)} left {node.name} in or after this week: how it throttles without is to be seen"
        for node in inventory.nodes
        if (gone := _left(inventory, week, node.name))
    ]
    if week.complete_share < HALF:
        found.append(
            f"only {percent(week.complete_share)} of the week's minutes are known: take this as a hint"
        )
    silent = [name for name, demand in demands.items() if demand.requests_per_s is None]
    if silent:
        found.append(f"{listed(silent)}: no minute tells of it, so it counts as idle")
    return found
