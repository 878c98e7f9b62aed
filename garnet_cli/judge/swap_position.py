"""Where an interrupted swap stands, from what the node says.

The journal names the last step that was done for certain; the proxy's slot says whether traffic
has moved. Where they differ the slot is right: a flip can have happened with its journal line lost.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from node_scripts.contracts import Slot
from node_scripts.journals import SwapJournal

Position = Literal["start", "drain", "stop", "undo", "finished"]
"""The step to go on with: before the flip always ``start``, since a loader is tested again."""


def position(journal: SwapJournal, slot: Slot | None, running_jobs: Collection[str]) -> Position:
    """Return the step at which the swap of ``journal`` goes on.

    ``running_jobs`` are the names of the node's supervised jobs.
    """
    flipped = slot is not None and slot.active is not None and slot.active.name == journal.new.name
    if journal.step == "undo":
        return "undo"
    if not flipped:
        # Past the flip by the journal, but traffic is elsewhere: it was flipped back.
        return "start" if journal.step in {"plan", "start", "test"} else "undo"
    if journal.step in {"watch", "stop"}:
        return "stop"
    old_remains = journal.old is not None and journal.old.name in running_jobs
    return "drain" if old_remains else "stop"
