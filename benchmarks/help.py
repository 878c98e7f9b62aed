"""`garnet --help` against what Python itself needs to start: python -m benchmarks.help."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.processes import compile_everything
from benchmarks.results import median, publish

RUNS = 20


def seconds(command: list[str]) -> float:
    """Return the wall-clock seconds of one run."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def main() -> None:
    """Run the two in turn and print medians in milliseconds."""
    compile_everything()
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "garnet --help": [str(Path(sys.executable).with_name("garnet")), "--help"],
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for command in commands.values():
        seconds(command)
    for _ in range(RUNS):
        for name, command in commands.items():
            taken[name].append(seconds(command) * 1000)
    base = median(taken["python -c pass"])
    publish(
        "help",
        ("command", "median ms", "over Python, ms"),
        [(name, median(values), median(values) - base) for name, values in taken.items()],
        [f"{RUNS} runs each, in turn"],
    )


if __name__ == "__main__":
    main()
