"""What a proxy adds to an instant loader, Garnet's and others': python -m benchmarks.proxy.

Targets take turns within each round, their order rotating, and each is compared within its round:
noise of the machine hits all alike. The stub, the load and each proxy are processes of their own.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.client import Load, Measured, Target, measure
from benchmarks.gateways import KEY, MODEL, Gateway, garnet, haproxy, nginx, smg, stub_loader
from benchmarks.processes import MEBIBYTE, cpu_seconds, end_cleanly_on_signals, rss_bytes
from benchmarks.results import median, publish

SCENARIOS: Mapping[str, Load] = {
    "1 worker, plain, 16 tokens": Load(model=MODEL, requests=400, workers=1, tokens=16, stream=False),
    "32 workers, plain, 16 tokens": Load(model=MODEL, requests=3000, workers=32, tokens=16, stream=False),
    "1 worker, stream, 16 tokens": Load(model=MODEL, requests=300, workers=1, tokens=16, stream=True),
    "32 workers, stream, 64 tokens": Load(model=MODEL, requests=600, workers=32, tokens=64, stream=True),
}
COLUMNS = (
    *("target", "scenario", "p50 ms", "p95 ms", "p99 ms", "first byte ms", "requests/s"),
    *("cost/direct", "cost/best peer", "cost/smg", "cpu ms/request", "RSS MiB", "incomplete"),
)
OWN = "garnet"


@dataclass(frozen=True, slots=True)
class Turn:
    """One target's load in one round."""

    measured: Measured
    cpu_ms: float | None
    rss_bytes: int | None

    def cost(self, load: Load) -> float:
        """Return what is compared: ms of one worker's median request, of many workers' ms an answer."""
        return self.measured.latency(0.5) if load.workers == 1 else 1000 / self.measured.rate


Rounds = Mapping[str, Sequence[Turn]]
"""Turns by target, one a round."""


def main() -> None:
    """Start everything, measure in rounds, publish."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.proxy")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--with-smg", action="store_true", help="install smg from PyPI and compare with it")
    given = parser.parse_args()
    end_cleanly_on_signals()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gp", dir="/tmp")))
        stub = stack.enter_context(stub_loader(folder))
        gateways = [
            stack.enter_context(garnet(folder / "open", stub.spec)),
            stack.enter_context(garnet(folder / "keys", stub.spec, key=KEY)),
        ]
        skipped = []
        peers = {
            "nginx": nginx(folder / "nginx", stub),
            "haproxy": haproxy(folder / "haproxy", stub),
            "smg": smg(folder / "smg", stub, wanted=given.with_smg),
        }
        for name, peer in peers.items():
            found = stack.enter_context(peer)
            if isinstance(found, str):
                skipped.append(f"{name} skipped: {found}")
            else:
                gateways.append(found)
        rows = [
            row
            for scenario, load in SCENARIOS.items()
            for row in rows_of(scenario, load, rounds_of(stub.target, gateways, load, given.rounds))
        ]
    notes = [
        f"medians of {given.rounds} rounds; cost: p50 of one worker, time an answer of 32 (below 1: cheaper)",
        "direct: a connection a request; the others keep their clients' connections",
        "garnet, nginx and haproxy run on one core each; smg takes what it wants",
    ]
    publish("proxy", COLUMNS, rows, [*notes, *skipped])


def rounds_of(direct: Target, gateways: Sequence[Gateway], load: Load, rounds: int) -> Rounds:
    """Measure all targets in every round, after one round to warm up."""
    turns: list[tuple[Target, Gateway | None]] = [(direct, None)]
    turns += [(gateway.target, gateway) for gateway in gateways]
    found: dict[str, list[Turn]] = {target.name: [] for target, _ in turns}
    for number in range(rounds + 1):
        first = number % len(turns)
        for target, gateway in turns[first:] + turns[:first]:
            turn = _turn(target, gateway, load)
            if number > 0:
                found[target.name].append(turn)
    return found


def _turn(target: Target, gateway: Gateway | None, load: Load) -> Turn:
    before = cpu_seconds(gateway.process) if gateway else 0.0
    measured = measure(target, load)
    if not measured.latencies_ms:
        raise RuntimeError(f"{target.name} gave no whole answer")
    if gateway is None:
        return Turn(measured, None, None)
    used = cpu_seconds(gateway.process) - before
    return Turn(measured, used * 1000 / load.requests, rss_bytes(gateway.process))


def rows_of(scenario: str, load: Load, rounds: Rounds) -> list[tuple[object, ...]]:
    """Return one row a target; ratios are medians of each round's own ratio."""
    costs = {name: [turn.cost(load) for turn in turns] for name, turns in rounds.items()}
    peers = {name: values for name, values in costs.items() if not name.startswith((OWN, "direct"))}
    best = min(peers.values(), key=median, default=None)
    rows: list[tuple[object, ...]] = []
    for name, turns in rounds.items():
        measured = [turn.measured for turn in turns]
        cpu = [turn.cpu_ms for turn in turns if turn.cpu_ms is not None]
        rss = [turn.rss_bytes for turn in turns if turn.rss_bytes is not None]
        rows.append(
            (
                *(name, scenario),
                *(median([one.latency(share) for one in measured]) for share in (0.5, 0.95, 0.99)),
                median([one.first_byte(0.5) for one in measured]),
                median([one.rate for one in measured]),
                ratio(costs[name], costs["direct"]),
                ratio(costs[name], best) if best is not None and name not in peers else None,
                ratio(costs[name], costs["smg"]) if "smg" in costs and name not in peers else None,
                median(cpu) if cpu else None,
                max(rss) / MEBIBYTE if rss else None,
                sum(one.incomplete for one in measured),
            )
        )
    return rows


def ratio(values: Sequence[float], others: Sequence[float]) -> float:
    """Return the median of the rounds' ratios."""
    return median([value / other for value, other in zip(values, others, strict=True)])


if __name__ == "__main__":
    main()
