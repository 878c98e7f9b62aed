"""Print a benchmark's table and keep its figures."""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

THREE_DIGITS_BELOW = 10
RESULTS = Path(__file__).resolve().parent.parent / "results"


def machine() -> str:
    """Say what the figures were measured on, in one line."""
    return (
        f"{os.cpu_count()} CPUs, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    )


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of figures under their columns."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def text(self) -> str:
        """Return the table for people: columns aligned, no figure with more digits than it is worth."""
        lines = [list(self.columns), *([_shown(cell) for cell in row] for row in self.rows)]
        widths = [max(len(line[index]) for line in lines) for index in range(len(self.columns))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )

    def records(self) -> list[dict[str, Any]]:
        """Return the rows as they were measured, each by column."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def publish(
    name: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    notes: Sequence[str] = (),
    further: Sequence[Table] = (),
) -> None:
    """Print the rows under their columns, then ``further`` tables, and write ``results/<name>.json``."""
    main = Table(name, columns, rows)
    print(f"{name}: {machine()}")
    print(main.text())
    for table in further:
        print(f"\n{name}, {table.title}")
        print(table.text())
    for note in notes:
        print(note)
    RESULTS.mkdir(exist_ok=True)
    document: dict[str, Any] = {
        "name": name,
        "command": " ".join(["python", "-m", f"benchmarks.{Path(sys.argv[0]).stem}", *sys.argv[1:]]),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "rows": main.records(),
        "notes": list(notes),
    }
    if further:
        document["tables"] = {table.title: table.records() for table in further}
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(document, indent=1) + "\n")
    print(f"written to results/{path.name}")


def median(values: Sequence[float]) -> float:
    """Return the median, the figure to quote on a noisy machine."""
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile. Raises IndexError of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _shown(cell: Any) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:.3g}" if abs(cell) < THREE_DIGITS_BELOW else f"{cell:.0f}"
    return str(cell)
