"""Nodes raised as missing, told to the own proxy, whose heartbeats tell the other nodes."""

from __future__ import annotations

from collections.abc import Callable

from node_scripts.contracts import ProxyStatus

RAISED_AGAIN_S = 20.0
"""The proxy forgets raised nodes unless it is told them again."""


class Raising:
    """What the proxy was told last, which process it was, and when."""

    def __init__(self) -> None:
        """Nothing was told yet."""
        self._told: tuple[list[str], int] = ([], 0)
        self._told_s = 0.0

    def tell(
        self, nodes: list[str], proxy_pid: int, now_s: float, raise_nodes: Callable[[list[str]], bool]
    ) -> None:
        """Tell the proxy of ``nodes`` where that is new to it, and from time to time."""
        told = (nodes, proxy_pid)
        due = told != self._told or now_s - self._told_s >= RAISED_AGAIN_S
        if due and (nodes or self._told[0]) and raise_nodes(nodes):
            self._told, self._told_s = told, now_s


def raised_by_peers(status: ProxyStatus | None) -> list[str]:
    """Return the nodes that reachable peers have raised."""
    if status is None:
        return []
    return sorted({name for peer in status.peers if peer.reachable for name in peer.raised})
