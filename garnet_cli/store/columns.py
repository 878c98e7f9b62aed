"""Derive columns from the records: one for each scalar, named by its path, so that no field is forgotten.

``thermal.package_celsius.mean`` becomes ``thermal_package_celsius_mean``, a histogram one struct of lists,
a dict of counts a map. A part of a record that is not there is null in all its columns.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

import pyarrow as pa

from node_scripts.histogram import Histogram
from node_scripts.records import PRESSURE_LEVELS

HISTOGRAM = pa.struct(
    [
        pa.field("buckets", pa.list_(pa.int32())),
        pa.field("counts", pa.list_(pa.int64())),
        pa.field("zeros", pa.int64()),
        pa.field("total", pa.float64()),
        pa.field("minimum", pa.float64()),
        pa.field("maximum", pa.float64()),
    ]
)
"""Bucket indices in rising order with their counts, see node_scripts/histogram.py."""

SCALARS = {int: pa.int64(), float: pa.float64(), str: pa.string()}
LEVELS = "level_s"
"""The one list of fixed length: a column for each of PRESSURE_LEVELS."""


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """One column of a table and where its value is in a record."""

    name: str
    path: tuple[str, ...]
    type: Any
    get: Callable[[Any], Any]
    """From a record; ``None`` where a part on the way is not there."""
    level: int | None = None
    """Index into the list at ``path``."""

    def array(self, records: Sequence[Any]) -> Any:
        """Return the column of ``records`` as an Arrow array."""
        values = [self.get(record) for record in records]
        if self.type == HISTOGRAM:
            return _histograms(values)
        if pa.types.is_map(self.type):
            values = [None if value is None else list(value.items()) for value in values]
        return pa.array(values, self.type)


def columns_of(
    kind: type, prefix: str = "", path: tuple[str, ...] = (), renamed: Mapping[str, str] | None = None
) -> list[Column]:
    """Return the columns of a dataclass. Dicts of dataclasses are left out: they are tables of their own."""
    found: list[Column] = []
    hints = get_type_hints(kind)
    for field in dataclasses.fields(kind):
        where = (*path, field.name)
        name = (renamed or {}).get(field.name, f"{prefix}{field.name}")
        inner = _without_none(hints[field.name])
        if field.name == LEVELS:
            found += [
                Column(f"{prefix}{level}_s", where, pa.float64(), _getter(where, index), index)
                for index, level in enumerate(PRESSURE_LEVELS)
            ]
        elif inner is Histogram:
            found.append(Column(name, where, HISTOGRAM, _getter(where)))
        elif dataclasses.is_dataclass(inner):
            found += columns_of(cast("type", inner), f"{name}_", where)
        elif get_origin(inner) is dict:
            value = get_args(inner)[1]
            if value in SCALARS:
                found.append(Column(name, where, pa.map_(pa.string(), SCALARS[value]), _getter(where)))
        elif get_origin(inner) is Literal:
            found.append(Column(name, where, pa.string(), _getter(where)))
        else:
            found.append(Column(name, where, SCALARS[inner], _getter(where)))
    return found


def nested(columns: Sequence[Column], row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as the nested dicts that its record is made of; nulls are left to the defaults."""
    record: dict[str, Any] = {}
    for column in columns:
        value = row.get(column.name)
        if value is None:
            continue
        *parents, last = column.path
        place = record
        for parent in parents:
            place = place.setdefault(parent, {})
        if column.level is not None:
            place.setdefault(last, [0.0] * len(PRESSURE_LEVELS))[column.level] = value
        elif column.type == HISTOGRAM:
            place[last] = histogram_fields(value)
        elif pa.types.is_map(column.type):
            place[last] = dict(value)
        else:
            place[last] = value
    return record


def histogram_fields(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a Histogram from those of its column."""
    fields = dict(value)
    indices, counts = fields.pop("buckets"), fields.pop("counts")
    return {**fields, "buckets": dict(zip(indices, counts, strict=True))}


def _histograms(values: Sequence[Histogram]) -> Any:
    offsets, indices, counts = [0], [], []
    for value in values:
        ordered = sorted(value.buckets.items())
        indices += [index for index, _ in ordered]
        counts += [count for _, count in ordered]
        offsets.append(len(indices))
    ends = pa.array(offsets, pa.int32())
    return pa.StructArray.from_arrays(
        [
            pa.ListArray.from_arrays(ends, pa.array(indices, pa.int32())),
            pa.ListArray.from_arrays(ends, pa.array(counts, pa.int64())),
            pa.array([value.zeros for value in values], pa.int64()),
            pa.array([value.total for value in values], pa.float64()),
            pa.array([value.minimum for value in values], pa.float64()),
            pa.array([value.maximum for value in values], pa.float64()),
        ],
        fields=list(HISTOGRAM),
    )


def _without_none(hint: Any) -> Any:
    if isinstance(hint, types.UnionType) or get_origin(hint) is Union:
        rest = [one for one in get_args(hint) if one is not types.NoneType]
        if len(rest) == 1:
            return rest[0]
    return hint


def _getter(path: tuple[str, ...], index: int | None = None) -> Callable[[Any], Any]:
    direct = attrgetter(".".join(path))

    def get(record: Any) -> Any:
        try:
            value = direct(record)
        except AttributeError:
            return None  # an optional part, such as a reading, is not there
        return value if index is None else value[index]

    return get
