"""How the placement diff says figures."""

from __future__ import annotations

from collections.abc import Sequence

from garnet_cli.judge.placement_problem import PlacementModel

MIB_PER_GIB = 1024
GROWN = 1.15
"""From this ratio to the last week on a model is said to have grown."""
PERCENT = 100
TEN = 10


def percent(share: float) -> str:
    """Return a share as percentage: one digit after the point below ten."""
    value = PERCENT * share
    return f"{value:.0f} %" if value >= TEN or value == 0 else f"{value:.1f} %"


def gib(mib: float) -> str:
    """Return MiB as GiB."""
    return f"{mib / MIB_PER_GIB:.1f} GiB"


def rate(per_s: float) -> str:
    """Return requests a second."""
    return f"{per_s:.3g} requests/s"


def listed(names: Sequence[str]) -> str:
    """Return ``a, b and c``."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def growth(model: PlacementModel) -> str:
    """Return how a model's work has grown, as the end of a sentence; empty where it has not."""
    now, last = model.busy_share, model.last_busy_share
    if last <= 0 or now < GROWN * last:
        return ""
    return f"; {model.name} is expected to keep {now:.2f} nodes busy, {last:.2f} in the week that was"
