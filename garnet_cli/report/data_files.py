"""The report's data beside the PDF: one JSON document, and one CSV file for each of its lists."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from garnet_cli.report.contents import MonthReport

SEPARATOR = "; "
"""Between the entries of a list in one CSV cell."""


def data_files(report: MonthReport) -> dict[str, bytes]:
    """Return ``report.json`` and the CSV files by name, such as ``volume-models.csv``.

    A CSV file's columns are the fields of its list's entries, ``None`` an empty cell; numbers are written
    as in the JSON. Lists without an entry make no file.
    """
    document = report.as_json()
    files = {"report.json": (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()}
    for name, rows in _lists(document):
        files[f"{name}.csv"] = _csv(rows)
    return files


def _lists(value: Mapping[str, Any], name: str = "") -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield every list of objects in the document with its path, dashes between."""
    for key, inner in value.items():
        path = f"{name}-{key}" if name else key
        if isinstance(inner, dict) and path != "traces":
            yield from _lists(inner, path)
        elif isinstance(inner, list) and inner and isinstance(inner[0], dict):
            yield path, [_flat(row) for row in inner]


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row whose inner objects are columns ``trace_unit`` and so on."""
    found: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            found |= {f"{key}_{inner}": one for inner, one in value.items()}
        elif isinstance(value, list):
            found[key] = SEPARATOR.join(str(one) for one in value)
        else:
            found[key] = value
    return found


def _csv(rows: list[dict[str, Any]]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
    return stream.getvalue().encode()


def _cell(value: Any) -> Any:
    """Return a cell; what a spreadsheet would take for a formula is kept from it by an apostrophe."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
