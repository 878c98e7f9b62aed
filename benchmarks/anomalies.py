"""How often a price that doubled is flagged with its true cause, and how often a quiet week is flagged.

``python -m benchmarks.anomalies [--weeks 100] [--quiet 400]``. Each trial is a random fleet of 2 to 8 nodes
and 2 to 6 models over two weeks; in the second one thing goes wrong with one model or node, and nothing else
changes but the noise of the traffic. A trial counts where the price truly doubled.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass, replace
from datetime import date

from benchmarks.results import Table, publish
from garnet_cli.fleet.inventory import CostSettings
from garnet_cli.judge.anomalies import Anomaly, find_anomalies
from garnet_cli.judge.costs import CostBasis, CostDiff, CostRow, cost_diff
from tests.simulated.spec import FleetSpec, Injected, InjectedKind, ModelSpec, NodeSpec
from tests.simulated.totals import simulate_totals

MONDAY = date(2026, 11, 2)
CAUSES: dict[InjectedKind, str] = {
    "cache_misses": "cache_misses",
    "poisoned_cache": "poisoned_cache",
    "traffic_moved": "idle_up",
    "throttling": "throttling",
    "errors": "errors",
    "traffic_down": "traffic_down",
}
"""What is injected, and the cause that it is to be found as."""
STRENGTHS: dict[InjectedKind, tuple[float, float]] = {
    "cache_misses": (0.8, 1.0),
    "poisoned_cache": (0.7, 1.5),
    "traffic_moved": (0.75, 0.95),
    "throttling": (1.3, 2.5),
    "errors": (1.5, 2.4),
    "traffic_down": (0.7, 0.95),
}
FELL = 0.6
NOISES = (0.05, 0.15, 0.3)
"""Standard deviations of the logarithm of a model's traffic from week to week."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Two weeks, and what was found in the second."""

    spec: FleetSpec
    diff: CostDiff
    found: list[Anomaly]


def fleet(dice: random.Random, *, noise: float = 0.05) -> FleetSpec:
    """Return a random fleet in which all is well; models with long prompts keep most of them cached."""
    names = [f"mini-{number + 1}" for number in range(dice.randint(2, 8))]
    models = []
    for number in range(dice.randint(2, 6)):
        long = number % 2 == 1
        models.append(
            ModelSpec(
                name=f"model-{number + 1}",
                nodes=tuple(sorted(dice.sample(names, dice.randint(1, len(names))))),
                requests_per_minute=dice.uniform(1.0, 5.0),
                prompt_tokens=dice.uniform(5000, 12_000) if long else dice.uniform(300, 3000),
                completion_tokens=dice.uniform(60, 150) if long else dice.uniform(100, 500),
                hit_rate=dice.uniform(0.85, 0.95) if long else dice.uniform(0.4, 0.8),
                hit_share=dice.uniform(0.85, 0.95) if long else dice.uniform(0.3, 0.7),
                prefill_ms_per_token=dice.uniform(0.8, 1.5),
                token_ms=dice.uniform(15.0, 40.0),
            )
        )
    return FleetSpec(
        begin=MONDAY,
        days=14,
        nodes=tuple(NodeSpec(name=name) for name in names),
        models=tuple(models),
        weekly_noise=noise,
        seed=dice.randrange(2**31),
    )


def injected(dice: random.Random, spec: FleetSpec, kind: InjectedKind) -> Injected | None:
    """Return one thing that goes wrong in the second week; ``None`` where the fleet cannot have it."""
    model = dice.choice(spec.models)
    node = dice.choice(model.nodes)
    strength = dice.uniform(*STRENGTHS[kind])
    found = Injected(kind=kind, begin_day=7, model=model.name, strength=strength)
    if kind == "cache_misses":
        return replace(found, model=dice.choice(spec.models[1::2]).name)
    if kind == "poisoned_cache":
        return replace(found, node=dice.choice(["", node]))
    if kind == "throttling":
        return replace(found, model="", node=node)
    if kind == "traffic_moved":
        here = [one for one in spec.models if node in one.nodes]
        others = all(len(one.nodes) > 1 for one in here)
        return replace(found, model="", node=node) if others else None
    return found


def trial(spec: FleetSpec) -> Trial:
    """Simulate, and judge the second week against the first."""
    totals = simulate_totals(spec, "day")
    middle = spec.local_midnight(7)
    last, this = totals.between(spec.begin_unix, middle), totals.between(middle, spec.end_unix)
    basis = CostBasis(
        settings=CostSettings(overhead_usd_per_month=100, residual_pct=10),
        prices_usd={node.name: 1999.0 for node in spec.nodes},
    )
    diff = cost_diff(this, last, basis)
    return Trial(spec, diff, find_anomalies(diff, this, last))


def doubled(diff: CostDiff, one: Injected) -> bool:
    """Say whether the injected model's price doubled, fleet-wide or on a node that it was injected into."""
    if diff.last is None:
        return False
    pairs = [(change.this, change.last) for change in diff.models if one.model in ("", change.name)]
    if one.node:
        before = {(place.node, place.row.name): place.row for place in diff.last.places}
        pairs = [
            (place.row, before.get((place.node, place.row.name)))
            for place in diff.this.places
            if place.node == one.node and one.model in ("", place.row.name)
        ]
    return any(_rose(this, last) for this, last in pairs if this and last)


def _rose(this: CostRow, last: CostRow) -> bool:
    if this.why_not or last.why_not:
        return False
    full = this.total_micros / this.tokens >= 2 * last.total_micros / last.tokens
    return full or this.workload_micros / this.tokens >= 2 * last.workload_micros / last.tokens


def cause_row(kind: InjectedKind, weeks: int) -> list[object]:
    """Return how often weeks with one injected kind are flagged, and with which cause."""
    dice = random.Random(f"anomalies {kind}")
    counted = flagged = first = named = strangers = 0

    while counted < weeks:
        spec = fleet(dice)
        one = injected(dice, spec, kind)
        if one is None:
            continue

        result = trial(replace(spec, injected=(one,)))

        if not doubled(result.diff, one):
            continue
        counted += 1
        own = [found for found in result.found if _about(found, one)]
        strangers += len(own) < len(result.found)
        flagged += bool(own)
        first += any(found.causes[0].kind == CAUSES[kind] for found in own)
        named += any(cause.kind == CAUSES[kind] for found in own for cause in found.causes)
    return [
        kind,
        CAUSES[kind],
        counted,
        *(_rate(hits, counted) for hits in (flagged, first, named, strangers)),
    ]


def pair_row(weeks: int) -> list[object]:
    """Return how often two things that go wrong at once, anywhere, are both named."""
    dice = random.Random("two at once")
    counted = both = one_of = 0
    while counted < weeks:
        spec = fleet(dice)
        kinds = dice.sample(list(CAUSES), 2)
        pair = [one for kind in kinds if (one := injected(dice, spec, kind))]
        if len(pair) < len(kinds):
            continue
        result = trial(replace(spec, injected=tuple(pair)))
        if not all(doubled(result.diff, one) for one in pair):
            continue
        counted += 1
        hits = sum(any(_is(each, one) for each in result.found) for one in pair)
        both += hits == len(pair)
        one_of += hits > 0
    return [weeks, _rate(both, weeks), _rate(one_of, weeks)]


def _is(anomaly: Anomaly, one: Injected) -> bool:
    return _about(anomaly, one) and any(cause.kind == CAUSES[one.kind] for cause in anomaly.causes)


def _about(anomaly: Anomaly, one: Injected) -> bool:
    return one.model in ("", anomaly.model) and one.node in ("", anomaly.node or one.node)


def quiet_row(noise: float, weeks: int) -> list[object]:
    """Return how often a quiet week is flagged."""
    dice = random.Random(f"quiet {noise}")
    models = flagged = halved = 0
    for _ in range(weeks):
        result = trial(fleet(dice, noise=noise))
        models += len(result.spec.models)
        flagged += bool(result.found)
        halved += bool(result.found) and all(_fell(result.diff, one.model) for one in result.found)
    return [f"{noise:g}", weeks, models, flagged, _rate(flagged, weeks), halved]


def _fell(diff: CostDiff, model: str) -> bool:
    change = next(one for one in diff.models if one.name == model)
    return bool(change.this and change.last and change.this.tokens < FELL * change.last.tokens)


def _rate(hits: int, trials: int) -> str:
    return f"{100 * hits / trials:.1f} %"


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.anomalies")
    parser.add_argument("--weeks", type=int, default=100, help="weeks a cause in which its price doubled")
    parser.add_argument("--quiet", type=int, default=400, help="quiet weeks a row")
    options = parser.parse_args()
    quiet = Table(
        "quiet weeks that are flagged",
        ("noise of traffic", "weeks", "models", "flagged", "rate", "with the traffic"),
        [quiet_row(noise, options.quiet) for noise in NOISES],
    )
    pairs = Table(
        "two things go wrong at once",
        ("weeks", "both named", "one named at least"),
        [pair_row(options.weeks)],
    )
    publish(
        "anomalies",
        ("injected", "cause", "weeks", "flagged", "first cause right", "cause named", "others flagged, too"),
        [cause_row(kind, options.weeks) for kind in CAUSES],
        [
            f"{options.weeks} weeks a cause in which a price doubled: the model's, fleet-wide or on one node",
            "others flagged, too: weeks in which a model or node is flagged that nothing was injected into",
            "noise: standard deviation of the logarithm of a model's traffic from week to week",
            f"with the traffic: flagged weeks in which noise took a model below {FELL:.0%} of its tokens",
        ],
        [pairs, quiet],
    )


if __name__ == "__main__":
    main()
