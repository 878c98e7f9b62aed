"""Stop a canary that is plainly slow before its watch is over; safe to ask after every request.

Wald's sequential test of "5 % of requests are beyond the border" against "15 %", which may be looked at
all the time: by Ville's inequality it is crossed with a chance of at most e^-level if the canary is as
fast as the border allows, and the border already lies 25 % above what the control's p95 can be.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from garnet_cli.judge.canary import Rule, Window, normalise, normalised
from garnet_cli.judge.tail_test import TAIL_SHARE, design_effect_of, quantile, upper_bound

EXPECTED, REGRESSED = 0.05, 0.15
STEP_UP = math.log(REGRESSED / EXPECTED)
STEP_DOWN = math.log((1 - REGRESSED) / (1 - EXPECTED))
LEVEL = 3.0
"""e^-3 is 5 %."""


@dataclass(slots=True)
class EarlyAbort:
    """The running sum over one figure of a canary's requests."""

    centre: float
    """Median logarithm of the canary's latencies before the change."""
    border: float
    """Normalised latency beyond which a request counts as slow."""
    level: float
    total: float = 0.0
    seen: int = 0
    slow: int = 0

    def add(self, latency_ms: float) -> bool:
        """Take one request in and say whether to abort now."""
        beyond = normalise(latency_ms, self.centre) > self.border
        self.seen += 1
        self.slow += beyond
        self.total += STEP_UP if beyond else STEP_DOWN
        return self.total >= self.level


def early_abort(canary: Window, controls: Sequence[Window], rule: Rule) -> EarlyAbort | None:
    """Return the test, from what the nodes did before the change; ``None`` of too few requests.

    The level rises with the number of nodes judged together, and with how far slow requests come in
    runs: a run of k says no more than one request.
    """
    if len(canary.before) < rule.minimum:
        return None
    before = [normalised(one.before, one.before) for one in (canary, *controls) if one.before]
    together = [value for one in before for value in one]
    bound = upper_bound(together)
    if bound is None:
        return None
    usual = quantile(together, 1 - TAIL_SHARE)
    effect = design_effect_of([[float(value > usual) for value in one] for one in before])
    return EarlyAbort(
        centre=median(normalise(value, 0.0) for value in canary.before),
        border=bound + math.log(rule.ratio_limit),
        level=(LEVEL + math.log(rule.judged_together)) * effect,
    )
