"""The eviction log as sections and as rows. Pure."""

from __future__ import annotations

from garnet_cli.judge.evictions import EvictionEntry, EvictionLog
from garnet_cli.weekly.blocks import Block, Bullets, Section, Table, Text, count, size
from garnet_cli.weekly.contents import local_time

CSV_COLUMNS = (
    "what",
    "node",
    "model",
    "time",
    "count",
    "tokens",
    "size_bytes",
    "verdict",
    "rule",
    "reason",
    "remedy",
)
WHAT = {"model": "model", "cache": "cache"}


def eviction_sections(log: EvictionLog, timezone: str) -> list[Section]:
    """Return what was evicted most, whether traffic justified it, and the rule that decided."""
    blocks: list[Block] = [Text(text=_headline(log))]
    if log.bugs:
        found = tuple(f"{one.model} on {one.node}: {one.reason}{_then(one)}" for one in log.bugs)
        blocks.append(Bullets(items=found, title="Not justified by traffic:", detail=True))
    if log.entries:
        blocks.append(_brief(log))
        blocks.append(_table(log, timezone))
    if log.left_out:
        blocks.append(Text(text=f"{count(log.left_out, 'smaller entry', 'smaller entries')} left out."))
    blocks.append(Text(text=METHOD, detail=True))
    return [Section(title="Eviction log", blocks=blocks)]


def eviction_rows(log: EvictionLog, timezone: str) -> list[tuple[object, ...]]:
    """Return the entries as rows under CSV_COLUMNS; what is unknown is empty."""
    return [
        (
            *(one.what, one.node, one.model, _time(one, timezone) or "", one.count),
            "" if one.tokens is None else one.tokens,
            "" if one.size_bytes is None else one.size_bytes,
            *(one.verdict, one.rule, one.reason, one.remedy),
        )
        for one in log.entries
    ]


def _headline(log: EvictionLog) -> str:
    models = count(log.model_evictions, "model") + " left a node"
    if log.cache_evictions is None:
        return f"{models}; no loader tells how many sequences its prompt cache evicted."
    caches = f"{count(log.cache_evictions, 'sequence')} left a prompt cache"
    known = size(log.cache_evicted_bytes)
    caches += f" ({known} of known size)" if known else ""
    if log.cache_evictions_before is not None:
        caches += f", {log.cache_evictions_before:,} the week before"
    return f"{models}, {caches}."


def _brief(log: EvictionLog) -> Table:
    return Table(
        columns=("evicted", "node", "model", "count", "size", "verdict", "rule"),
        rows=tuple(
            (
                *(WHAT[one.what], one.node, one.model, f"{one.count:,}", size(one.size_bytes)),
                *(one.verdict, one.rule.replace("_", " ")),
            )
            for one in log.entries
        ),
        numbers=frozenset({"count", "size"}),
    )


def _table(log: EvictionLog, timezone: str) -> Table:
    return Table(
        columns=("node", "model", "when", "rule", "why"),
        rows=tuple(
            (one.node, one.model, _time(one, timezone) or "all week", one.rule.replace("_", " "), one.reason)
            for one in log.entries
        ),
        title="The rule that decided",
        detail=True,
    )


def _then(one: EvictionEntry) -> str:
    return f" Remedy: {one.remedy}." if one.remedy else ""


def _time(one: EvictionEntry, timezone: str) -> str | None:
    return None if one.time_unix is None else local_time(one.time_unix, timezone)


METHOD = (
    "A model's entry is one loader that left a node; its size is that loader at its largest. Cache entries"
    " are the sequences that one loader's prompt cache pushed out. Unclear is what the data do not decide."
)
