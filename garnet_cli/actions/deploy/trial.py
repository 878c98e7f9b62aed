"""Change one node within a trial, confirm it, or have the node take it back."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from garnet_cli.actions.control import Asks
from garnet_cli.actions.events import act
from garnet_cli.actions.memory import memory_fit
from garnet_cli.actions.node_work import NodeReport, NodeWork
from garnet_cli.errors import GarnetError, NodeError
from garnet_cli.fleet.facts import NodeFacts, decode_facts
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.parallel import attempt_each
from garnet_cli.judge.difference import DesiredLoader
from node_scripts.records import RequestRecord

EVIDENCE_KEPT = 600
"""Requests before the change that are left on the node, for a deploy that is resumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSettings:
    """What all trials of a deploy have in common."""

    deploy: str
    who: str
    purpose: str
    grace_s: float


def beside(facts: NodeFacts, wanted: Sequence[DesiredLoader], inventory: Inventory, node: str) -> list[str]:
    """Return the models of which the node's memory allows the old and the new loader at once."""
    return [
        loader.model
        for loader in wanted
        if loader.artifact in facts.artifacts and memory_fit(loader, facts, inventory, node).fits
    ]


def change(
    node: Asks,
    work: NodeWork,
    settings: TrialSettings,
    inventory: Inventory,
    secret: str | None,
    before: Sequence[RequestRecord],
) -> list[dict[str, Any]]:
    """Begin the node's trial, change it, and see that it answers; return the swaps' results.

    Raises :class:`GarnetError`: then the trial is open, and to be taken back.
    """
    facts = decode_facts(node.name, node.ask("facts", listen=None, artifacts=None))
    node.ask(
        "begin_trial",
        deploy=settings.deploy,
        who=settings.who,
        purpose=settings.purpose,
        grace_s=settings.grace_s,
        beside=beside(facts, work.survey.desired.loaders, inventory, node.name),
    )
    kept = msgspec.to_builtins(list(before)[-EVIDENCE_KEPT:])
    node.ask("keep_evidence", deploy=settings.deploy, requests=kept)
    note(node, settings, "changing", changes=[[c.kind, c.subject] for c in work.survey.changes])
    swaps = work.change(secret, begun=True, hold=True)
    require_answers(node, [loader.model for loader in work.survey.desired.loaders])
    note(node, settings, "changed")
    return swaps


def require_answers(node: Asks, models: Sequence[str]) -> None:
    """Ask each model for one token through the node's proxy; raises :class:`NodeError` where none comes."""
    for model in models:
        body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
        try:
            node.ask("chat", body=body)
        except NodeError as error:
            raise NodeError(
                f"{model} does not answer through the proxy: {error.message}", node=node.name, code=error.code
            ) from error


def revert(
    nodes: Sequence[Asks], settings: TrialSettings, reason: str, report: NodeReport
) -> dict[str, dict[str, Any] | GarnetError]:
    """Have all ``nodes`` take their trials back, side by side; return what became of each."""

    def one(node: Asks) -> dict[str, Any]:
        begin = time.monotonic()
        report(node.name, f"taking it back: {reason}")
        done: dict[str, Any] = node.ask(
            "revert_trial",
            deploy=settings.deploy,
            reason=reason,
            progress=lambda value: report(node.name, str(value.get("message", value))),
        )
        report(node.name, "as it was before")
        return {**done, "seconds": time.monotonic() - begin}

    return attempt_each(list(nodes), one)


def confirm(
    nodes: Sequence[Asks], settings: TrialSettings, summaries: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any | GarnetError]:
    """Confirm the trials of all ``nodes``, side by side: from here on nothing is taken back."""
    return attempt_each(
        list(nodes),
        lambda node: node.ask("confirm_trial", deploy=settings.deploy, summary=dict(summaries[node.name])),
    )


def note(node: Asks, settings: TrialSettings, action: str, **detail: Any) -> None:
    """Note a step of the deploy in the node's audit log."""
    node.ask("note_event", **act("deploy", settings.deploy, action, settings.who, **detail))
