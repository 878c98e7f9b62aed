"""Divide the change of a total into price, volume and mix. Pure.

With q a model's tokens, r what one of them cost, Q and R those of the fleet, 0 before and 1 now:
volume = (Q1 - Q0) R0, mix = Σ q1 r0 - Q1 R0, price = C1 - Σ q1 r0 (the usual analysis of sales by price,
volume and mix, with costs in place of revenue). What models without tokens cost is spread over all tokens; a
model that had none before counts at the fleet's price then.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from garnet_cli.judge.costs_change import Effects
from garnet_cli.judge.costs_rows import CostRow


def effects_of(this: Sequence[CostRow], last: Sequence[CostRow]) -> Effects | None:
    """Return the effects, which add up to the change of the total exactly; ``None`` without tokens before.

    The models' rows of both windows are given.
    """
    tokens = sum(row.tokens for row in last)
    if not tokens:
        return None
    before = sum(row.total_micros for row in last)
    now, tokens_now = sum(row.total_micros for row in this), sum(row.tokens for row in this)
    without_tokens = sum(row.total_micros for row in last if not row.tokens)
    spread = Fraction(without_tokens, tokens)
    rates = {row.name: Fraction(row.total_micros, row.tokens) + spread for row in last if row.tokens}
    average = Fraction(before, tokens)
    expected = sum((row.tokens * rates.get(row.name, average) for row in this), Fraction(0))
    volume = round((tokens_now - tokens) * average)
    mix = round(expected - tokens_now * average)
    return Effects(price_micros=now - before - volume - mix, volume_micros=volume, mix_micros=mix)
