"""Findings of a week, made by hand for tests."""

from __future__ import annotations

from typing import Literal

from garnet_cli.judge.anomalies import Anomaly, Cause, CauseKind
from garnet_cli.judge.evictions import EvictionEntry, EvictionLog
from garnet_cli.judge.placement_diff import CacheChange, Move, NodeLoad, PlacementDiff
from garnet_cli.weekly.completeness import Completeness, NodeMinutes

WEEK = "2026-W47"


def minutes(**present: int) -> Completeness:
    """Return how complete 100 minutes of each named node are."""
    return Completeness(
        nodes=tuple(NodeMinutes(node=name, expected=100, present=count) for name, count in present.items())
    )


def doubled(model: str, kind: CauseKind = "poisoned_cache", command: str = "") -> Anomaly:
    """Return a model whose price has doubled on mini-1."""
    cause = Cause(
        kind=kind,
        sentence=f"The prompt cache of {model} hits, yet its answers got slower.",
        share=0.9,
        confidence="high",
        evidence=(),
        command=command or f"garnet cache purge mini-1 {model}",
        nodes=("mini-1",),
    )
    return Anomaly(
        model=model,
        verdict="doubled",
        figure="busy-only",
        last_usd_per_million=1.0,
        this_usd_per_million=2.2,
        ratio=2.2,
        sentence=f"{model} went from $1.00 to $2.20.",
        causes=(cause,),
    )


def move(model: str, origin: str = "mini-1", target: str = "mini-2") -> Move:
    """Return one model moved."""
    return Move(
        model=model,
        kind="move",
        origin=origin,
        target=target,
        reason=f"{origin} throttles 6.0 % of its busy time.",
        rule="throttle",
        points=40.0,
    )


def placement(*moves: Move, caches: tuple[CacheChange, ...] = ()) -> PlacementDiff:
    """Return a placement diff of two nodes."""
    load = NodeLoad(
        node="mini-1",
        models_today=("llama", "qwen"),
        models=("llama",),
        busy_share_today=0.9,
        busy_share=0.5,
        busy_share_after_loss_today=1.4,
        busy_share_after_loss=0.8,
        need_mib_today=1000,
        need_mib=500,
        limit_mib=2000,
        throttle_share=0.06,
    )
    return PlacementDiff(
        moves=moves,
        cache_changes=caches,
        placement={"llama": ("mini-1",), "qwen": ("mini-2",)},
        nodes=(load,),
        points_today=143.0,
        points=21.0,
        parts_today={"throttle": 143.0},
        parts={"move": 21.0},
    )


CACHE = CacheChange(
    model="qwen", from_mib=2048, to_mib=6144, reason="Its hit rate is 12 % with long prompts."
)


def evicted(
    model: str = "qwen", *, what: Literal["model", "cache"] = "model", justified: bool | None = False
) -> EvictionEntry:
    """Return one entry of the eviction log, of mini-1."""
    return EvictionEntry(
        what=what,
        node="mini-1",
        model=model,
        count=3,
        size_bytes=2_000_000_000,
        time_unix=1_795_000_000.0 if what == "model" else None,
        justified=justified,
        rule="loaded_again" if what == "model" else "hits_fell",
        reason=f"{model} was loaded again on mini-1 2 h later.",
        remedy="" if justified else f"put {model} back: `garnet weekly --apply`, then `garnet deploy`",
    )


def log(*entries: EvictionEntry) -> EvictionLog:
    """Return the eviction log of a week."""
    return EvictionLog(
        begin_unix=0,
        end_unix=7 * 86_400,
        entries=entries,
        left_out=0,
        model_evictions=sum(one.count for one in entries if one.what == "model"),
        cache_evictions=sum(one.count for one in entries if one.what == "cache"),
        cache_evicted_bytes=None,
        cache_evictions_before=None,
    )
