"""Read a window from the store and make the page's document of it."""

from __future__ import annotations

import time
from collections.abc import Callable

from garnet_cli import __version__
from garnet_cli.dashboard.cost import Assumptions
from garnet_cli.dashboard.figures import FleetFacts, page_data
from garnet_cli.dashboard.page_data import PageData
from garnet_cli.dashboard.tally import Tally
from garnet_cli.dashboard.window import window_until
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.store.connect import store_errors
from garnet_cli.store.minutes import read_events, read_minutes
from node_scripts.records import Minute
from node_scripts.store.objects import ObjectStore

LOOK_BACK_S = 7 * 86_400
"""What still fires may have begun so long before the window."""

RECENT_S = 900
"""When a document is made again, only minutes this recent are read again …"""

WHOLE_EVERY_S = 1800
"""… and all of them this often: a node that was cut off ships its backlog later."""


class Gatherer:
    """Makes the document, again and again where it is served. Minutes read once are kept."""

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
        self._whole_unix = 0.0
        self._damaged: dict[str, str] = {}
        """Key and reason of each object that could not be read."""
        self._kept: dict[tuple[str, int, int], Minute] = {}

    def document(self) -> PageData:
        """Return the document as of now. Raises GarnetError where the store does not answer or refuses."""
        now = self._now()
        window = window_until(now, self._hours)
        whole = now - self._whole_unix > WHOLE_EVERY_S
        begin = window.begin_unix if whole else max(window.begin_unix, now - RECENT_S)
        if whole:
            self._damaged = {}
        with store_errors():
            for minute in read_minutes(
                self.store, self._fleet.name, begin, window.end_unix, set_aside=self._damaged
            ):
                self._kept[minute.node, minute.minute_unix, minute.part] = minute
            events = list(
                read_events(self.store, self._fleet.name, window.begin_unix - LOOK_BACK_S, window.end_unix)
            )
        self._whole_unix = now if whole else self._whole_unix
        self._kept = {key: one for key, one in self._kept.items() if key[1] >= window.begin_unix}
        tally = Tally(window)
        for minute in self._kept.values():
            tally.add(minute)
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


def fleet_facts(inventory: Inventory) -> FleetFacts:
    """Return what the page takes from the inventory."""
    return FleetFacts(
        name=inventory.fleet.name,
        timezone=inventory.fleet.timezone,
        prices_usd={node.name: node.price_usd for node in inventory.nodes},
        models=tuple(model.name for model in inventory.models),
    )
