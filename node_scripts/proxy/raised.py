"""The nodes that this node's monitor has raised as missing, as long as its word counts."""

from __future__ import annotations

RAISED_FOR_S = 60.0
"""The monitor tells again long before; a monitor that has died must not keep peers' alerts down."""


class Raised:
    """What the monitor said last."""

    def __init__(self) -> None:
        """Know of none."""
        self._nodes: list[str] = []
        self._until = 0.0

    def put(self, nodes: list[str], now: float) -> None:
        """Take the monitor's word of ``now`` (monotonic seconds)."""
        self._nodes = nodes
        self._until = now + RAISED_FOR_S

    def nodes(self, now: float) -> list[str]:
        """Return the nodes that are raised at ``now``."""
        return self._nodes if now < self._until else []
