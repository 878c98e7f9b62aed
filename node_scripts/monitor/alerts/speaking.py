"""Who of the living speaks for a missing node, so that it is raised once and not by each.

The first living node in the fleet's order speaks. Each further one waits longer, and speaks only if nobody
before it did: a living proxy whose monitor is dead, or whose messages are not delivered, holds nothing up.
What a peer has raised is not raised again, also when that peer goes: then the first living node takes it
over, so that somebody says when the missing one is back. In a fleet cut in two, each half speaks for the
other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

RANK_S = 15.0
"""How much longer each further node waits: enough to hear that one before it has spoken."""


def living(own: str, nodes: Sequence[str], peers: Mapping[str, bool]) -> list[str]:
    """Return the living nodes in the fleet's order, as ``own`` sees them."""
    return [name for name in nodes if name == own or peers.get(name)]


def wait_s(own: str, alive: Sequence[str]) -> float:
    """Return how much longer than the first of ``alive`` this node waits."""
    return RANK_S * alive.index(own) if own in alive else 0.0


class Hearsay:
    """Missing nodes that peers have raised, remembered beyond the peers that raised them."""

    def __init__(self, heard: Sequence[str] = ()) -> None:
        """Go on from what was heard before."""
        self._heard = set(heard)
        self._alive: set[str] = set()
        self._raised: set[str] = set()

    def hear(self, raised: Sequence[str], alive: Sequence[str], peers: Mapping[str, bool]) -> None:
        """Take in one sample: what living peers have raised, who lives, who is reachable.

        One that nobody raises any more was taken back if all who lived a sample ago still live, or if it
        is back; else who raised it may be gone.
        """
        if not self._alive - set(alive):
            self._heard -= self._raised - set(raised)
        self._alive, self._raised = set(alive), set(raised)
        self._heard |= self._raised
        self._heard -= {name for name, reachable in peers.items() if reachable}

    def __contains__(self, node: str) -> bool:
        """Say whether a peer had raised ``node``."""
        return node in self._heard

    def all(self) -> list[str]:
        """Return all of them, sorted."""
        return sorted(self._heard)
