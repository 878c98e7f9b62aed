"""What one week's artifacts hold, before it is written in any form."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from garnet_cli.judge.anomalies import Anomaly
from garnet_cli.judge.costs_change import CostDiff
from garnet_cli.judge.evictions import EvictionLog
from garnet_cli.judge.placement_diff import PlacementDiff
from garnet_cli.store.weeks import Week
from garnet_cli.weekly.completeness import Completeness
from garnet_cli.weekly.traffic import Traffic

SCHEMA = 1
"""Version of the JSON artifacts."""

Part = Literal["data", "cost", "placement", "evictions"]
"""Where a step comes from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NextStep:
    """One thing to do, with the reason and the commands for it."""

    what: str
    """An imperative, such as ``Purge the prompt cache of llama on mini-2``."""
    why: tuple[str, ...]
    """Sentences with figures."""
    commands: tuple[str, ...]
    """To be typed in this order."""
    part: Part


@dataclass(frozen=True, kw_only=True, slots=True)
class Weekly:
    """One ISO week of a fleet: how complete its data are, what it says, and what to do next."""

    fleet: str
    week: Week
    until_unix: float
    """End of what was read: the week's, or, while it goes on, the last whole minute."""
    made_unix: float
    weeks_known: int
    """Weeks with data that expectations rest on, this one included."""
    completeness: Completeness
    last_completeness: Completeness | None
    """Of the same stretch of the week before; ``None``: the store has nothing of it."""
    traffic: Traffic
    placement: PlacementDiff
    costs: CostDiff
    anomalies: tuple[Anomaly, ...]
    evictions: EvictionLog
    steps: tuple[NextStep, ...]
    """The most urgent first; empty: nothing is to be done."""

    @property
    def over(self) -> bool:
        """Say whether the week had ended when this was made."""
        return self.until_unix >= self.week.end_unix

    @property
    def span(self) -> str:
        """Return its days, its time zone, and how long it is where that is not 168 hours."""
        days = f"{self.week.monday:%a %d %b} to {self.week.sunday:%a %d %b %Y}, {self.week.timezone}"
        return days if self.week.hours == 168 else f"{days}, {self.week.hours:g} hours"  # noqa: PLR2004 -- 7 * 24

    @property
    def goes_on(self) -> str:
        """Say until when it was read, where the week is not over; empty where it is."""
        if self.over:
            return ""
        until = local_time(self.until_unix, self.week.timezone)
        hours = (self.until_unix - self.week.begin_unix) / 3600
        return (
            f"The week goes on: this is its first {hours:.1f} of {self.week.hours:g} hours, until {until},"
            " beside the same stretch of the week before."
        )

    def envelope(self) -> dict[str, Any]:
        """Return what every JSON artifact begins with."""
        return {
            "schema": SCHEMA,
            "fleet": self.fleet,
            "week": self.week.name,
            "timezone": self.week.timezone,
            "begin_unix": self.week.begin_unix,
            "end_unix": self.week.end_unix,
            "until_unix": self.until_unix,
            "over": self.over,
            "hours": self.week.hours,
            "made_unix": self.made_unix,
            "weeks_known": self.weeks_known,
            "complete_share": self.completeness.share,
            "completeness": {
                one.node: {"expected": one.expected, "present": one.present, "share": one.share}
                for one in self.completeness.nodes
            },
            "last_complete_share": self.last_completeness.share if self.last_completeness else None,
            "unreadable": list(self.completeness.unreadable),
        }

    def as_json(self) -> dict[str, Any]:
        """Return all of it as one document."""
        return {
            **self.envelope(),
            "traffic": self.traffic.as_json(),
            "next_steps": [asdict(step) for step in self.steps],
            "placement": self.placement.as_json(),
            "costs": self.costs.as_json(),
            "anomalies": [one.as_json() for one in self.anomalies],
            "evictions": self.evictions.as_json(),
        }


def local_time(unix: float, timezone: str) -> str:
    """Return a moment in a time zone, to the minute, with its offset's name."""
    return datetime.fromtimestamp(unix, ZoneInfo(timezone)).strftime("%a %d %b %Y %H:%M %Z")
