"""Print a benchmark's table and keep its figures."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
from collections.abc import Sequence
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


def publish(
    name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], notes: Sequence[str] = ()
) -> None:
    """Print the rows under their columns and write them to ``results/<name>.json``."""
    cells = [[_shown(cell) for cell in row] for row in rows]
    widths = [max(len(row[index]) for row in [list(columns), *cells]) for index in range(len(columns))]
    print(f"{name}: {machine()}")
    for row in [list(columns), *cells]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for note in notes:
        print(note)
    RESULTS.mkdir(exist_ok=True)
    document = {
        "name": name,
        "command": " ".join(["python", "-m", f"benchmarks.{Path(sys.argv[0]).stem}", *sys.argv[1:]]),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "rows": [dict(zip(columns, row, strict=True)) for row in rows],
        "notes": list(notes),
    }
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(document, indent=1) + "\n")
    print(f"written to results/{path.name}")


def median(values: Sequence[float]) -> float:
    """Return the median, the figure to quote on a noisy machine."""
    return statistics.median(values)


def _shown(cell: Any) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:.3g}" if abs(cell) < THREE_DIGITS_BELOW else f"{cell:.0f}"
    return str(cell)
