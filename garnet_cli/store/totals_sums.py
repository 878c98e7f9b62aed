"""Add minutes and events that are at hand up to totals: what a store's totals must equal. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, TypeVar

from garnet_cli.store.columns import Column
from garnet_cli.store.tables import KEY_COLUMNS, MINUTE_COLUMNS, MODEL_COLUMNS
from garnet_cli.store.totals import Bucket, Span, Totals
from garnet_cli.store.totals_buckets import bucket_index, buckets_of, minutes_between
from garnet_cli.store.totals_merge import default_of, figures_of, merge_rows
from garnet_cli.store.totals_rows import (
    COLUMN,
    HOW,
    EvictionTotals,
    KeyTotals,
    ModelTotals,
    NodeTotals,
    PowerTotals,
)
from node_scripts.recent_evictions import UNKNOWN_KIND
from node_scripts.records import Event, Minute

Row = TypeVar("Row", ModelTotals, NodeTotals, KeyTotals, EvictionTotals)
AT_ONCE = 2000
"""Records whose rows are held before they are added up: bounds the memory."""


def totals_of(
    minutes: Iterable[Minute],
    events: Iterable[Event] = (),
    *,
    fleet: str,
    span: Span,
    nodes: Sequence[str] = (),
) -> Totals:
    """Return the totals of those ``minutes`` and ``events`` that begin in ``span``, in any order.

    ``nodes`` are expected to have shipped. Raises as ``buckets_of``.
    """
    buckets = buckets_of(span)
    begins = [one.begin_unix for one in buckets]
    first, last = begins[0], buckets[-1].end_unix
    models: list[ModelTotals] = []
    keys: list[KeyTotals] = []
    seen: list[NodeTotals] = []
    present: dict[tuple[int, str], set[int]] = {}
    inside = (one for one in minutes if first <= one.minute_unix < last)
    while part := list(islice(inside, AT_ONCE)):
        for minute in part:
            begin = begins[bucket_index(begins, minute.minute_unix)]
            present.setdefault((begin, minute.node), set()).add(minute.minute_unix)
            seen.append(node_row(minute, begin))
            models += (model_row(name, one, minute, begin) for name, one in minute.models.items())
            keys += (key_row(name, one, minute, begin) for name, one in minute.keys.items())
        models, keys, seen = merge_rows(models, ()), merge_rows(keys, ()), merge_rows(seen, ())
    evictions = merge_rows(_eviction_rows(events, begins, last), ())
    return Totals(
        fleet=fleet,
        begin_unix=first,
        end_unix=last,
        bucket=span.bucket,
        timezone=span.timezone,
        buckets=buckets,
        models=tuple(models),
        nodes=told_rows(
            buckets, nodes, seen, {label: len(found) for label, found in present.items()}, span.minute_s
        ),
        keys=tuple(keys),
        evictions=tuple(evictions),
    )


def told_rows(
    buckets: Sequence[Bucket],
    expected: Sequence[str],
    seen: Iterable[NodeTotals],
    present: dict[tuple[int, str], int],
    minute_s: int,
) -> tuple[NodeTotals, ...]:
    """Return a row of each node, expected or seen, in each bucket, with the minutes that should be there."""
    found = {(row.begin_unix, row.node): row for row in seen}
    names = sorted({*expected, *(row.node for row in found.values())})
    return tuple(
        replace(
            found.get((one.begin_unix, name), NodeTotals(begin_unix=one.begin_unix, node=name)),
            minutes_expected=minutes_between(one.begin_unix, one.end_unix, minute_s),
            minutes_present=present.get((one.begin_unix, name), 0),
        )
        for one in buckets
        for name in names
    )


def model_row(name: str, entry: Any, minute: Minute, begin_unix: int) -> ModelTotals:
    """Return one model of one minute as a row."""
    return ModelTotals(begin_unix=begin_unix, node=minute.node, model=name, **_figures(MODEL_READERS, entry))


def key_row(name: str, entry: Any, minute: Minute, begin_unix: int) -> KeyTotals:
    """Return one key of one minute as a row."""
    return KeyTotals(begin_unix=begin_unix, node=minute.node, key=name, **_figures(KEY_READERS, entry))


def node_row(minute: Minute, begin_unix: int) -> NodeTotals:
    """Return one minute as its node's row."""
    return NodeTotals(begin_unix=begin_unix, node=minute.node, **_figures(NODE_READERS, minute))


def _eviction_rows(events: Iterable[Event], begins: Sequence[int], end_unix: int) -> Iterator[EvictionTotals]:
    for event in events:
        if event.kind == "eviction" and begins[0] <= event.time_unix < end_unix:
            detail = event.detail
            yield EvictionTotals(
                begin_unix=begins[bucket_index(begins, int(event.time_unix))],
                node=event.node,
                model=event.subject,
                kind=str(detail.get("kind") or UNKNOWN_KIND),
                evictions=int(detail.get("evictions") or 1),
                tokens=int(detail.get("tokens") or 0),
                size_bytes=int(detail.get("size_bytes") or 0),
            )


def _figures(readers: dict[str, Callable[[Any], Any]], record: Any) -> dict[str, Any]:
    found = {name: read(record) for name, read in readers.items()}
    return {name: value for name, value in found.items() if value is not None}


def _readers(kind: type, columns: Sequence[Column]) -> dict[str, Callable[[Any], Any]]:
    """Return what reads each figure of a row from a record."""
    gets = {one.name: one.get for one in columns}
    found = {}
    for one in figures_of(kind):
        how = one.metadata[HOW]
        name = one.metadata.get(COLUMN, one.name)
        if how in MADE:
            found[one.name] = MADE[how](one.name, gets.get(name, lambda _: None))
        elif how != "told":
            found[one.name] = _or(gets[name], default_of(one))
    return found


def _or(get: Callable[[Any], Any], default: Any) -> Callable[[Any], Any]:
    return lambda record: default if (value := get(record)) is None else value


def _power(minute: Minute) -> dict[str, PowerTotals]:
    power = minute.power
    if power is None:
        return {}
    return {power.source: PowerTotals(joules=power.joules, seconds=power.seconds, watts_max=power.watts_max)}


MADE: dict[str, Callable[[str, Callable[[Any], Any]], Callable[[Any], Any]]] = {
    "rows": lambda _name, _get: lambda _record: 1,
    "named": lambda _name, get: lambda record: 1 if get(record) else 0,
    "names": lambda _name, get: lambda record: (value,) if (value := get(record)) else (),
    "kinds": lambda _name, get: lambda record: {value: 1} if (value := get(record)) else {},
    "levels": lambda _name, _get: lambda minute: tuple(minute.thermal.level_s),
    "reading": lambda name, _get: lambda minute: getattr(minute.thermal, name),
    "power": lambda _name, _get: _power,
}
"""Figures that are not simply a column's value: by how they add up, from field name and column."""

MODEL_READERS = _readers(ModelTotals, MODEL_COLUMNS)
KEY_READERS = _readers(KeyTotals, KEY_COLUMNS)
NODE_READERS = _readers(NodeTotals, MINUTE_COLUMNS)
