"""How one alert lives: pending, firing, ended. Pure over its entry; no clock, only samples' durations.

- A bad value for ``for_s`` fires it. A value that is not bad ends a pending one at once.
- A firing one ends after ``keep_s`` of good values in a row. Values between bad and good (hysteresis)
  keep it as it is and begin the count anew.
- Flapping: each further firing doubles ``keep_s``, up to half an hour, until it has not fired for an hour.
  So a subject that comes and goes for ever fires a few times and then just stays firing until it is really
  quiet.
- Unknown is neither bad nor good: counts stand still. A pending one is forgotten after a minute of it, a
  firing one ends after the rule's ``unknown_s``, with that as its reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from node_scripts.monitor.alerts.rule import Rule
from node_scripts.monitor.alerts.state import Entry

FLAP_S = 3600.0
LONGEST_KEEP_S = 1800.0
PENDING_UNKNOWN_S = 60.0

Turn = Literal["fired", "ended", "forgotten"]


def advance(  # noqa: PLR0911 -- one return a turn
    entry: Entry, rule: Rule, value: float | None, dt_s: float, keep_s: float
) -> Turn | None:
    """Let ``dt_s`` seconds of ``value`` pass over a pending or firing entry; return what became of it.

    ``forgotten``: a pending one that did not fire.
    """
    if value is None:
        entry.unknown_s += dt_s
        if entry.stage == "pending":
            return "forgotten" if entry.unknown_s > PENDING_UNKNOWN_S else None
        if rule.unknown_s is not None and entry.unknown_s >= rule.unknown_s:
            entry.reason = f"its value has been unknown for {entry.unknown_s / 60:.0f} minutes"
            return "ended"
        return None
    entry.unknown_s = 0.0
    entry.value = value
    if rule.is_bad(value, entry.threshold):
        entry.bad_s += dt_s
        entry.good_s = 0.0
        if entry.stage == "pending" and entry.bad_s > rule.for_s:
            return "fired"
        return None
    if entry.stage == "pending":
        return "forgotten"
    if not rule.is_good(value, entry.threshold):
        entry.good_s = 0.0
        return None
    entry.good_s += dt_s
    if entry.good_s < keep_s:
        return None
    entry.reason = f"good for {entry.good_s:.0f} s"
    return "ended"


def keep_s_of(rule: Rule, firings: Sequence[float]) -> float:
    """Return how long a firing one must be good after ``firings``, each given as seconds of quiet since."""
    again = max(0, sum(age_s <= FLAP_S for age_s in firings) - 1)
    return min(rule.keep_s * 2.0**again, max(LONGEST_KEEP_S, rule.keep_s))
