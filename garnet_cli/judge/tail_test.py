"""Is the slow tail of one sample heavier than another's? Exact, without assumptions on the shape.

Under the hypothesis that a canary is as fast as its controls, its requests are spread evenly among the
slowest r of all: their number is hypergeometric. Source of the formulae: the hypergeometric tail
(Fisher's exact test) and the order-statistic confidence bound of a quantile (Conover, Practical
Nonparametric Statistics, section 3.2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

TAIL_SHARE = 0.05
MOST_LAGS = 50
"""Correlations further apart than this are not looked for."""


def quantile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank quantile of non-empty ``values``."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def tail_counts(canary: Sequence[float], control: Sequence[float]) -> tuple[int, int]:
    """Return how many of all are the slowest ``TAIL_SHARE``, and how many of these are the canary's.

    Where equal values lie on the border, the control's count as the slower ones: a tie is no evidence.
    """
    slowest = math.ceil(TAIL_SHARE * (len(canary) + len(control)))
    ordered = sorted([(value, 1) for value in control] + [(value, 0) for value in canary], reverse=True)
    return slowest, sum(of == 0 for _, of in ordered[:slowest])


def tail_probability(canary: Sequence[float], control: Sequence[float], design_effect: float = 1.0) -> float:
    """Return the chance that an equally fast canary has as many of the slowest requests, or more.

    ``design_effect`` ≥ 1 says how many requests weigh as one independent one (see ``design_effect_of``).
    """
    if not canary or not control:
        return 1.0
    hit = math.floor(tail_counts(canary, control)[1] / design_effect)
    own, others, drawn = _weighed(len(canary), len(control), design_effect)
    return hypergeometric_tail(min(own, hit), own, own + others, drawn)


def least_probability(canary: int, control: int, design_effect: float = 1.0) -> float:
    """Return what ``tail_probability`` would be of so many requests if all the slowest were the canary's."""
    if not canary or not control:
        return 1.0
    own, others, drawn = _weighed(canary, control, design_effect)
    return hypergeometric_tail(min(own, drawn), own, own + others, drawn)


def _weighed(canary: int, control: int, design_effect: float) -> tuple[int, int, int]:
    """Return how many independent requests the canary's, the control's and the slowest of all weigh."""
    slowest = math.ceil(TAIL_SHARE * (canary + control))
    own = max(1, round(canary / design_effect))
    others = max(1, round(control / design_effect))
    return own, others, min(own + others, max(1, round(slowest / design_effect)))


def hypergeometric_tail(least: int, marked: int, population: int, drawn: int) -> float:
    """Return P(at least ``least`` of ``drawn`` are among the ``marked`` of a ``population``)."""
    whole = _log_choose(population, drawn)
    low, high = max(least, drawn - (population - marked)), min(marked, drawn)
    return min(
        1.0,
        sum(
            math.exp(_log_choose(marked, k) + _log_choose(population - marked, drawn - k) - whole)
            for k in range(low, high + 1)
        ),
    )


def upper_bound(values: Sequence[float], share: float = 0.95, confidence: float = 0.95) -> float | None:
    """Return a value that the true quantile exceeds with a chance of at most 1 - ``confidence``.

    ``None`` where the sample is too small to have one: below 59 values for the 95th percentile.
    """
    ordered = sorted(values)
    below, cumulative = 0, 0.0
    count = len(ordered)
    while below < count:
        cumulative += math.exp(
            _log_choose(count, below) + below * math.log(share) + (count - below) * math.log1p(-share)
        )
        if cumulative >= confidence:
            return ordered[below]
        below += 1
    return None


def design_effect_of(series: Sequence[Sequence[float]]) -> float:
    """Return how many neighbouring values say as much as one independent one, at least 1.

    ``series`` are values by node, in order of arrival. The effect is the integrated autocorrelation
    time: one plus twice the sum of the autocorrelations, each node around its own mean, cut where a pair
    of them is no longer positive (Geyer, Practical Markov chain Monte Carlo, 1992).
    """
    count = sum(map(len, series))
    if count == 0:
        return 1.0
    centred = [[value - sum(one) / len(one) for value in one] for one in series if one]
    variance = sum(value * value for one in centred for value in one) / count
    if variance == 0:
        return 1.0
    effect = 1.0
    for lag in range(1, MOST_LAGS, 2):
        pair = _autocovariance(centred, lag) + _autocovariance(centred, lag + 1)
        if pair <= 0:
            break
        effect += 2 * pair / variance
    return effect


def _autocovariance(centred: Sequence[Sequence[float]], lag: int) -> float:
    pairs = sum(max(0, len(one) - lag) for one in centred)
    if pairs == 0:
        return 0.0
    return (
        sum(first * second for one in centred for first, second in zip(one, one[lag:], strict=False)) / pairs
    )


def _log_choose(total: int, chosen: int) -> float:
    if not 0 <= chosen <= total:
        return -math.inf
    return math.lgamma(total + 1) - math.lgamma(chosen + 1) - math.lgamma(total - chosen + 1)
