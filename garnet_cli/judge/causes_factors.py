"""Divide the rise of a price into factors, as natural logarithms, which add where factors multiply. Pure.

price = total / tokens. With B the loaders' busy seconds and T the tokens of a window (0 before, 1 now), the
busy-only price rises with B/T, the work that a token takes, and the fully loaded one with total/T. The work
of a token is the product of
- mix: longer answers or prompts than before,
- misses: prompt tokens computed that were cached before,
- slowness: the time per output token,
- waste: attempts a request that succeeded,
- and what none of these explains.
What a prompt and a completion token took before is told by the last window's busy seconds, divided by the
time up to the first token and the time after it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from garnet_cli.judge.causes_figures import Figures

USUAL_PROMPT_SHARE = 0.3
"""Of a request's time, where it was not measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Factors:
    """Natural logarithms of this window by the last."""

    work: float
    """Busy seconds a token; the four below and a rest."""
    mix: float
    misses: float
    slowness: float
    waste: float

    @property
    def rest(self) -> float:
        """Return what the four do not explain."""
        return self.work - self.mix - self.misses - self.slowness - self.waste


def factors_of(this: Figures, last: Figures) -> Factors | None:
    """Return the factors of the work that a token takes; ``None`` where busy seconds or tokens lack."""
    if not (this.busy_s and last.busy_s and this.tokens and last.tokens):
        return None
    if not last.prompt_work() or not last.completion_tokens:
        return None
    share = last.prompt_share if last.prompt_share is not None else USUAL_PROMPT_SHARE
    for_prompt = share / last.prompt_work()
    for_completion = (1 - share) / last.completion_tokens
    before = 1 / last.tokens
    mixed = (
        for_prompt * this.prompt_work(last.cached_share or 0.0) + for_completion * this.completion_tokens
    ) / this.tokens
    now = (for_prompt * this.prompt_work() + for_completion * this.completion_tokens) / this.tokens
    return Factors(
        work=math.log((this.busy_s / this.tokens) / (last.busy_s / last.tokens)),
        mix=log_ratio(mixed, before),
        misses=log_ratio(now, mixed),
        slowness=log_ratio(this.token_time_ms, last.token_time_ms),
        waste=log_ratio(_attempts(this), _attempts(last)),
    )


def log_ratio(this: float | None, last: float | None) -> float:
    """Return the logarithm of their ratio; 0 where one is unknown or 0."""
    return math.log(this / last) if this and last else 0.0


def _attempts(figures: Figures) -> float | None:
    wasted = figures.wasted_share
    return None if wasted is None or wasted >= 1 else 1 / (1 - wasted)
