"""What the alert engine remembers, also over a restart of the monitor, and what it shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

ALERTS_SCHEMA = 1

Stage = Literal["pending", "firing", "ended"]
"""pending: bad, but not for long enough; ended: good again, and those told of it are to be told."""


@dataclass(kw_only=True, slots=True)
class Entry:
    """One rule on one subject, from the first bad value to the last message. Durations are sums of samples.

    No clock decides anything here: times in unix seconds are for people.
    """

    rule: str
    subject: str
    node: str
    """The node that it is about."""
    stage: Stage = "pending"
    since_unix: float
    value: float | None = None
    """The last known one."""
    threshold: float
    bad_s: float = 0.0
    good_s: float = 0.0
    unknown_s: float = 0.0
    told: bool = False
    """A message that it fires was delivered, by this node or by the one that it was taken over from."""
    quiet_s: float = 0.0
    """Since the last message about it was delivered."""
    failures: int = 0
    """Deliveries that failed since the last good one."""
    wait_s: float = 0.0
    """Until delivery may be tried again."""
    adopted: bool = False
    """Taken over from a node that had raised it and is gone."""
    reason: str = ""
    """Why it ended."""
    explained: str = ""
    """What its rule's ``explain`` said last."""
    end_noted: bool = False
    """The event of its end was made."""
    silenced: str = ""
    """The reason of the silence that it falls under."""
    inhibited: str = ""
    """The rule that explains it."""
    elsewhere: bool = False
    """A living peer has raised it."""


@dataclass(kw_only=True, slots=True)
class AlertState:
    """All that an engine remembers."""

    schema: int = ALERTS_SCHEMA
    entries: list[Entry] = field(default_factory=list)
    firings: dict[str, list[float]] = field(default_factory=dict)
    """By ``rule|subject``: for each of the last firings, seconds since, without those in which it fires."""
    seen: list[str] = field(default_factory=list)
    """Peers that were reachable at least once."""
    heard: list[str] = field(default_factory=list)
    """Missing nodes that a peer has raised, which may itself have gone since."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ActiveAlert:
    """A firing alert, or one that has just ended, as people see it."""

    rule: str
    severity: Literal["critical", "warning"]
    route: Literal["alerts", "thermal"]
    node: str
    """The node that it is about."""
    subject: str
    """The model, the deploy, or the missing node; empty where it is about the node itself."""
    says: str
    value: float | None
    """The last known one."""
    unit: str
    compare: Literal[">", ">=", "<"]
    threshold: float
    since_unix: float
    """When it was first bad."""
    told: bool
    silenced: str
    """Reason of the silence; empty without."""
    inhibited: str
    """Rule that explains it; empty without."""
    cause: str
    command: str
