"""What ends a watch at once, whatever the latencies say: health, errors, restarts, memory, throttling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from garnet_cli.judge.watch import Observation, verdict
from node_scripts.records import RequestRecord

THROTTLE_LIMIT_PCT = 5.0
THROTTLE_RISE_PCT = 3.0
"""A node that throttled before the change is no worse for it until it throttles this much more."""
CRITICAL_PRESSURE = 4
"""The kernel's levels are 1 normal, 2 warning, 4 critical."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeHealth:
    """One look at a node; ``None`` is unknown and closes no gate."""

    proxy_pid: int
    loaders: Mapping[str, Observation]
    """The active loader's, by model."""
    down: str | None = None
    """Why the node serves nothing now; ``None`` while its proxy answers."""
    unserved: Sequence[str] = ()
    """Models that should be served here and have no active loader."""
    failed: int = 0
    """Requests that failed here so far, see ``failed_here``."""
    throttle_pct: float | None = None
    """Of the last five minutes of work."""
    memory_pressure: int | None = None


def closed_gate(first: NodeHealth, latest: NodeHealth) -> str | None:
    """Return why a changed node must not stay as it is, or ``None``.

    ``first`` is the look right after its change.
    """
    return next(_reasons(first, latest), None)


def _reasons(first: NodeHealth, latest: NodeHealth) -> Iterator[str]:
    if latest.down is not None:
        yield latest.down
        return
    if latest.unserved:
        yield f"no loader serves {', '.join(latest.unserved)}"
    if latest.proxy_pid != first.proxy_pid:
        yield "the proxy was restarted"
    for model, loader in latest.loaders.items():
        before = first.loaders.get(model)
        reason = verdict(before, loader) if before is not None else None
        if reason is not None:
            yield f"the loader of {model} {reason}"
    if latest.failed > first.failed:
        yield f"{latest.failed - first.failed} requests failed"
    if latest.memory_pressure == CRITICAL_PRESSURE != first.memory_pressure:
        yield "memory pressure became critical"
    if latest.throttle_pct is not None and latest.throttle_pct > THROTTLE_LIMIT_PCT:
        risen = latest.throttle_pct - (first.throttle_pct or 0.0)
        if risen > THROTTLE_RISE_PCT:
            yield f"the chip throttled {latest.throttle_pct:.1f} % of its work, {risen:.1f} points more"


def failed_here(record: RequestRecord) -> bool:
    """Say whether a request failed by this node's fault: not its client's, and not at a peer."""
    clients_fault = 400 <= record.status < 500  # noqa: PLR2004 -- HTTP
    return record.outcome == "error" and not clients_fault and not record.served_by.startswith("peer:")
