"""Requests that were in flight when a loader died, remembered by digest.

One death makes a request a suspect: it may be tried at one other loader, in that loader's
isolation lane. A second death that is laid to it gets it refused for ten minutes. An answer in
full clears it. The table is bounded: the oldest suspicion goes first.

Deaths have numbers, so that two equal requests in one loader do not make two deaths of its one.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict

REMEMBERED_S = 600.0
DEATHS_TO_REFUSE = 2
MAX_ENTRIES = 4096

ELSEWHERE = 0
"""Number of the death that the peer counted which forwarded a suspect."""

_numbers = itertools.count(1)


def number_of_new_death() -> int:
    """Return a number that no other death has in this process."""
    return next(_numbers)


class PoisonTable:
    """Which deaths are laid to each digest."""

    def __init__(self, max_entries: int = MAX_ENTRIES) -> None:
        """Start empty; ``max_entries`` bounds the memory."""
        self._deaths: OrderedDict[bytes, tuple[frozenset[int], float]] = OrderedDict()
        self._max_entries = max_entries

    def __len__(self) -> int:
        """Return how many digests are remembered."""
        return len(self._deaths)

    def deaths(self, digest: bytes, now: float) -> int:
        """Return the deaths laid to ``digest`` that still count at ``now`` (monotonic seconds)."""
        entry = self._deaths.get(digest)
        if entry is None:
            return 0
        deaths, since = entry
        if now - since >= REMEMBERED_S:
            del self._deaths[digest]
            return 0
        return len(deaths)

    def blame(self, digest: bytes, now: float, death: int) -> int:
        """Lay the death of that number to ``digest``; return its count. The ten minutes start again."""
        before = self._deaths[digest][0] if self.deaths(digest, now) else frozenset[int]()
        deaths = before | {death}
        self._deaths[digest] = (deaths, now)
        self._deaths.move_to_end(digest)
        while len(self._deaths) > self._max_entries:
            self._deaths.popitem(last=False)
        return len(deaths)

    def clear(self, digest: bytes) -> None:
        """Forget ``digest``: it was answered in full."""
        self._deaths.pop(digest, None)

    def refused(self, digest: bytes, now: float) -> bool:
        """Say whether requests of this digest are refused."""
        return bool(self._deaths) and self.deaths(digest, now) >= DEATHS_TO_REFUSE
