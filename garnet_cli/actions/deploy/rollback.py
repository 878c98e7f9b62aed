"""Take a deploy back by hand: one that is still open, or one that was confirmed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from garnet_cli.actions.control import Asks
from garnet_cli.actions.deploy import trial
from garnet_cli.actions.deploy.result import DeployResult, NodeResult
from garnet_cli.actions.deploy.trial import TrialSettings, require_answers
from garnet_cli.actions.memory import another_fits
from garnet_cli.actions.node_work import NodeReport
from garnet_cli.errors import FleetError, GarnetError
from garnet_cli.fleet.facts import NodeFacts
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.parallel import errors_of
from node_scripts.journals import DeployRecord


def take_back(
    nodes: Sequence[Asks], deploys: Mapping[str, str], who: str, reason: str, report: NodeReport
) -> dict[str, dict[str, Any]]:
    """Have ``nodes`` take their undecided trials back; ``deploys`` are their ids by node.

    Raises :class:`FleetError` naming every node that could not.
    """
    done: dict[str, dict[str, Any]] = {}
    errors: list[GarnetError] = []
    for deploy in sorted(set(deploys.values())):
        settings = TrialSettings(deploy=deploy, who=who, purpose="garnet deploy rollback", grace_s=60.0)
        chosen = [node for node in nodes if deploys.get(node.name) == deploy]
        outcomes = trial.revert(chosen, settings, reason, report)
        errors += errors_of(outcomes)
        done |= {name: one for name, one in outcomes.items() if not isinstance(one, GarnetError)}
    if errors:
        raise FleetError(errors)
    return done


def restore(
    nodes: Sequence[Asks],
    records: Mapping[str, DeployRecord],
    facts: Mapping[str, NodeFacts],
    inventory: Inventory,
    settings: TrialSettings,
    result: DeployResult,
    report: NodeReport,
) -> None:
    """Bring ``nodes`` one after another to what they were before a confirmed deploy.

    Those that get models back come first, so that none is missing meanwhile. No canary and no watch: it
    served before. A node that fails is taken back to what it was, and the rest is left as it is; ``result``
    says so.
    """
    result.outcome = "done"
    for node in sorted(nodes, key=lambda node: -len(_gained(facts[node.name], records[node.name]))):
        begin = time.monotonic()
        one = NodeResult(node=node.name, role="rollback")
        result.nodes.append(one)
        try:
            _restore(node, records[node.name], facts[node.name], inventory, settings, report)
            one.outcome = "changed"
            told = trial.confirm([node], settings, {node.name: one.as_json()})[node.name]
            if isinstance(told, GarnetError):
                raise told
        except GarnetError as error:
            one.error = str(error)
            back = trial.revert([node], settings, f"rollback failed: {error.message}", report)[node.name]
            one.outcome = "takes itself back" if isinstance(back, GarnetError) else "reverted"
            result.outcome = "split" if any(n.outcome == "confirmed" for n in result.nodes) else "reverted"
            result.reason = f"the rollback failed on {error}"
            return
        one.seconds["change"] = time.monotonic() - begin
        one.outcome = "confirmed"
        report(node.name, "as it was before")


def _restore(
    node: Asks,
    record: DeployRecord,
    facts: NodeFacts,
    inventory: Inventory,
    settings: TrialSettings,
    report: NodeReport,
) -> None:
    beside = [model for model in record.models_before if another_fits(model, facts, inventory, node.name)]
    node.ask(
        "begin_trial",
        deploy=settings.deploy,
        who=settings.who,
        purpose=settings.purpose,
        grace_s=settings.grace_s,
        beside=beside,
    )
    report(node.name, f"back to before {record.deploy}")
    node.ask("restore_deploy", deploy=record.deploy, beside=beside, progress=_teller(report, node.name))
    require_answers(node, sorted(record.models_before))


def _gained(facts: NodeFacts, record: DeployRecord) -> set[str]:
    """Return the models that a rollback brings back to a node."""
    return set(record.models_before) - set(facts.slots.slots if facts.slots else ())


def _teller(report: NodeReport, node: str) -> Callable[[Any], None]:
    return lambda value: report(node, str(value.get("message", value)))
