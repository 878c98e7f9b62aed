"""The verdict on a changed node."""

from __future__ import annotations

import math
import random

from garnet_cli.judge.canary import Rule, Window, judge
from garnet_cli.judge.early_abort import early_abort


def latencies(generator: random.Random, count: int, ratio: float = 1.0, speed: float = 1.0) -> list[float]:
    """Return lognormal latencies in milliseconds of one node."""
    return [speed * ratio * math.exp(generator.gauss(4, 0.7)) for _ in range(count)]


def windows(ratio: float, count: int = 200, controls: int = 4, seed: int = 1) -> tuple[Window, list[Window]]:
    """Return a canary that became ``ratio`` times slower, and controls of different speeds."""
    generator = random.Random(seed)
    canary = Window("mini-1", latencies(generator, 300, 1, 2), latencies(generator, count, ratio, 2))
    others = [
        Window(
            f"mini-{number}",
            latencies(generator, 300, 1, number),
            latencies(generator, count, 1, number),
        )
        for number in range(2, 2 + controls)
    ]
    return canary, others


def test_twice_as_slow_fails_and_the_sentence_has_the_numbers() -> None:
    """Ratio, sizes, probability, and against what."""
    found = judge(*windows(2.0), Rule(judged_together=8))
    assert found.verdict == "fail"
    assert found.ratio is not None
    assert found.ratio > 1.5
    for part in ("mini-1", "4 nodes not changed", "200 against 800", "limit 1.25", "regressed"):
        assert part in found.sentence


def test_equally_fast_passes_whatever_the_nodes_own_speed() -> None:
    """Nodes that differ by nature are compared with themselves before."""
    verdicts = [judge(*windows(1.0, seed=seed), Rule(judged_together=8)).verdict for seed in range(50)]
    assert verdicts.count("fail") <= 1


def test_faster_passes() -> None:
    """Only slower is worse."""
    assert judge(*windows(0.5), Rule()).verdict == "pass"


def test_too_few_requests_are_inconclusive() -> None:
    """Never passed silently."""
    found = judge(*windows(1.0, count=40), Rule())
    assert found.verdict == "inconclusive"
    assert "40 requests since the change, 60 are needed" in found.sentence


def test_no_requests_at_all_are_inconclusive() -> None:
    """No data is no success."""
    found = judge(Window("mini-1", [], []), [], Rule())
    assert (found.verdict, found.canary_requests) == ("inconclusive", 0)


def test_a_fleet_of_one_is_judged_by_its_own_time_before_and_says_so() -> None:
    """There is no control."""
    canary, _ = windows(2.0)
    found = judge(canary, [], Rule())
    assert found.verdict == "fail"
    assert "its own time before" in found.sentence


def test_strict_fails_on_the_ratio_alone() -> None:
    """At 60 requests a ratio over the limit is not yet proven."""
    seed = next(
        seed
        for seed in range(200)
        if (found := judge(*windows(1.4, 60, seed=seed), Rule())).verdict == "pass"
        and found.ratio is not None
        and found.ratio > 1.25
    )
    assert judge(*windows(1.4, 60, seed=seed), Rule(strict=True)).verdict == "fail"
    assert "not proven" in judge(*windows(1.4, 60, seed=seed), Rule()).sentence


def test_what_chance_explains_badly_is_worth_a_longer_watch() -> None:
    """Over the limit, not proven, one in five at most; once the watch cannot be longer, it passes."""
    found = [(seed, judge(*windows(1.4, 60, seed=seed), Rule())) for seed in range(200)]
    slow = [(seed, one) for seed, one in found if one.verdict == "pass" and (one.ratio or 0) > 1.25]
    for seed, one in slow:
        first = judge(*windows(1.4, 60, seed=seed), Rule(final=False))
        assert one.probability is not None
        doubtful = one.probability < 0.2
        assert first.verdict == ("inconclusive" if doubtful else "pass")
        assert first.sentence.endswith("not proven yet" if doubtful else "not proven")
    assert len({(one.probability or 0) < 0.2 for _, one in slow}) == 2


def test_zero_latency_does_not_break_the_logarithm() -> None:
    """A clock may be coarser than an answer is quick."""
    canary = Window("mini-1", [0.0] * 100, [0.0] * 100)
    assert judge(canary, [], Rule()).verdict == "pass"


def test_early_abort_stops_a_canary_four_times_as_slow_within_its_first_requests() -> None:
    """Long before the watch is over."""
    canary, controls = windows(4.0)
    test = early_abort(canary, controls, Rule(judged_together=8))
    assert test is not None
    assert any(test.add(value) for value in canary.during)
    assert test.seen < 60


def test_early_abort_leaves_an_equally_fast_canary_alone() -> None:
    """Looked at after each of 200 requests, in 100 deploys."""
    aborted = 0
    for seed in range(100):
        canary, controls = windows(1.0, seed=seed)
        test = early_abort(canary, controls, Rule())
        assert test is not None
        aborted += any(test.add(value) for value in canary.during)
    assert aborted <= 2


def test_early_abort_wants_enough_requests_before() -> None:
    """Without a baseline there is no border."""
    assert early_abort(Window("mini-1", [1.0] * 10, []), [], Rule()) is None
