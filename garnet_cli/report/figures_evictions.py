"""What was evicted: models from nodes, sequences from loaders' prompt caches."""

from __future__ import annotations

from garnet_cli.judge.evictions import EvictionEntry, EvictionLog, eviction_log
from garnet_cli.report.gathered import Gathered
from garnet_cli.report.sections import EvictionLine, Evictions
from garnet_cli.report.wording import Wording


def evictions_of(data: Gathered, words: Wording) -> Evictions:
    """Return the section."""
    known_before = any(row.minutes_present for row in data.before.nodes)
    log = eviction_log(
        data.totals, data.events, last=data.before if known_before else None, caches=data.caches
    )
    return Evictions(
        model_evictions=log.model_evictions,
        cache_evictions=log.cache_evictions,
        cache_evicted_bytes=log.cache_evicted_bytes,
        cache_evictions_before=log.cache_evictions_before,
        lines=tuple(_line(entry, words) for entry in log.entries),
        says=_says(log, words),
    )


def _line(entry: EvictionEntry, words: Wording) -> EvictionLine:
    verdict = {True: "evictions.justified", False: "evictions.bug", None: "evictions.unclear"}[
        entry.justified
    ]
    return EvictionLine(
        what=entry.what,
        model=entry.model,
        node=entry.node,
        count=entry.count,
        evicted_bytes=entry.size_bytes,
        verdict=words.say(verdict),
        justified=entry.justified,
        why=entry.reason,
    )


def _says(log: EvictionLog, words: Wording) -> str:
    if log.cache_evictions is None and not log.model_evictions:
        return words.say("evictions.unknown")
    if not log.cache_evictions and not log.model_evictions:
        return words.say("evictions.nothing")
    parts = []
    if log.model_evictions:
        parts.append(words.many("evictions.models", log.model_evictions))
    if log.cache_evictions is not None:
        parts.append(words.many("evictions.cache", log.cache_evictions))
    if log.bugs:
        parts.append(words.many("evictions.bugs", len(log.bugs)))
    return " ".join(parts)
