"""Which models left which nodes, and whether traffic justifies it. Pure.

A model left a node when an operator's `up` or deploy stopped its loader, or when minutes no longer show a
loader that they did show. A swap to another artifact is an eviction of the artifact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from garnet_cli.judge.evictions_entry import DAY_S, EvictionEntry, Rule, lasting, percent
from garnet_cli.judge.evictions_presence import Presence
from garnet_cli.store.totals import Totals
from node_scripts.records import Event

AGAIN_S = DAY_S
"""What is loaded again within this time should not have left."""
LITTLE = 0.05
"""Share of the time with a request in the loader below which it was little used."""
CROWDED = 0.9
"""Share of its busiest hour above which a loader that is left has no room."""
REFUSED = 0.01
REFUSALS = 5
"""Share and number of refused requests from which on they count."""
NEAR_S = 2 * 3600.0
"""What arrives within this time of a departure came in its place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Departure:
    """A model's loader that left a node."""

    node: str
    model: str
    time_unix: float
    who: str = ""
    """Who stopped it; empty where no event tells."""


def model_entries(this: Totals, last: Totals | None, events: Sequence[Event]) -> list[EvictionEntry]:
    """Return an entry for each model that left a node in the window, the largest first, then by time."""
    presence = Presence(this, last)
    found = [_entry(one, presence) for one in departures(this, presence, events)]
    found += replacements(this, presence, events)
    return sorted(found, key=lambda one: (-(one.size_bytes or 0), one.time_unix or 0.0, one.node, one.model))


def departures(this: Totals, presence: Presence, events: Iterable[Event]) -> list[Departure]:
    """Return what left, as events tell it and minutes confirm it, and what only minutes show."""
    told: list[Departure] = []
    for event in sorted(events, key=lambda event: (event.time_unix, event.id)):
        if event.kind not in ("up", "deploy") or not this.begin_unix <= event.time_unix < this.end_unix:
            continue
        for model in _stopped(event):
            one = Departure(node=event.node, model=model, time_unix=event.time_unix, who=event.who)
            place = (one.node, one.model, one.time_unix)
            # A run that was cut off tells the same again; one that failed leaves the loader where it was.
            if not (_known(one, told) or presence.was_gone(*place) or presence.stayed(*place)):
                told.append(one)
    seen = [
        Departure(node=node, model=model, time_unix=float(begin))
        for node, model, begin in presence.departures(this.begin_unix, this.end_unix)
    ]
    return told + [one for one in seen if not _known(one, told)]


def replacements(this: Totals, presence: Presence, events: Iterable[Event]) -> list[EvictionEntry]:
    """Return an entry for each swap of the window that put another artifact in a slot."""
    swaps = [
        event
        for event in sorted(events, key=lambda event: (event.time_unix, event.id))
        if event.kind == "swap"
        and event.action == "done"
        and event.detail.get("from_artifact")
        and event.detail.get("from_artifact") != event.detail.get("to_artifact")
    ]
    found = []
    for number, swap in enumerate(swaps):
        if not this.begin_unix <= swap.time_unix < this.end_unix:
            continue
        back = next((one for one in swaps[number + 1 :] if _undoes(one, swap)), None)
        gone = swap.detail.get("from") or swap.detail["from_artifact"]
        came = swap.detail.get("to") or swap.detail.get("to_artifact")
        reason = f"{swap.who or 'An operator'} swapped {gone} for {came}, which has stayed."
        if back is not None:
            after = lasting(back.time_unix - swap.time_unix)
            reason = f"{gone} left for {came} and was swapped back {after} later."
        found.append(
            EvictionEntry(
                what="model",
                node=swap.node,
                model=swap.subject,
                count=1,
                size_bytes=presence.size_bytes(swap.node, swap.subject, swap.time_unix),
                time_unix=swap.time_unix,
                justified=back is None,
                rule="replaced" if back is None else "replaced_back",
                reason=reason,
                remedy="" if back is None else "try an artifact on one node first: `garnet deploy --canary`",
            )
        )
    return found


def _entry(one: Departure, presence: Presence) -> EvictionEntry:
    justified, rule, reason = _judged(one, presence)
    return EvictionEntry(
        what="model",
        node=one.node,
        model=one.model,
        count=1,
        size_bytes=presence.size_bytes(one.node, one.model, one.time_unix),
        time_unix=one.time_unix,
        justified=justified,
        rule=rule,
        reason=reason,
        remedy="" if justified is not False else _remedy(one, rule),
    )


def _judged(one: Departure, presence: Presence) -> tuple[bool | None, Rule, str]:
    """Return the verdict of the first rule that applies."""
    node, model, left = one.node, one.model, one.time_unix
    before = presence.use(model, left - AGAIN_S, left)
    after = presence.use(model, left, left + AGAIN_S)
    if not after.seconds:
        return None, "too_little_known", "It left at the end of what is known; its traffic since is not."
    back = presence.next_seen(node, model, left)
    if back is not None and back - left < AGAIN_S:
        return False, "loaded_again", f"It was loaded again on {node} {lasting(back - left)} later."
    if not after.loaders:
        if after.requests:
            asked = f"It was asked {after.requests:,} times in the {lasting(after.seconds)} since"
            reason = f"{asked}, and no node has it."
            return False, "nowhere_served", reason
        return True, "not_asked_for", f"Nobody asked for it in the {lasting(after.seconds)} since."
    if (
        after.refused >= max(REFUSALS, REFUSED * after.requests)
        and after.refused_share > 2 * before.refused_share
    ):
        reason = (
            f"The nodes left refused {after.refused:,} of {after.requests:,} requests for it in the"
            f" {lasting(after.seconds)} since, {percent(after.refused_share)} against"
            f" {percent(before.refused_share)} before."
        )
        return False, "refused_since", reason
    return _by_use(one, presence, after.busiest)


def _by_use(one: Departure, presence: Presence, busiest: float | None) -> tuple[bool | None, Rule, str]:
    """Judge by how busy it was, what came in its place, and how busy its peers are since."""
    used = presence.busy_share(one.node, one.model, one.time_unix - 7 * AGAIN_S, one.time_unix)
    if used is not None and used < LITTLE:
        reason = f"Its loader had a request in {percent(used)} of the time in the week before."
        return True, "little_used", reason
    for other in presence.arrivals(one.node, one.time_unix - NEAR_S, one.time_unix + NEAR_S):
        share = presence.busy_share(one.node, other, one.time_unix, one.time_unix + AGAIN_S)
        if other != one.model and share is not None and used is not None and share > used:
            reason = (
                f"{other} came in its place and is busy {percent(share)} of the time, it was {percent(used)}."
            )
            return True, "room_for_busier", reason
    if busiest is None:
        return None, "too_little_known", "How busy it was, or its peers are since, is not known."
    if busiest > CROWDED:
        reason = f"A loader of it that is left was at work {percent(busiest)} of its busiest hour since."
        return False, "peers_overloaded", reason
    reason = f"Its peers carry it: in the busiest hour since, a loader of it was at work {percent(busiest)}."
    return True, "carried_by_peers", reason


def _stopped(event: Event) -> list[str]:
    """Return the models whose loaders an operator's command was about to stop.

    `up` tells its changes as kind and subject by name, a deploy as pairs.
    """
    changes = event.detail.get("changes")
    if event.action not in ("begun", "changing") or not isinstance(changes, list):
        return []
    pairs = [
        (change.get("kind"), change.get("of")) if isinstance(change, dict) else tuple(change)
        for change in changes
        if isinstance(change, dict | list | tuple)
    ]
    return [str(pair[1]) for pair in pairs if len(pair) > 1 and pair[0] == "stop loader"]


def _known(one: Departure, told: Iterable[Departure]) -> bool:
    return any(
        (one.node, one.model) == (other.node, other.model) and abs(one.time_unix - other.time_unix) <= NEAR_S
        for other in told
    )


def _undoes(later: Event, swap: Event) -> bool:
    same = (later.node, later.subject) == (swap.node, swap.subject)
    back = later.detail.get("to_artifact") == swap.detail["from_artifact"]
    return same and back and later.time_unix - swap.time_unix < AGAIN_S


def _remedy(one: Departure, rule: Rule) -> str:
    if rule == "loaded_again":
        return f"keep {one.model} on {one.node} in the inventory"
    return f"give {one.model} a node in the inventory (`garnet weekly --apply`), then run `garnet deploy`"
