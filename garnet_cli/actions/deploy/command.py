"""All of `garnet deploy` between the question and the answer: leases, the plan once more, the run."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from garnet_cli.actions import leases
from garnet_cli.actions.deploy.result import DeployResult
from garnet_cli.actions.deploy.run import Deploy, DeployPlan
from garnet_cli.actions.deploy.standing import the_trial
from garnet_cli.actions.deploy.trial import TrialSettings
from garnet_cli.actions.deploy.watch import Show
from garnet_cli.actions.node_work import NodeReport, NodeWork, WorkSettings
from garnet_cli.actions.survey import FleetSurvey, look, survey
from garnet_cli.actions.up import fleet_secret
from garnet_cli.errors import GarnetError, RolledBackError
from garnet_cli.fleet.artifact import Artifact
from garnet_cli.fleet.facts import NodeFacts
from garnet_cli.fleet.inventory import DeploySettings, Inventory
from garnet_cli.fleet.node import NodeHandle
from garnet_cli.fleet.parallel import for_each
from garnet_cli.fleet.release import Release
from garnet_cli.fleet.secrets_file import OperatorSecrets
from garnet_cli.judge.deploy_plan import nodes_of, plan_difference
from garnet_cli.judge.difference import Change
from node_scripts.decoding import convert
from node_scripts.records import RequestRecord

PURPOSE = "garnet deploy"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployChoice:
    """What the command line says."""

    careful: DeploySettings
    """The inventory's, with what was said otherwise."""
    work: WorkSettings
    strict: bool
    tests: str
    """passed, skipped or none."""
    wait_s: float
    only: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """What the fleet is to become."""

    inventory: Inventory
    release: Release
    artifacts: Mapping[str, Artifact]
    secrets_here: OperatorSecrets

    def survey(self, nodes: Sequence[NodeHandle], only: Sequence[str]) -> FleetSurvey:
        """Look at ``nodes`` and compare. Raises :class:`FleetError`."""
        facts = look(nodes, self.inventory, list(self.artifacts.values()), self.secrets_here)
        return self.compare(facts, only)

    def compare(self, facts: Mapping[str, NodeFacts], only: Sequence[str]) -> FleetSurvey:
        """Compare ``facts`` with what is desired of them; with ``only`` some, the others stay as they are."""
        fleet = survey(self.inventory, facts, self.release, self.artifacts, self.secrets_here)
        if not only:
            return fleet
        # The others stay in it: they are what the changed ones are judged against.
        nodes = {name: one if name in only else replace(one, changes=()) for name, one in fleet.nodes.items()}
        return replace(fleet, nodes=nodes)


@dataclass(frozen=True, slots=True)
class Resumed:
    """What an earlier run of the same deploy left on the nodes."""

    before: Mapping[str, Sequence[RequestRecord]] = field(default_factory=dict)
    """By node whose trial is open: its requests before its change."""
    kept: Sequence[str] = ()
    """Nodes that were told to keep it."""


def new_deploy() -> str:
    """Return a new deploy's id: the time in UTC, and four digits against two in one second."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def deploy(
    nodes: Sequence[NodeHandle],
    desired: Desired,
    shown: Sequence[Change],
    choice: DeployChoice,
    report: NodeReport,
    show: Show,
) -> DeployResult:
    """Deploy what was ``shown``, with the lease of every node.

    Raises :class:`GarnetError` where nothing was changed; else the result says what became of it.
    """
    identifier = new_deploy()
    leases.wait_and_take(nodes, PURPOSE, identifier, choice.wait_s, report)
    fleet = desired.survey(nodes, choice.only)
    differs = plan_difference(shown, fleet.changes)
    if differs:
        raise GarnetError(
            f"the fleet is not as it was when the plan was shown ({differs}); nothing was changed",
            remedy="look at the plan again",
        )
    return _run(identifier, nodes, fleet, desired, choice, report, show, Resumed())


def resume(
    nodes: Sequence[NodeHandle],
    desired: Desired,
    choice: DeployChoice,
    report: NodeReport,
    show: Show,
) -> DeployResult:
    """Go on with the deploy that was interrupted or is held: watch what was changed, then change the rest.

    Raises :class:`GarnetError` where there is none, and :class:`RolledBackError` where a node has begun to
    take it back.
    """
    facts = look(nodes, desired.inventory, list(desired.artifacts.values()), desired.secrets_here)
    identifier, trials = the_trial(facts)
    leases.wait_and_take(nodes, f"{PURPOSE} resume", identifier, choice.wait_s, report)
    back = [
        name
        for name, fact in facts.items()
        if fact.trial is not None
        and fact.trial.deploy == identifier
        and fact.trial.status in {"reverting", "reverted"}
    ]
    if back:
        raise RolledBackError(
            f"deploy {identifier} is being taken back by {', '.join(back)} already",
            remedy="`garnet deploy rollback` takes back the rest, `garnet deploy` begins anew",
        )
    tried = [node for node in nodes if node.name in trials]
    evidence = for_each(tried, lambda node: node.ask("read_evidence", deploy=identifier))
    scope: dict[str, Any] = next((found["scope"] for found in evidence.values() if found["scope"]), {})
    if scope.get("release") not in {None, desired.release.identifier}:
        raise GarnetError(
            f"deploy {identifier} was of release {scope['release']},"
            f" this program is {desired.release.identifier}",
            remedy="resume it with that program, or `garnet deploy rollback`",
        )
    before = {name: convert(found["requests"], list[RequestRecord]) for name, found in evidence.items()}
    fleet = desired.survey(nodes, scope.get("nodes") or list(trials))
    kept = [
        name
        for name, fact in facts.items()
        if any(record.deploy == identifier and record.outcome == "confirmed" for record in fact.deploys)
    ]
    return _run(identifier, nodes, fleet, desired, choice, report, show, Resumed(before, kept))


def _run(
    identifier: str,
    nodes: Sequence[NodeHandle],
    fleet: FleetSurvey,
    desired: Desired,
    choice: DeployChoice,
    report: NodeReport,
    show: Show,
    resumed: Resumed,
) -> DeployResult:
    who = choice.work.who
    begin = time.monotonic()
    result = DeployResult(
        deploy=identifier,
        who=who,
        release=desired.release.identifier,
        started_unix=time.time(),
        tests=choice.tests,
    )
    changed = [
        name
        for name in dict.fromkeys([*resumed.before, *nodes_of(fleet.changes)])
        if name not in resumed.kept
    ]
    plan = DeployPlan(
        trial=TrialSettings(deploy=identifier, who=who, purpose=PURPOSE, grace_s=choice.careful.grace_s),
        careful=choice.careful,
        strict=choice.strict,
        fleet=fleet,
        secret=fleet_secret(nodes, fleet),
        scope={"release": desired.release.identifier, "nodes": changed},
        resumed=resumed.before,
        kept=resumed.kept,
    )
    by_name = {node.name: node for node in nodes}
    works = {
        name: NodeWork(
            by_name[name],
            fleet.nodes[name],
            fleet,
            desired.inventory,
            desired.release,
            desired.artifacts,
            choice.work,
            report,
        )
        for name in [*changed, *resumed.kept]
    }
    Deploy(plan, by_name, works, result, report, show).run()
    result.seconds = time.monotonic() - begin
    return result


def careful_settings(inventory: Inventory, **said: Any) -> DeploySettings:
    """Return the inventory's `[deploy]` with what the command line ``said`` otherwise."""
    return replace(inventory.deploy, **{name: value for name, value in said.items() if value is not None})
