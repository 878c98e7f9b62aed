"""What was evicted: models from nodes, sequences from loaders' prompt caches."""

from __future__ import annotations

from collections import defaultdict

from garnet_cli.report.gathered import Gathered
from garnet_cli.report.sections import EvictionLine, Evictions
from garnet_cli.report.shares import known_sum
from garnet_cli.report.wording import Wording
from garnet_cli.store.totals import Totals
from garnet_cli.store.totals_merge import merge_rows

TOP = 10


def evictions_of(data: Gathered, words: Wording) -> Evictions:
    """Return the section."""
    cache = _cache_evictions(data.totals)
    sizes: dict[tuple[str, str], int] = defaultdict(int)
    for told in data.totals.evictions:
        sizes[(told.model, told.node)] += told.size_bytes
    lines = [
        EvictionLine(
            what="cache",
            model=row.model,
            node=row.node,
            count=row.loader_evictions,
            evicted_bytes=sizes.get((row.model, row.node)),
            verdict="",
            justified=None,
            why="",
        )
        for row in merge_rows(data.totals.models, ("begin_unix",))
        if row.loader_evictions
    ]
    lines.sort(key=lambda line: (-line.count, line.model, line.node))
    return Evictions(
        model_evictions=0,
        cache_evictions=cache,
        cache_evicted_bytes=sum(sizes.values()) if cache is not None else None,
        cache_evictions_before=_cache_evictions(data.before),
        lines=tuple(lines[:TOP]),
        says=words.say("evictions.unknown")
        if cache is None
        else words.say("evictions.cache", count=words.count(cache)),
    )


def _cache_evictions(totals: Totals) -> int | None:
    found = known_sum(row.loader_evictions for row in totals.models)
    return None if found is None else int(found)
