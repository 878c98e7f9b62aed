"""What a report is made of, read from the store and the inventory: plain data, all figures follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from garnet_cli.fleet.inventory import Inventory
from garnet_cli.judge.evictions import CacheNeed
from garnet_cli.judge.memory import ArtifactSize
from garnet_cli.judge.uptime import FleetUptime, Uptime
from garnet_cli.report.month import Span
from garnet_cli.store.hourly import HourLoad
from garnet_cli.store.standing import Standing
from garnet_cli.store.throttling import Throttling
from garnet_cli.store.totals import Totals
from node_scripts.records import Event

NINETY_DAYS = 90


@dataclass(frozen=True, kw_only=True, slots=True)
class Gathered:
    """The data of a report's period, of the period before, and of the history that forecasts need."""

    inventory: Inventory
    span: Span
    totals: Totals
    """Of the period, by local day, without histograms and keys: of all days they are most of the memory."""
    sums: Totals
    """Of the period, as one window, with them."""
    before: Totals
    """Of the period before, as one window, without histograms; of a running one as much as has passed."""
    standing_before: Standing
    """Of the period before."""
    ninety: Standing
    """Of the ninety local days that end with the period."""
    ninety_begin_unix: int
    uptime: FleetUptime
    uptime_before: FleetUptime
    uptime_ninety: Uptime
    """Of the fleet as clients see it."""
    throttling: Mapping[str, Throttling]
    """Of the period, by node."""
    hours: tuple[HourLoad, ...]
    """Of the weeks up to the period's end."""
    hours_begin_unix: int
    placement_weeks: tuple[Totals, ...]
    """By hour, oldest first, up to the period's end; what the best placement is judged by."""
    artifacts: Mapping[str, ArtifactSize]
    """What is known of models' files, by served name."""
    caches: Mapping[str, CacheNeed]
    """What each model's prompt cache may keep and may need, by served name."""
    events: tuple[Event, ...]
    """Of the ninety days or the period, whichever is longer, and up to now: later notes count. In order."""
    set_aside: Mapping[str, str] = field(default_factory=dict)
    """Key to reason, of the store's objects that cannot be read."""

    def events_in(self, begin_unix: float, end_unix: float) -> list[Event]:
        """Return the events of [begin, end)."""
        return [event for event in self.events if begin_unix <= event.time_unix < end_unix]

    @property
    def period_events(self) -> list[Event]:
        """Return the events of the period."""
        return self.events_in(self.span.begin_unix, self.span.end_unix)

    @property
    def node_names(self) -> tuple[str, ...]:
        """Return the inventory's nodes, then those that are no longer in it but sent minutes."""
        wanted = tuple(node.name for node in self.inventory.nodes)
        return wanted + tuple(name for name in self.totals.node_names() if name not in wanted)
