"""Whether a changed node's latency has regressed: one look, at the end of its watch.

Every latency is taken as its logarithm minus the median logarithm of the same node before the change,
so that nodes and times of day compare. The canary fails when the ratio of the 95th percentiles is over
the limit *and* the exact tail test says that chance does not explain it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, stdev
from typing import Literal

from garnet_cli.judge.tail_test import (
    TAIL_SHARE,
    design_effect_of,
    least_probability,
    quantile,
    tail_probability,
)

MINIMUM_REQUESTS = 60
"""Below 59 the 95th percentile has no upper 95 % confidence bound."""
SHORTEST_MS = 0.001
FAIR = 0.5
"""From this probability on the canary has no more than its share of the slowest requests."""
DOUBTFUL = 0.2
"""Below this probability a ratio over the limit is worth as long a watch again."""
_PAIR = 2

Verdict = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Window:
    """One node's latencies in milliseconds, in order of arrival, before and after the change began."""

    node: str
    before: Sequence[float]
    during: Sequence[float]


@dataclass(frozen=True, slots=True)
class Rule:
    """How sure to be of what."""

    ratio_limit: float = 1.25
    chance: float = 0.05
    judged_together: int = 1
    """Nodes and figures judged in one deploy: each gets its share of ``chance``."""
    minimum: int = MINIMUM_REQUESTS
    strict: bool = False
    """The ratio alone decides."""
    final: bool = True
    """No longer watch can follow: what is over the limit and not proven passes."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found, with the sentence that explains it."""

    verdict: Verdict
    sentence: str
    ratio: float | None
    """Of the normalised 95th percentiles, canary to control."""
    probability: float | None
    """That an equally fast canary looks as slow."""
    canary_requests: int
    control_requests: int


def judge(canary: Window, controls: Sequence[Window], rule: Rule, figure: str = "latency") -> Judgement:
    """Judge one figure of one changed node against the nodes not changed yet.

    A ratio over the limit that so few requests could not prove, were all the slowest the canary's, is
    inconclusive, unless it has no more than its share of them. So is one that chance explains badly, unless
    the look is ``final``.

    Without controls that have enough requests, the canary's own time before the change stands in, and
    the sentence says so.
    """
    usable = [one for one in controls if len(one.before) >= rule.minimum and one.during]
    own = normalised(canary.during, canary.before) if canary.before else []
    others = [normalised(one.during, one.before) for one in usable]
    against = f"{len(usable)} node{'s' if len(usable) != 1 else ''} not changed"
    if sum(map(len, others)) < rule.minimum:
        others = [normalised(canary.before, canary.before)] if canary.before else []
        against = "its own time before (no control has enough requests)"
    control = [value for one in others for value in one]
    needed = _short(canary, own, control, rule.minimum)
    if needed:
        return Judgement("inconclusive", f"{figure}: {needed}", None, None, len(own), len(control))
    ratio = math.exp(quantile(own, 1 - TAIL_SHARE) - quantile(control, 1 - TAIL_SHARE))
    doubt = _doubt_of_centre(canary.before)
    border = quantile([*own, *control], 1 - TAIL_SHARE)
    effect = design_effect_of([[float(value > border) for value in one] for one in (own, *others)])
    probability = tail_probability([value - doubt for value in own], control, effect)
    allowed = rule.chance / rule.judged_together
    slow = ratio > rule.ratio_limit
    failed = slow and (rule.strict or probability < allowed)
    suspect = slow and not failed and probability < FAIR
    blind = suspect and least_probability(len(own), len(control), effect) >= allowed
    doubtful = suspect and not rule.final and probability < DOUBTFUL
    sentence = (
        f"{figure} p95 of {canary.node} is {ratio:.2f} times that of {against}"
        f" (limit {rule.ratio_limit:.2f}; {len(own)} against {len(control)} requests;"
        f" chance explains it with p = {probability:.2g}"
        + ("" if rule.strict else f", below {allowed:.2g} counts")
        + f"): {_word(slow=slow, failed=failed, blind=blind, doubtful=doubtful)}"
    )
    verdict: Verdict = "fail" if failed else "inconclusive" if blind or doubtful else "pass"
    return Judgement(verdict, sentence, ratio, probability, len(own), len(control))


def _word(*, slow: bool, failed: bool, blind: bool, doubtful: bool) -> str:
    if failed:
        return "regressed"
    if blind:
        return "too few to prove it whatever they were"
    if doubtful:
        return "not proven yet"
    return "not proven" if slow else "within the limit"


def normalise(latency_ms: float, centre: float) -> float:
    """Return a latency's logarithm less ``centre``."""
    return math.log(max(latency_ms, SHORTEST_MS)) - centre


def normalised(values: Sequence[float], baseline: Sequence[float]) -> list[float]:
    """Return logarithms less the baseline's median logarithm."""
    centre = median(normalise(value, 0.0) for value in baseline)
    return [normalise(value, centre) for value in values]


def _doubt_of_centre(before: Sequence[float]) -> float:
    """Return the standard error of the median that the canary was normalised by.

    Of a median it is 1.2533 times that of a mean of normally distributed values.
    """
    values = normalised(before, before)
    if len(values) < _PAIR:
        return 0.0
    return 1.2533 * stdev(values) * math.sqrt(design_effect_of([values]) / len(values))


def _short(canary: Window, own: Sequence[float], control: Sequence[float], minimum: int) -> str:
    if len(canary.before) < minimum:
        return f"{canary.node} had {len(canary.before)} requests before the change, {minimum} are needed"
    if len(own) < minimum:
        return f"{canary.node} had {len(own)} requests since the change, {minimum} are needed"
    if len(control) < minimum:
        return f"the control had {len(control)} requests, {minimum} are needed"
    return ""
