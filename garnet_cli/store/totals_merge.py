"""Merge rows of totals over nodes, models or buckets, each field as its metadata says. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import MISSING, Field, fields, replace
from typing import Any, TypeVar

from garnet_cli.store.totals_rows import (
    HOW,
    EvictionTotals,
    KeyTotals,
    ModelTotals,
    NodeTotals,
    PowerTotals,
)
from node_scripts.histogram import Histogram, merged
from node_scripts.records import Reading

Row = TypeVar("Row", ModelTotals, NodeTotals, KeyTotals, EvictionTotals)


def merge_rows(rows: Iterable[Row], over: Collection[str]) -> list[Row]:
    """Return ``rows`` with those added up that differ only in the labels ``over``.

    Labels are ``begin_unix``, ``node``, ``model``, ``key`` and ``kind``, as far as the rows have them. In the
    result a text among ``over`` is "" and ``begin_unix`` that of the first bucket; rows are in the order of
    the labels that are left. The rows given stay as they are. Raises ValueError for a label that they lack.
    """
    groups: dict[tuple[Any, ...], list[Row]] = {}
    kept: tuple[str, ...] | None = None
    for row in rows:
        if kept is None:
            kept = _kept_labels(type(row), over)
        groups.setdefault(tuple(getattr(row, name) for name in kept), []).append(row)
    return [_added(group, over) for _, group in sorted(groups.items())]


def labels_of(kind: type) -> tuple[str, ...]:
    """Return the names of the fields that say what a row is about, in order."""
    return tuple(one.name for one in fields(kind) if HOW not in one.metadata)


def figures_of(kind: type) -> list[Field[Any]]:
    """Return the fields of a row that add up."""
    return [one for one in fields(kind) if HOW in one.metadata]


def default_of(one: Field[Any]) -> Any:
    """Return what a field is where nothing is known."""
    return one.default if one.default_factory is MISSING else one.default_factory()


def combined(how: str, values: Collection[Any]) -> Any:
    """Return several rows' values of one field as one; ``None`` among them is unknown and left out."""
    known = [value for value in values if value is not None]
    return COMBINE[how](known) if known else None


def _kept_labels(kind: type, over: Collection[str]) -> tuple[str, ...]:
    labels = labels_of(kind)
    unknown = sorted(set(over) - set(labels))
    if unknown:
        raise ValueError(f"{kind.__name__} has no label {', '.join(unknown)}")
    return tuple(name for name in labels if name not in over)


def _added(rows: list[Row], over: Collection[str]) -> Row:
    changes: dict[str, Any] = {name: "" for name in over if name != "begin_unix"}
    changes["begin_unix"] = min(row.begin_unix for row in rows)
    for one in figures_of(type(rows[0])):
        changes[one.name] = combined(one.metadata[HOW], [getattr(row, one.name) for row in rows])
    return replace(rows[0], **changes)


def _counts(values: Iterable[dict[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for value in values:
        for name, count in value.items():
            found[name] = found.get(name, 0) + count
    return dict(sorted(found.items()))


def _names(values: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sorted({name for value in values for name in value}))


def _levels(values: Iterable[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(sum(level) for level in zip(*values, strict=True))


def _reading(values: Collection[Reading]) -> Reading:
    seconds = sum(one.seconds for one in values)
    weighted = sum(one.mean * one.seconds for one in values)
    mean = weighted / seconds if seconds else sum(one.mean for one in values) / len(values)
    sources = sorted({source for one in values for source in one.source.split(", ") if source})
    return Reading(
        mean=mean,
        maximum=max(one.maximum for one in values),
        source=", ".join(sources),
        seconds=seconds,
    )


def _power(values: Iterable[dict[str, PowerTotals]]) -> dict[str, PowerTotals]:
    found: dict[str, list[PowerTotals]] = {}
    for value in values:
        for source, one in value.items():
            found.setdefault(source, []).append(one)
    return {
        source: PowerTotals(
            joules=sum(one.joules for one in ones),
            seconds=sum(one.seconds for one in ones),
            watts_max=max(one.watts_max for one in ones),
        )
        for source, ones in sorted(found.items())
    }


def _histogram(values: Iterable[Histogram]) -> Histogram:
    return merged(values)


COMBINE: dict[str, Callable[[list[Any]], Any]] = {
    "sum": sum,
    "rows": sum,
    "named": sum,
    "told": sum,
    "greatest": max,
    "least": min,
    "counts": _counts,
    "kinds": _counts,
    "names": _names,
    "histogram": _histogram,
    "levels": _levels,
    "reading": _reading,
    "power": _power,
}
"""How a field adds up to the values of several rows as one."""
