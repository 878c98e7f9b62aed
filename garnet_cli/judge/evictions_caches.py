"""Which prompt caches pushed sequences out, and whether traffic justifies it. Pure.

How long a sequence was kept follows from Little's law: the mean time in a cache is the number that it holds
over the rate at which they leave it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from garnet_cli.judge.evictions_entry import GIB, EvictionEntry, Rule, gigabytes, lasting, percent
from garnet_cli.store.totals import EvictionTotals, ModelTotals, Totals
from garnet_cli.store.totals_merge import merge_rows

TURNOVER = 0.02
"""Evictions a lookup up to which they are a cache's normal turnover."""
FALLEN = 0.05
"""A hit rate that is lower by so much (of 1) has fallen."""
LOW_HIT_RATE = 0.5
GROWN = 1.3
"""Traffic that is so many times what it was has grown."""
LONG_S = 3600.0
"""Who asks again later than this is no conversation any more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheNeed:
    """What a model's prompt cache may keep, and what its requests in flight come to."""

    budget_bytes: int
    need_bytes: int
    """Of as many sequences at full context as the loader works on at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Case:
    """One loader's prompt cache in a window, and in the one before."""

    now: ModelTotals
    before: ModelTotals | None
    need: CacheNeed | None

    @property
    def evictions(self) -> int:
        return self.now.loader_evictions or 0

    @property
    def lookups(self) -> int:
        return self.now.loader_lookups or 0

    @property
    def hit_rate(self) -> float | None:
        return self.now.hit_rate

    @property
    def hit_rate_before(self) -> float | None:
        return self.before.hit_rate if self.before else None

    @property
    def fell(self) -> bool:
        now, before = self.hit_rate, self.hit_rate_before
        return now is not None and before is not None and before - now >= FALLEN

    @property
    def kept_s(self) -> float | None:
        """Return how long a sequence was kept on the mean; ``None`` is unknown."""
        held = self.now.loader_cache_sequences_max
        if not held or not self.evictions or not self.now.loader_observed_s:
            return None
        return held * self.now.loader_observed_s / self.evictions


def cache_entries(this: Totals, last: Totals | None, caches: Mapping[str, CacheNeed]) -> list[EvictionEntry]:
    """Return an entry for each loader whose prompt cache pushed sequences out, the most first."""
    before = {(row.node, row.model): row for row in merge_rows(last.models, {"begin_unix"})} if last else {}
    told: dict[tuple[str, str], list[EvictionTotals]] = {}
    for row in merge_rows(this.evictions, {"begin_unix"}):
        told.setdefault((row.node, row.model), []).append(row)
    found = []
    for now in merge_rows(this.models, {"begin_unix"}):
        if now.loader_evictions:
            place = (now.node, now.model)
            case = _Case(now=now, before=before.get(place), need=caches.get(now.model))
            found.append(_entry(case, told.get(place, [])))
    return sorted(found, key=lambda one: (-one.count, one.node, one.model))


def _entry(case: _Case, told: list[EvictionTotals]) -> EvictionEntry:
    justified, rule, reason = _judged(case)
    return EvictionEntry(
        what="cache",
        node=case.now.node,
        model=case.now.model,
        count=case.evictions,
        size_bytes=sum(row.size_bytes for row in told) if told else None,
        tokens=sum(row.tokens for row in told) if told else None,
        kinds={row.kind: row.evictions for row in told},
        justified=justified,
        rule=rule,
        reason=reason,
        remedy=_remedy(case, rule) if justified is False else "",
    )


def _judged(case: _Case) -> tuple[bool | None, Rule, str]:
    """Return the verdict of the first rule that applies."""
    rate, need = case.hit_rate, case.need
    if rate is None:
        return None, "too_little_known", "The loader tells no lookups, so nobody can say what was missed."
    if case.evictions <= TURNOVER * case.lookups:
        reason = f"One eviction in {case.lookups / case.evictions:.0f} lookups is a cache's normal turnover."
        return True, "normal_turnover", reason
    if need and need.budget_bytes < need.need_bytes and (case.fell or rate < LOW_HIT_RATE):
        reason = (
            f"Its cache may keep {gigabytes(need.budget_bytes)}, its requests in flight need up to"
            f" {gigabytes(need.need_bytes)}, and {_hits(case)}."
        )
        return False, "budget_under_need", reason
    return _fallen(case) if case.fell else _held(case, rate)


def _held(case: _Case, rate: float) -> tuple[bool | None, Rule, str]:
    """Judge a cache whose hit rate has not fallen, as far as is known."""
    kept = case.kept_s
    if kept is not None and kept > LONG_S:
        reason = f"A sequence was kept {lasting(kept)} on the mean before it left, and {_hits(case)}."
        return True, "kept_long_enough", reason
    if rate >= LOW_HIT_RATE:
        return True, "hits_held", f"What left was not missed: {_hits(case)}."
    alike = "prompts that do not repeat look the same as a cache that is too small"
    return None, "too_little_known", f"{_capital(_hits(case))}: {alike}."


def _fallen(case: _Case) -> tuple[bool, Rule, str]:
    now, before = case.now.loader_requests, case.before.loader_requests if case.before else 0
    traffic = f"from {before:,} to {now:,} requests"
    if before and now >= GROWN * before:
        return True, "traffic_grew", f"Traffic grew {traffic}, so that {_hits(case)}."
    return (
        False,
        "hits_fell",
        f"{_hits(case)[0].upper()}{_hits(case)[1:]}, though traffic went {traffic}.",
    )


def _hits(case: _Case) -> str:
    """Return what became of the hit rate, as part of a sentence."""
    now, before = case.hit_rate or 0.0, case.hit_rate_before
    if before is None:
        return f"{percent(now)} of the lookups hit"
    if abs(now - before) < FALLEN:
        return f"the hit rate stayed at {percent(now)}"
    return f"the hit rate {'fell' if now < before else 'rose'} from {percent(before)} to {percent(now)}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _remedy(case: _Case, rule: Rule) -> str:
    if rule == "budget_under_need" and case.need:
        size = case.need.need_bytes / GIB
        return f"set cache_gb of [models.{case.now.model}] to {size:.1f}, then run `garnet deploy`"
    return (
        f"raise cache_gb of [models.{case.now.model}], then run `garnet deploy`; if clients changed their"
        " prompts' beginnings, have that undone"
    )
