"""Read totals from a store: in SQL over compacted days, and over raw minutes made into the same tables.

Seconds, joules and milliseconds are added as decimals of six places, so that the order in which threads meet
them changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from garnet_cli.store.cache import ParquetCache
from garnet_cli.store.query import Telemetry, telemetry
from garnet_cli.store.totals import Span, Totals
from garnet_cli.store.totals_buckets import buckets_of
from garnet_cli.store.totals_merge import default_of, figures_of, labels_of
from garnet_cli.store.totals_rows import (
    HOW,
    EvictionTotals,
    KeyTotals,
    ModelTotals,
    NodeTotals,
    PowerTotals,
)
from garnet_cli.store.totals_sql import (
    EVICTIONS,
    bucket_sql,
    buckets_sql,
    column_of,
    counts_sql,
    figures_sql,
    power_sql,
    present_sql,
)
from garnet_cli.store.totals_sums import told_rows
from node_scripts.histogram import Histogram
from node_scripts.records import Reading
from node_scripts.store.objects import ObjectStore

Row = TypeVar("Row", ModelTotals, NodeTotals, KeyTotals)
Label = tuple[Any, ...]
VIEWS: dict[type, str] = {ModelTotals: "models", NodeTotals: "minutes", KeyTotals: "keys"}


def read_totals(
    store: ObjectStore,
    fleet: str,
    span: Span,
    *,
    nodes: Sequence[str] = (),
    histograms: bool = True,
    keys: bool = True,
    cache: ParquetCache | None = None,
) -> Totals:
    """Return the totals of a window of the store; ``nodes`` are expected to have shipped.

    They equal those of ``totals_of`` on the window's minutes and events; without ``histograms`` these are
    empty, without ``keys`` there are no rows of them: either takes a fraction of the time and the memory.
    Raises StoreError and GarnetError as
    ``telemetry`` does, ValueError as ``buckets_of``.
    """
    buckets = buckets_of(span)
    first, last = buckets[0].begin_unix, buckets[-1].end_unix
    bucket = bucket_sql(buckets)
    kinds = [kind for kind in VIEWS if keys or kind is not KeyTotals]
    tables = (*(VIEWS[kind] for kind in kinds), "events")
    with telemetry(store, fleet, first, last, tables=tables, cache=cache) as opened:
        seen = list(_rows(opened, NodeTotals, bucket))
        present = {(begin, node): count for begin, node, count in opened.ask(present_sql(bucket)).rows}
        models = tuple(_rows(opened, ModelTotals, bucket, histograms=histograms))
        used = tuple(_rows(opened, KeyTotals, bucket)) if keys else ()
        evictions = tuple(_evictions(opened, bucket))
    return Totals(
        fleet=fleet,
        begin_unix=first,
        end_unix=last,
        bucket=span.bucket,
        timezone=span.timezone,
        buckets=buckets,
        models=models,
        nodes=told_rows(buckets, nodes, seen, present, span.minute_s),
        keys=used,
        evictions=evictions,
        set_aside=dict(opened.set_aside),
    )


def _rows(opened: Telemetry, kind: type[Row], bucket: str, *, histograms: bool = True) -> Iterator[Row]:
    """Yield the rows of one kind, in the order of their labels."""
    labels, view = labels_of(kind), VIEWS[kind]
    wanted = [one for one in figures_of(kind) if histograms or one.metadata[HOW] != "histogram"]
    apart = {
        one.name: APART[one.metadata[HOW]](opened, labels, column_of(one), view, bucket)
        for one in wanted
        if one.metadata[HOW] in APART
    }
    names, sql = figures_sql(labels, wanted, view, bucket)
    for values in opened.ask(sql).rows:
        label, told = values[: len(labels)], dict(zip(names, values[len(labels) :], strict=True))
        figures = dict(zip(labels, label, strict=True))
        for one in wanted:
            found = apart.get(one.name, {}).get(label)
            value = _value(one.metadata[HOW], told.get(one.name), found)
            figures[one.name] = default_of(one) if value is None else value
        yield kind(**figures)


def _value(how: str, told: Any, apart: Mapping[Any, Any] | None) -> Any:
    """Return a figure of what the plain statement and the one apart say of it; ``None`` is unknown."""
    if how == "histogram" and told is not None:
        return Histogram(**told, buckets=dict(apart or {}))
    if how == "reading":
        return (
            None
            if told["seconds"] is None
            else Reading(**{**told, "source": ", ".join(told["source"] or ())})
        )
    if how in APART:
        return apart
    if how == "levels":
        return None if None in told else tuple(told)
    if how == "names":
        return None if told is None else tuple(told)
    return told


def _evictions(opened: Telemetry, bucket: str) -> Iterator[EvictionTotals]:
    for begin, node, model, kind, evictions, tokens, size in opened.ask(EVICTIONS.format(bucket=bucket)).rows:
        yield EvictionTotals(
            begin_unix=begin,
            node=node,
            model=model,
            kind=kind,
            evictions=int(evictions),
            tokens=int(tokens),
            size_bytes=int(size),
        )


def _counted(
    statement: Callable[[Sequence[str], str, str, str], str],
) -> Callable[[Telemetry, Sequence[str], str, str, str], dict[Label, dict[Any, Any]]]:
    def read(
        opened: Telemetry, labels: Sequence[str], column: str, view: str, bucket: str
    ) -> dict[Label, dict[Any, Any]]:
        found: dict[Label, dict[Any, Any]] = {}
        for *label, place, count in opened.ask(statement(labels, column, view, bucket)).rows:
            found.setdefault(tuple(label), {})[place] = count
        return found

    return read


def _power(
    opened: Telemetry, _labels: Sequence[str], _column: str, _view: str, bucket: str
) -> dict[Label, dict[Any, Any]]:
    found: dict[Label, dict[Any, Any]] = {}
    for begin, node, source, joules, seconds, watts in opened.ask(power_sql(bucket)).rows:
        found.setdefault((begin, node), {})[source] = PowerTotals(
            joules=joules, seconds=seconds, watts_max=watts
        )
    return found


APART = {"histogram": _counted(buckets_sql), "counts": _counted(counts_sql), "power": _power}
"""By how a figure adds up: what reads it in a statement of its own, by label."""
