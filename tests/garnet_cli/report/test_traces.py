"""Every number of a report has a unit, a source and a formula."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from garnet_cli.report.contents import MonthReport
from garnet_cli.report.traces import TRACES
from garnet_cli.report.wording import wording

NO_FIGURES = {"schema"}
KEYS = {path for path in TRACES if path.startswith("key_figures.")}
"""Figures of page 1 by their key."""


def numbers(kind: type, path: str = "") -> Iterator[str]:
    """Yield the paths of a dataclass's numbers, by its types: also of those that are unknown today."""
    hints = get_type_hints(kind)
    for field in dataclasses.fields(kind):
        where = f"{path}.{field.name}" if path else field.name
        for inner, suffix in parts(hints[field.name]):
            if dataclasses.is_dataclass(inner):
                yield from numbers(inner if isinstance(inner, type) else type(inner), where + suffix)
            elif inner in (int, float):
                yield where + suffix


def parts(hint: Any) -> Iterator[tuple[Any, str]]:
    """Yield what a field may hold, with ``[]`` for the entries of a tuple."""
    origin = get_origin(hint)
    if origin is Literal or hint is types.NoneType or origin is dict:
        return
    if isinstance(hint, types.UnionType) or origin is Union:
        for one in get_args(hint):
            yield from parts(one)
    elif origin is tuple:
        yield get_args(hint)[0], "[]"
    else:
        yield hint, ""


def test_every_number_has_a_trace() -> None:
    """And no trace is of what there is not."""
    wanted = set(numbers(MonthReport)) - NO_FIGURES
    assert wanted - TRACES.keys() == set()
    assert TRACES.keys() - wanted - KEYS == set()


def test_every_formula_is_explained() -> None:
    """In the method, and every entry of it is used."""
    method = set(wording().entries("method"))
    assert {trace.formula for trace in TRACES.values()} == method
