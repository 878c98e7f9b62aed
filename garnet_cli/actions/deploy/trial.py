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
from node_scripts.records import OPERATOR_KEY, RequestRecord

EVIDENCE_KEPT = 300
"""Requests of a model before the change that are left on the node, for a deploy that is resumed."""


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


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change of a node did."""

    swaps: list[dict[str, Any]]
    in_place: list[str]
    """Models whose old loader had to go before the new one came."""


def begin(
    node: Asks,
    work: NodeWork,
    settings: TrialSettings,
    before: Sequence[RequestRecord],
    scope: Mapping[str, Any],
) -> None:
    """Begin the node's trial, and leave there what a resumed deploy needs. Raises :class:`GarnetError`."""
    facts = decode_facts(node.name, node.ask("facts", listen=None, artifacts=None))
    wanted = work.survey.desired.loaders
    _begin(node, settings, beside(facts, wanted, work.inventory, node.name))
    kept = msgspec.to_builtins(latest_of_each(before))
    node.ask("keep_evidence", deploy=settings.deploy, requests=kept, scope=dict(scope))


def change(node: Asks, work: NodeWork, settings: TrialSettings, secret: str | None) -> Changed:
    """Change the node within its trial and see that it answers.

    Raises :class:`GarnetError`: then it is to be taken back.
    """
    note(node, settings, "changing", changes=[[c.kind, c.subject] for c in work.survey.changes])
    swaps = work.change(secret, begun=True, hold=True)
    facts = decode_facts(node.name, node.ask("facts", listen=None, artifacts=None))
    in_place = [journal.model for journal in facts.swaps if journal.old_job is not None]
    if in_place:
        # There is no room for these two, whatever was computed for each model alone.
        wanted = work.survey.desired.loaders
        fits = beside(facts, wanted, work.inventory, node.name)
        _begin(node, settings, [model for model in fits if model not in in_place])
    require_answers(node, [loader.model for loader in work.survey.desired.loaders])
    note(node, settings, "changed")
    return Changed(swaps, in_place)


def latest_of_each(records: Sequence[RequestRecord]) -> list[RequestRecord]:
    """Return the latest requests of each model and kind, in their order: as many as are kept."""
    left: dict[tuple[str, bool], int] = {}
    kept = []
    for record in reversed(records):
        kind = (record.model, record.key == OPERATOR_KEY)
        if left.setdefault(kind, EVIDENCE_KEPT) > 0:
            left[kind] -= 1
            kept.append(record)
    return kept[::-1]


def _begin(node: Asks, settings: TrialSettings, fits: Sequence[str]) -> None:
    node.ask(
        "begin_trial",
        deploy=settings.deploy,
        who=settings.who,
        purpose=settings.purpose,
        grace_s=settings.grace_s,
        beside=list(fits),
    )


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
