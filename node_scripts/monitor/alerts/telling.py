"""What is told of an alert, and when again: pure over its entry.

A firing alert is told once and again every ``repeat_s``; its end is told if its firing was. Nothing is told
of one that is silenced, explained by another, or raised by a peer. Failed deliveries are tried again after
ever longer times.
"""

from __future__ import annotations

from node_scripts.monitor.alerts.messages import ItemKind
from node_scripts.monitor.alerts.rules import NODE_MISSING
from node_scripts.monitor.alerts.state import Entry

FIRST_RETRY_S = 30.0
FIRST_RETRY_MISSING_S = 120.0
"""A node that was cut off itself finds all others missing. When it is back it should see them before it
tries again; where it was not, the next of the living speaks 15 s later anyway."""
LONGEST_RETRY_S = 300.0


def due_kind(entry: Entry, repeat_s: float) -> ItemKind | None:
    """Return what is to be told of an alert now, or ``None``."""
    if entry.wait_s > 0 or entry.stage == "pending":
        return None
    if entry.stage == "ended":
        return "resolved" if entry.told else None
    if entry.silenced or entry.inhibited or (entry.elsewhere and not entry.told):
        return None
    if not entry.told:
        # What is good again is about to end: nobody is told so late that it fires.
        return None if entry.good_s else "firing"
    return "repeat" if entry.quiet_s >= repeat_s else None


def after_delivery(entry: Entry, kind: ItemKind, *, ok: bool) -> str:
    """Take the outcome of a delivery into ``entry``; return what the audit log says of it, or nothing.

    Of several failures in a row only the first is worth a line.
    """
    if not ok:
        entry.failures += 1
        first_s = FIRST_RETRY_MISSING_S if entry.rule == NODE_MISSING else FIRST_RETRY_S
        entry.wait_s = min(first_s * 2.0 ** (entry.failures - 1), LONGEST_RETRY_S)
        return f"{kind} not delivered" if entry.failures == 1 else ""
    entry.failures, entry.wait_s, entry.quiet_s = 0, 0.0, 0.0
    # One that fired again while its end was on the way has to be told anew.
    entry.told = kind != "resolved" or entry.stage == "ended"
    return f"{kind} delivered"
