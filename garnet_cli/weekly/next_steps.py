"""What to do next, from all that a week says, the most urgent first. Pure.

Data that are missing come first where so much is missing that the rest is doubtful, then prices that
doubled, then the placement, then evictions that the placement does not mend already.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from garnet_cli.judge.anomalies import Anomaly, Cause, CauseKind
from garnet_cli.judge.evictions import EvictionEntry, EvictionLog
from garnet_cli.judge.placement_diff import PlacementDiff
from garnet_cli.weekly.blocks import count
from garnet_cli.weekly.completeness import Completeness, percent
from garnet_cli.weekly.contents import NextStep

COMMAND = re.compile(r"`(garnet [^`]+)`")
ENOUGH_SHARE = 0.9
"""Nodes of which less is there make the figures doubtful: they come first."""
REASONS_SHOWN = 3
"""Reasons of a placement's lines that a step repeats; all are in the placement diff."""


def next_steps(
    week: str,
    completeness: Completeness,
    anomalies: Sequence[Anomaly],
    placement: PlacementDiff,
    evictions: EvictionLog,
) -> tuple[NextStep, ...]:
    """Return what to do next about one week, the most urgent first."""
    steps = [
        *_data_steps(completeness),
        *(_cost_step(one) for one in anomalies if one.verdict == "doubled"),
        *_placement_steps(week, placement),
        *_eviction_steps(evictions, placement),
    ]
    return tuple(steps)


def _data_steps(completeness: Completeness) -> list[NextStep]:
    short = [one for one in completeness.short if one.share < ENOUGH_SHARE]
    if not short:
        return []
    names = [one.node for one in short]
    why = [f"{one.node} has {percent(one.share)} of its minutes" for one in short]
    return [
        NextStep(
            what=f"Find out why {_listed(names)} shipped too little",
            why=(f"{'; '.join(why)}: figures about {_them(names)} are doubtful.",),
            commands=(f"garnet check {' '.join(names)}", f"garnet logs {names[0]}"),
            part="data",
        )
    ]


def _cost_step(anomaly: Anomaly) -> NextStep:
    cause = anomaly.causes[0]
    return NextStep(
        what=WHAT[cause.kind](anomaly.model, cause),
        why=(anomaly.sentence, cause.sentence),
        commands=tuple(line.strip() for line in cause.command.splitlines() if line.strip()),
        part="cost",
    )


def _placement_steps(week: str, placement: PlacementDiff) -> list[NextStep]:
    if not placement.changes:
        return []
    lines = placement_lines(placement)
    why = [f"{_capital(text)}: {reason}" for text, reason in lines[:REASONS_SHOWN]]
    if len(lines) > REASONS_SHOWN:
        why.append(f"And {len(lines) - REASONS_SHOWN} more, see the placement diff.")
    what = f"Apply the better placement: {changes_of(placement)}"
    if len(lines) == 1:
        what, why = _capital(lines[0][0]), [lines[0][1]]
    return [
        NextStep(
            what=what,
            why=tuple(why),
            commands=(f"garnet weekly --week {week} --apply --no-send", "garnet deploy"),
            part="placement",
        )
    ]


def changes_of(placement: PlacementDiff) -> str:
    """Return what the placement diff consists of, such as ``2 moves and 1 cache change``."""
    found = [
        (len([one for one in placement.moves if one.kind == kind]), word)
        for kind, word in (("move", "move"), ("add", "addition"), ("remove", "removal"))
    ]
    found.append((len(placement.cache_changes), "cache change"))
    return _listed([count(number, word) for number, word in found if number]) or "no change"


def placement_lines(placement: PlacementDiff) -> list[tuple[str, str]]:
    """Return each line of the placement diff: what, and why."""
    moves = [(one.text, one.reason) for one in placement.moves]
    return moves + [(one.text, one.reason) for one in placement.cache_changes]


def _eviction_steps(evictions: EvictionLog, placement: PlacementDiff) -> list[NextStep]:
    mended = {one.model for one in placement.moves} | {one.model for one in placement.cache_changes}
    return [_eviction_step(one) for one in evictions.bugs if one.model not in mended]


def _eviction_step(entry: EvictionEntry) -> NextStep:
    what = f"Mend the eviction of {entry.model} from {entry.node}"
    if entry.what == "cache":
        what = f"Give the prompt cache of {entry.model} on {entry.node} what its traffic needs"
    return NextStep(
        what=what,
        why=(entry.reason, _capital(entry.remedy) + ".") if entry.remedy else (entry.reason,),
        commands=tuple(dict.fromkeys(COMMAND.findall(entry.remedy))),
        part="evictions",
    )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def _them(names: Sequence[str]) -> str:
    return "it" if len(names) == 1 else "them"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _on(cause: Cause) -> str:
    return f" on {_listed(cause.nodes)}" if cause.nodes else ""


WHAT: dict[CauseKind, Callable[[str, Cause], str]] = {
    "cache_misses": lambda model, cause: f"Bring the prompt-cache hits of {model}{_on(cause)} back",
    "poisoned_cache": lambda model, cause: f"Purge the prompt cache of {model}{_on(cause)}",
    "idle_up": lambda model, cause: f"Use or free the idle nodes that {model} pays for{_on(cause)}",
    "throttling": lambda model, cause: f"Cool what throttles {model}{_on(cause)}, or move it off",
    "errors": lambda model, cause: f"Stop the errors of {model}{_on(cause)}",
    "traffic_down": lambda model, _: f"Find out why the traffic of {model} fell",
    "unknown": lambda model, _: f"Find out why {model} costs twice as much",
}
"""What to do about a price that doubled, by its likeliest cause."""
