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

    No canary and no watch: it served before. What fails is taken back on that node, and the rest is left as
    it is. Raises :class:`GarnetError` then.
    """
    for node in nodes:
        begin = time.monotonic()
        one = NodeResult(node=node.name, role="rollback")
        result.nodes.append(one)
        beside = _beside(facts[node.name], records[node.name], inventory, node.name)
        node.ask(
            "begin_trial",
            deploy=settings.deploy,
            who=settings.who,
            purpose=settings.purpose,
            grace_s=settings.grace_s,
            beside=beside,
        )
        try:
            report(node.name, f"back to before {records[node.name].deploy}")
            node.ask(
                "restore_deploy",
                deploy=records[node.name].deploy,
                beside=beside,
                progress=_teller(report, node.name),
            )
            require_answers(node, sorted(records[node.name].models_before))
        except GarnetError as error:
            trial.revert([node], settings, f"rollback failed: {error.message}", report)
            one.outcome, one.error = "reverted", str(error)
            raise
        one.seconds["change"] = time.monotonic() - begin
        one.outcome = "changed"
        trial.confirm([node], settings, {node.name: one.as_json()})
        one.outcome = "confirmed"
        report(node.name, "as it was before")


def _teller(report: NodeReport, node: str) -> Callable[[Any], None]:
    return lambda value: report(node, str(value.get("message", value)))


def _beside(facts: NodeFacts, record: DeployRecord, inventory: Inventory, node: str) -> list[str]:
    """Return the models of which the old and the present loader fit into the node's memory together."""
    return [model for model in record.models_before if another_fits(model, facts, inventory, node)]
