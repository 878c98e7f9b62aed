"""Read a window from the store and make the page's document of it."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from garnet_cli import __version__
from garnet_cli.dashboard.cost import Assumptions
from garnet_cli.dashboard.figures import FleetFacts, page_data
from garnet_cli.dashboard.page_data import PageData
from garnet_cli.dashboard.tally import Tally
from garnet_cli.dashboard.window import Window, window_until
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.store.connect import store_errors
from garnet_cli.store.minutes import read_events, read_minutes
from node_scripts.records import Minute
from node_scripts.store.objects import ObjectStore

LOOK_BACK_S = 7 * 86_400
"""What still fires may have begun so long before the window."""

RECENT_S = 900
"""When a document is made again, minutes from so long before the last whole reading on are read again …"""

WHOLE_EVERY_S = 1800
"""… and all of them this often: a node that was cut off ships its backlog later."""


class Gatherer:
    """Makes the document, again and again where it is served.

    Sums over older minutes are kept between two whole readings; the window then grows by what came since.
    """

    def __init__(
        self,
        inventory: Inventory,
        store: ObjectStore,
        *,
        hours: float,
        assumptions: Assumptions,
        refresh_s: int | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Read nothing yet."""
        self._fleet = fleet_facts(inventory)
        self.store = store
        self._hours = hours
        self._assumptions = assumptions
        self._refresh_s = refresh_s
        self._now = now
        self._older = Tally(Window(0, 0, 1))
        self._whole_unix = -math.inf
        self._damaged: dict[str, str] = {}
        """Key and reason of each object that could not be read."""

    def document(self) -> PageData:
        """Return the document as of now. Raises GarnetError where the store does not answer or refuses."""
        now = self._now()
        window = window_until(now, self._hours)
        with store_errors():
            if now - self._whole_unix > WHOLE_EVERY_S:
                self._read_older(window, now)
            window = replace(window, begin_unix=self._older.window.begin_unix)
            tally = copy.deepcopy(self._older)
            tally.window = window
            for minute in self._minutes(self._recent_unix, window.end_unix):
                tally.add(minute)
            begin = window.begin_unix - LOOK_BACK_S
            events = list(read_events(self.store, self._fleet.name, begin, window.end_unix))
        return page_data(
            self._fleet,
            tally,
            events,
            now_unix=now,
            version=__version__,
            assumptions=self._assumptions,
            refresh_s=self._refresh_s,
            unreadable_objects=len(self._damaged),
        )

    @property
    def _recent_unix(self) -> float:
        return max(self._older.window.begin_unix, self._whole_unix - RECENT_S)

    def _read_older(self, window: Window, now: float) -> None:
        self._damaged = {}
        older = Tally(window)
        for minute in self._minutes(window.begin_unix, max(window.begin_unix, now - RECENT_S)):
            older.add(minute)
        self._older, self._whole_unix = older, now

    def _minutes(self, begin_unix: float, end_unix: float) -> Iterator[Minute]:
        return read_minutes(self.store, self._fleet.name, begin_unix, end_unix, set_aside=self._damaged)


def fleet_facts(inventory: Inventory) -> FleetFacts:
    """Return what the page takes from the inventory."""
    return FleetFacts(
        name=inventory.fleet.name,
        timezone=inventory.fleet.timezone,
        prices_usd={node.name: node.price_usd for node in inventory.nodes},
        models=tuple(model.name for model in inventory.models),
    )
