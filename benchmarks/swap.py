"""Swaps back and forth under a steady mix of requests: python -m benchmarks.swap.

Two nodes on this machine; only the first one is swapped, so the second shows what the machine itself
does to latencies meanwhile: starting a loader takes its processor time from whoever else wants it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import end_cleanly_on_signals
from benchmarks.results import Table, median, percentile, publish
from garnet_cli.demo.traffic import Seen, Traffic
from tests.conftest import CACHE
from tests.fleet.rack import Rack
from tests.models import tiny_model

MODEL = "tiny"
NODES = ("one", "two")
LENGTHS = (4, 16, 48)
AROUND = 80
"""Requests of each node that must end between two swaps."""
WATCH_S = 2
STEPS = ("start", "test", "flip", "drain", "stop", "total")
UNTIL_FLIP = ("start", "test", "flip")


@dataclass(frozen=True, slots=True)
class Swapped:
    """One swap: when the command ran (monotonic seconds), and its own seconds by step."""

    begin: float
    end: float
    seconds: dict[str, float]


@dataclass(frozen=True, slots=True)
class Latencies:
    """Milliseconds of whole answers around one swap, on one node."""

    before: Sequence[float]
    during: Sequence[float]
    after: Sequence[float]


def main() -> None:
    """Build the fleet, swap under traffic, take it down, publish."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.swap")
    parser.add_argument("--swaps", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2, help="clients a node")
    given = parser.parse_args()
    end_cleanly_on_signals()
    with Rack(NODES) as rack:
        rack.proxy["queue_timeout_s"] = 120
        rack.write()
        rack.up()
        sources = models()
        rack.serve(MODEL, sources[0])
        rack.up()
        traffics = [Traffic([node.url], MODEL, given.workers, max_tokens=LENGTHS) for node in rack.nodes]
        for traffic in traffics:
            traffic.start()
        try:
            swaps = [swap(rack, traffics, sources[(number + 1) % 2]) for number in range(given.swaps)]
        finally:
            for traffic in traffics:
                traffic.stop()
    columns, rows = users(swaps, [traffic.seen for traffic in traffics])
    notes = [
        f"{len(swaps)} swaps back and forth on one of two nodes; medians of swaps, ratios within each swap",
        f"{given.workers} openai clients a node, streamed and plain in turn, {LENGTHS} tokens",
        f"total and command include watching for {WATCH_S} s; command is the whole `garnet swap`",
    ]
    publish("swap", columns, rows, notes, [windows(swaps)])


def models() -> list[Path]:
    """Return two tiny models, made with the environment that the fleet uses."""
    complete = sorted((CACHE / "envs").glob("*/.complete"), key=lambda path: path.stat().st_mtime)
    python = complete[-1].parent / "bin" / "python"
    return [tiny_model(python, CACHE, seed=seed) for seed in (1, 2)]


def swap(rack: Rack, traffics: Sequence[Traffic], source: Path) -> Swapped:
    """Wait for traffic without a swap, swap the first node, and wait again."""
    settle(traffics)
    begin = time.monotonic()
    done = rack.garnet("swap", NODES[0], MODEL, "--to", str(source), "--watch", str(WATCH_S), "--json")
    end = time.monotonic()
    settle(traffics)
    return Swapped(begin, end, json.loads(done.stdout)["seconds"])


def settle(traffics: Sequence[Traffic]) -> None:
    """Wait until some more requests of each node have ended."""
    wanted = [(traffic, len(traffic.seen) + AROUND) for traffic in traffics]
    for traffic, count in wanted:
        traffic.wait_for(count)


def windows(swaps: Sequence[Swapped]) -> Table:
    """Return how long the steps took."""
    taken = {step: [one.seconds[step] for one in swaps if step in one.seconds] for step in STEPS}
    taken["start to flip"] = [sum(one.seconds[step] for step in UNTIL_FLIP) for one in swaps]
    taken["command"] = [one.end - one.begin for one in swaps]
    rows = [(step, median(values), min(values), max(values)) for step, values in taken.items() if values]
    return Table("seconds a step", ("step", "median s", "min s", "max s"), rows)


def users(swaps: Sequence[Swapped], seen: Sequence[Sequence[Seen]]) -> tuple[list[str], list[list[object]]]:
    """Return columns and rows of what the clients of each node saw."""
    columns = ["node", "requests", "failed", "dropped"]
    rows: list[list[object]] = []
    for name, requests in zip(("one, swapped", "two, untouched"), seen, strict=True):
        outcomes = [sum(one.outcome == outcome for one in requests) for outcome in ("failed", "dropped")]
        rows.append([name, len(requests), *outcomes])
    for label, share in (("p50", 0.5), ("p95", 0.95)):
        columns += [f"{label} {what}" for what in ("before ms", "during ms", "after ms", "during/before")]
        for row, requests in zip(rows, seen, strict=True):
            around = [latencies(requests, swaps, number) for number in range(len(swaps))]
            before = [percentile(one.before, share) for one in around]
            during = [percentile(one.during, share) for one in around]
            after = [percentile(one.after, share) for one in around]
            ratio = median([late / early for late, early in zip(during, before, strict=True)])
            row += [median(before), median(during), median(after), ratio]
    return columns, rows


def latencies(seen: Sequence[Seen], swaps: Sequence[Swapped], number: int) -> Latencies:
    """Sort the answers around one swap: those that ended before it, began after it, and the rest."""
    this = swaps[number]
    since = swaps[number - 1].end if number else 0.0
    until = swaps[number + 1].begin if number + 1 < len(swaps) else float("inf")
    answered = [one for one in seen if one.outcome == "answered"]
    return Latencies(
        before=[one.milliseconds for one in answered if one.begin > since and one.end < this.begin],
        during=[one.milliseconds for one in answered if one.end >= this.begin and one.begin <= this.end],
        after=[one.milliseconds for one in answered if one.begin > this.end and one.end < until],
    )


if __name__ == "__main__":
    main()
