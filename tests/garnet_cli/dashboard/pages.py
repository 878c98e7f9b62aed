"""Documents and pages of simulated fleets."""

from __future__ import annotations

from collections.abc import Sequence

from garnet_cli.dashboard.cost import Assumptions
from garnet_cli.dashboard.figures import FleetFacts, page_data
from garnet_cli.dashboard.page_data import PageData
from garnet_cli.dashboard.tally import Tally
from garnet_cli.dashboard.window import window_until
from node_scripts.records import Event, Minute
from tests.garnet_cli.dashboard import simulated

NOW = simulated.NOON + 5 * 3600 + 100


def fleet(
    nodes: Sequence[str] = simulated.NODES, models: Sequence[str] = simulated.MODELS, name: str = "office"
) -> FleetFacts:
    """Return a fleet whose nodes cost 1,999 dollars each."""
    prices: dict[str, float | None] = dict.fromkeys(nodes, 1999.0)
    return FleetFacts(name=name, timezone="Europe/Berlin", prices_usd=prices, models=tuple(models))


def made_of(
    minutes: Sequence[Minute],
    facts: FleetFacts,
    *,
    events: Sequence[Event] = (),
    hours: float = 24,
    now_unix: float = NOW,
    refresh_s: int | None = None,
    assumptions: Assumptions | None = None,
) -> PageData:
    """Return the document of a window that ends now."""
    tally = Tally(window_until(now_unix, hours))
    for minute in minutes:
        tally.add(minute)
    return page_data(
        facts,
        tally,
        events,
        now_unix=now_unix,
        version="0.1.0",
        assumptions=assumptions or Assumptions(),
        refresh_s=refresh_s,
    )


def working_day(
    nodes: Sequence[str] = simulated.NODES,
    models: Sequence[str] = simulated.MODELS,
    *,
    hours: float = 24,
    per_minute: float = 7.0,
    refresh_s: int | None = None,
) -> PageData:
    """Return the document of a simulated fleet's last hours."""
    begin = window_until(NOW, hours).begin_unix
    told = list(simulated.minutes(begin, NOW // 60 * 60 - 60, nodes, models, per_minute=per_minute))
    happened = [event for event in simulated.events(NOW) if event.time_unix >= begin]
    return made_of(told, fleet(nodes, models), events=happened, hours=hours, refresh_s=refresh_s)
