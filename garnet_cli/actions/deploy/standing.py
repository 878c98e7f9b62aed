"""Where the fleet stands between deploys: leases, trials, and how the last deploys ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from garnet_cli.errors import GarnetError
from garnet_cli.fleet.facts import NodeFacts
from node_scripts.journals import DeployRecord, Lease, Trial

MOST_OFFERED = 5
ROLLBACK = "garnet deploy rollback"
"""Purpose of a rollback, followed by the deploy that it took back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDeploy:
    """One deploy as the nodes remember it."""

    deploy: str
    who: str
    ended: str
    outcome: str
    """confirmed or reverted, or both where the nodes differ."""
    reason: str
    purpose: str
    nodes: Mapping[str, DeployRecord]

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "deploy": self.deploy,
            "who": self.who,
            "ended": self.ended,
            "outcome": self.outcome,
            "reason": self.reason,
            "purpose": self.purpose,
            "nodes": {
                name: {
                    "outcome": record.outcome,
                    "by_node": record.by_node,
                    "release_before": record.release_before,
                    "release_after": record.release_after,
                    "models_before": record.models_before,
                }
                for name, record in self.nodes.items()
            },
        }


def history(facts: Mapping[str, NodeFacts]) -> list[PastDeploy]:
    """Return the deploys that nodes remember, the newest first."""
    found: dict[str, dict[str, DeployRecord]] = {}
    for node, fact in facts.items():
        for record in fact.deploys:
            found.setdefault(record.deploy, {})[node] = record
    past = []
    for deploy, records in found.items():
        last = max(records.values(), key=lambda record: record.ended)
        reasons = [record.reason for record in records.values() if record.reason]
        past.append(
            PastDeploy(
                deploy=deploy,
                who=last.who,
                ended=last.ended,
                outcome=" and ".join(sorted({record.outcome for record in records.values()})),
                reason=reasons[0] if reasons else "",
                purpose=last.purpose,
                nodes=records,
            )
        )
    return sorted(past, key=lambda one: (one.ended, one.deploy), reverse=True)


def kept(past: Sequence[PastDeploy]) -> list[PastDeploy]:
    """Return the deploys that some node kept: from each of them there is a way back."""
    return [one for one in past if "confirmed" in one.outcome]


def offered(past: Sequence[PastDeploy]) -> list[PastDeploy]:
    """Return the deploys to offer for a rollback: the last five that are still in force, the latest first.

    Neither rollbacks, nor what they took back: that is the deploy which they name with all later ones. A
    rollback that not all of its nodes kept took nothing back: it can be tried again.
    """
    found: list[PastDeploy] = []
    undone_to: str | None = None
    for one in kept(past):
        if undone_to is not None:
            undone_to = None if one.deploy == undone_to else undone_to
        elif not one.purpose.startswith(ROLLBACK):
            found.append(one)
        else:
            name = one.purpose.removeprefix(ROLLBACK).strip()
            target = next((other for other in past if other.deploy == name), None)
            if target is not None and kept_on(one) >= kept_on(target):
                undone_to = name
    return found[:MOST_OFFERED]


def kept_on(past: PastDeploy) -> set[str]:
    """Return the nodes that kept a deploy."""
    return {name for name, record in past.nodes.items() if record.outcome == "confirmed"}


def undecided(facts: Mapping[str, NodeFacts]) -> dict[str, Trial]:
    """Return the trials that are neither confirmed nor taken back, by node."""
    return {
        name: fact.trial
        for name, fact in facts.items()
        if fact.trial is not None and fact.trial.armed and fact.trial.status != "reverted"
    }


def working(facts: Mapping[str, NodeFacts]) -> dict[str, Lease]:
    """Return the leases that somebody holds, by node; a held deploy has none: it waits to be decided."""
    return {name: fact.lease for name, fact in facts.items() if fact.lease is not None}


def the_trial(facts: Mapping[str, NodeFacts]) -> tuple[str, dict[str, Trial]]:
    """Return the one undecided deploy and its trials by node. Raises :class:`GarnetError` without one."""
    trials = undecided(facts)
    deploys = sorted({trial.deploy for trial in trials.values()})
    if not deploys:
        taken = [
            f"{name} took deploy {fact.trial.deploy} back: {fact.trial.reason}"
            for name, fact in facts.items()
            if fact.trial is not None and fact.trial.status == "reverted"
        ]
        raise GarnetError(
            "no deploy is open or held" + (f" ({'; '.join(taken)})" if taken else ""),
            remedy="`garnet deploy` begins a new one",
        )
    if len(deploys) > 1:
        raise GarnetError(
            f"nodes are in the middle of different deploys: {', '.join(deploys)}",
            remedy="`garnet deploy rollback` takes them all back",
        )
    return deploys[0], trials
