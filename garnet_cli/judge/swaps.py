"""Swaps as their events tell them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from node_scripts.records import Event

Outcome = Literal["done", "undone", "unfinished"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Swapped:
    """One swap of a model's loader on a node."""

    node: str
    model: str
    begin_unix: float
    flip_unix: float | None = None
    """When the next loader took the traffic; the latest time."""
    end_unix: float | None = None
    outcome: Outcome = "unfinished"
    who: str = ""
    source: str = ""
    """What it was swapped to."""

    @property
    def window_s(self) -> float | None:
        """Return how long it took until the next loader had the traffic; ``None`` where it never did."""
        return None if self.flip_unix is None else self.flip_unix - self.begin_unix


def swaps_of(events: Iterable[Event]) -> list[Swapped]:
    """Return the swaps that begin in ``events``, by their begin; events may come in any order.

    A swap is gone on with under the same model and node: the next start is another one. Deploys and ``up``
    replace loaders by the same steps and count alike.
    """
    told = sorted(
        (event for event in events if event.kind == "swap"), key=lambda one: (one.time_unix, one.id)
    )
    found: list[Swapped] = []
    going: dict[tuple[str, str], int] = {}
    for event in told:
        key = (event.node, event.subject)
        if event.action == "start":
            going[key] = len(found)
            found.append(
                Swapped(
                    node=event.node,
                    model=event.subject,
                    begin_unix=event.time_unix,
                    who=event.who,
                    source=str(event.detail.get("to", "")),
                )
            )
        elif key in going:
            found[going[key]] = _changed(found[going[key]], event)
    return found


def _changed(swap: Swapped, event: Event) -> Swapped:
    match event.action:
        case "flip":
            return replace(swap, flip_unix=event.time_unix)
        case "done":
            return replace(swap, end_unix=event.time_unix, outcome="done")
        case "undo":
            return replace(swap, end_unix=event.time_unix, outcome="undone")
        case _:
            return swap
