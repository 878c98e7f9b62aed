"""False alarms and detections of the canary's judge, against the plain ratio and Kayenta's Mann-Whitney.

``python -m benchmarks.judge [--canaries 300] [--deploys 150]``. Latencies are lognormal (sigma 0.7), each
node with a speed of its own; correlated traffic is an autoregression of the logarithm (neighbours 0.5).
Garnet watches once more for as long where it cannot tell: the requests of that time are its alone.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import NormalDist

from benchmarks.results import Table, publish
from garnet_cli.judge.canary import Rule, Window, judge
from garnet_cli.judge.early_abort import early_abort
from garnet_cli.judge.tail_test import quantile

SIGMA = 0.7
SIZES = (20, 60, 200)
RATIOS = (1.0, 1.25, 1.5, 2.0)
CORRELATIONS = (0.0, 0.5)
NODES = 8
CONTROLS = 4
LIMIT = 1.25
BEFORE = 400
"""Requests of each node before the change."""

Judge = Callable[[Window, Sequence[Window], int], bool]


def series(generator: random.Random, count: int, correlation: float, scale: float) -> list[float]:
    """Return latencies in milliseconds in order of arrival."""
    state, values = generator.gauss(0, 1), []
    fresh = math.sqrt(1 - correlation * correlation)
    for _ in range(count):
        values.append(scale * math.exp(4 + SIGMA * state))
        state = correlation * state + fresh * generator.gauss(0, 1)
    return values


def window(generator: random.Random, node: int, count: int, ratio: float, correlation: float) -> Window:
    """Return one node's latencies, ``ratio`` times as long since the change; ``count`` a watch, for two."""
    speed = 1 + node / 4
    return Window(
        f"mini-{node}",
        series(generator, BEFORE, correlation, speed),
        series(generator, 2 * count, correlation, speed * ratio),
    )


def ours(canary: Window, controls: Sequence[Window], together: int) -> bool:
    """Say whether Garnet's rule reverts: at the end of the watch, or by early abort."""
    count = len(canary.during) // 2
    rule = Rule(judged_together=together, minimum=min(60, count), final=False)
    sequential = early_abort(canary, controls, rule)
    verdict = "inconclusive"
    for final, watched in ((False, slice(0, count)), (True, slice(count, None))):
        if sequential is not None and any(sequential.add(value) for value in canary.during[watched]):
            return True
        seen = [replace(one, during=one.during[: watched.stop]) for one in (canary, *controls)]
        verdict = judge(seen[0], seen[1:], replace(rule, final=final)).verdict
        if verdict != "inconclusive":
            break
    return verdict == "fail"


def first_watch(decides: Judge) -> Judge:
    """Return a judge that is shown the requests of the first watch alone."""

    def decide(canary: Window, controls: Sequence[Window], together: int) -> bool:
        count = len(canary.during) // 2
        seen = [replace(one, during=one.during[:count]) for one in (canary, *controls)]
        return decides(seen[0], seen[1:], together)

    return decide


def plain_ratio(canary: Window, controls: Sequence[Window], together: int) -> bool:
    """Say whether the bare ratio of the 95th percentiles is above 1.25, each node against itself before."""
    del together
    own = quantile(canary.during, 0.95) / quantile(canary.before, 0.95)
    if not controls:
        return own > LIMIT
    others = sorted(quantile(one.during, 0.95) / quantile(one.before, 0.95) for one in controls)
    return own / others[len(others) // 2] > LIMIT


def mann_whitney(canary: Window, controls: Sequence[Window], together: int) -> bool:
    """Say whether Kayenta's classifier calls the canary "High".

    The confidence interval (98 %) of the Hodges-Lehmann shift of the canary's latencies against the
    controls' in the same window lies above a quarter of the shift. The nodes' own speeds are taken out
    first, which Kayenta leaves to a baseline of equal machines.
    """
    del together
    median = quantile(canary.before, 0.5)
    experiment = [value / median for value in canary.during]
    control = [value / quantile(one.before, 0.5) for one in controls for value in one.during]
    if not control:
        control = [value / median for value in canary.before]
    control = control[:400]
    differences = sorted(first - second for first in experiment for second in control)
    n, m = len(experiment), len(control)
    spread = NormalDist().inv_cdf(0.99) * math.sqrt(n * m * (n + m + 1) / 12)
    lower = differences[max(0, int(n * m / 2 - spread))]
    return lower > 0.25 * abs(differences[n * m // 2])


JUDGES: dict[str, Judge] = {
    "garnet": ours,
    "plain ratio": first_watch(plain_ratio),
    "Mann-Whitney": first_watch(mann_whitney),
}


def canaries(correlation: float, trials: int) -> list[list[object]]:
    """Return a row a size and ratio: how often each judge reverts one canary with four controls."""
    rows: list[list[object]] = []
    for count in SIZES:
        for ratio in RATIOS:
            generator = random.Random(f"{correlation} {count} {ratio}")
            reverted = dict.fromkeys(JUDGES, 0)
            for _ in range(trials):
                canary = window(generator, 0, count, ratio, correlation)
                controls = [window(generator, 1 + node, count, 1.0, correlation) for node in range(CONTROLS)]
                for name, decides in JUDGES.items():
                    reverted[name] += decides(canary, controls, 1)
            rates = [f"{100 * hits / trials:.1f} %" for hits in reverted.values()]
            rows.append([f"{correlation:g}", count, f"{ratio:g}", *rates])
    return rows


def deploys(correlation: float, count: int, trials: int) -> list[object]:
    """Return one row: how often a good deploy over 8 nodes is reverted by each judge."""
    generator = random.Random(f"deploys {correlation} {count}")
    reverted = dict.fromkeys(JUDGES, 0)
    for _ in range(trials):
        steps = []
        for changed in range(NODES):
            nodes = [window(generator, node, count, 1.0, correlation) for node in range(changed, NODES)]
            steps.append((nodes[0], nodes[1:]))
        for name, decides in JUDGES.items():
            reverted[name] += any(decides(canary, controls, NODES) for canary, controls in steps)
    return [f"{correlation:g}", count, *(f"{100 * hits / trials:.1f} %" for hits in reverted.values())]


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judge")
    parser.add_argument("--canaries", type=int, default=300, help="simulated canaries a row")
    parser.add_argument("--deploys", type=int, default=150, help="simulated deploys a row")
    options = parser.parse_args()
    rows = [row for correlation in CORRELATIONS for row in canaries(correlation, options.canaries)]
    whole = Table(
        f"good deploys over {NODES} nodes that are reverted",
        ("correlation", "requests a node", *JUDGES),
        [deploys(correlation, count, options.deploys) for correlation in CORRELATIONS for count in SIZES],
    )
    publish(
        "judge",
        ("correlation", "requests", "true ratio", *JUDGES),
        rows,
        [
            f"{options.canaries} canaries a row with {CONTROLS} controls; {options.deploys} deploys a row",
            "true ratio 1: a false alarm; above it: a detection",
            "Garnet asks for 60 requests before it judges; the rows with 20 show what it would do without",
        ],
        [whole],
    )


if __name__ == "__main__":
    main()
