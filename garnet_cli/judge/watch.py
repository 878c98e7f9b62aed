"""Whether a loader that has just taken over keeps up: the hard gates of a swap's watch.

Latency of live traffic is no gate here: prompts differ too much in so short a time to judge by it.
"""

from __future__ import annotations

from dataclasses import dataclass

from node_scripts.contracts import LoaderState


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at a loader."""

    state: LoaderState
    served: int
    errors: int
    pid: int | None
    last_error: str | None


def verdict(first: Observation, latest: Observation) -> str | None:
    """Return why the loader must not keep the traffic, or ``None`` while it may."""
    cause = f": {latest.last_error}" if latest.last_error else ""
    if latest.state == "down":
        return f"is down{cause}"
    if latest.pid is not None and first.pid is not None and latest.pid != first.pid:
        return f"was restarted{cause}"
    if latest.errors > first.errors:
        return f"failed {latest.errors - first.errors} requests{cause}"
    return None
