"""The evictions of a minute: so many one by one, the rest as one event a model."""

from __future__ import annotations

from collections.abc import Mapping

from node_scripts.monitor import own_events
from node_scripts.monitor.sample import ModelSample
from node_scripts.records import Event


class EvictionsTold:
    """How many of the open minute's evictions were told one by one, and the sums of the others."""

    def __init__(self) -> None:
        """Begin a minute."""
        self._left = own_events.EVICTIONS_A_MINUTE
        self._rest: dict[str, dict[str, int]] = {}

    def take(self, make: own_events.Teller, models: Mapping[str, ModelSample]) -> list[Event]:
        """Return the events of new evictions; keep the sums of those that are too many."""
        told, rest = own_events.evictions(make, models, self._left)
        self._left -= len(told)
        for name, sums in rest.items():
            known = self._rest.setdefault(name, dict.fromkeys(sums, 0))
            for figure, value in sums.items():
                known[figure] += value
        return told

    def close(self, tell: own_events.Teller) -> list[Event]:
        """Return the events of those that were too many, and begin the next minute."""
        rest = own_events.evictions_rest(tell, self._rest)
        self._left, self._rest = own_events.EVICTIONS_A_MINUTE, {}
        return rest
