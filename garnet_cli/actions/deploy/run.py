"""A deploy's steps, in order: prepare, canary, watch, the rest one at a time, confirm; or all of it back."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from garnet_cli.actions.deploy import trial
from garnet_cli.actions.deploy.baseline import (
    quiet_models,
    recent,
    send_baseline,
    wait_for_first_look,
)
from garnet_cli.actions.deploy.ending import Ending
from garnet_cli.actions.deploy.gate import check_staging
from garnet_cli.actions.deploy.observe import NodeLog, Observer
from garnet_cli.actions.deploy.result import DeployResult, NodeResult
from garnet_cli.actions.deploy.trial import TrialSettings
from garnet_cli.actions.deploy.watch import Show, WatchPlan, watch
from garnet_cli.actions.node_work import NodeReport, NodeWork
from garnet_cli.actions.survey import FleetSurvey
from garnet_cli.errors import GarnetError
from garnet_cli.fleet.inventory import DeploySettings
from garnet_cli.fleet.node import NodeHandle
from garnet_cli.fleet.parallel import attempt_each, for_each
from garnet_cli.judge.canary import Rule
from garnet_cli.judge.evidence import FIGURES
from garnet_cli.judge.hard_gates import NodeHealth
from garnet_cli.judge.rollout import NodeVerdict
from garnet_cli.judge.rollout_order import compared_models, out_of_service, rollout_order
from node_scripts.records import RequestRecord

MOST_BEFORE = 2000
"""Requests of a node before a change that it is compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployPlan:
    """What one run does, and how carefully."""

    trial: TrialSettings
    careful: DeploySettings
    """The inventory's, with what the command line says otherwise."""
    strict: bool
    fleet: FleetSurvey
    secret: str | None
    scope: Mapping[str, Any]
    """What a resumed deploy must have in common with this one; kept on each node."""
    resumed: Mapping[str, Sequence[RequestRecord]] = field(default_factory=dict)
    """Nodes whose trial is open already, with their requests before it began."""
    kept: Sequence[str] = ()
    """Nodes that were told to keep it by a run that ended before the rest was."""


class Deploy:
    """One run over nodes whose leases are held."""

    def __init__(
        self,
        plan: DeployPlan,
        nodes: Mapping[str, NodeHandle],
        works: Mapping[str, NodeWork],
        result: DeployResult,
        report: NodeReport,
        show: Show,
    ) -> None:
        """Keep what the steps share; ``works`` are the nodes to change, ``nodes`` all that can be asked."""
        self.plan = plan
        self.nodes = nodes
        self.works = works
        self.result = result
        self.report = report
        self.show = show
        self.ending = Ending(settings=plan.trial, nodes=nodes, works=works, result=result, report=report)
        self._before: dict[str, list[RequestRecord]] = {}
        """The last requests of each node before the latest change; of a changed one before its own."""
        self._failed_before: dict[str, int] = {}
        self._settled: dict[str, NodeHealth] = {}
        """Of nodes that have passed: the look right after their change."""

    def run(self) -> None:
        """Do all of it; ``result`` says what became of it. Raises :class:`GarnetError` before any change."""
        for_each([self.works[name].node for name in self._to_change()], self._prepare)
        prompters = {name: node.another() for name, node in self.nodes.items()}
        try:
            if not self._stage():
                return
            with Observer(self._logs()) as observer:
                passed = self._roll(observer, prompters)
        except GarnetError as error:
            if not self.ending.tried:
                raise
            self.ending.take_back(str(error))
            return
        except Exception as error:
            # A fault of the program: the nodes come first.
            self.ending.take_back(f"internal error: {type(error).__name__}: {error}")
            raise
        finally:
            attempt_each(list(prompters.values()), lambda node: node.close())
        if passed:
            self.ending.keep()
            for name in self.plan.kept:
                self.result.nodes.append(NodeResult(node=name, role="roll", outcome="confirmed"))
                self.ending.finish(name, whole=self.result.outcome == "done")

    def _roll(self, observer: Observer, prompters: Mapping[str, NodeHandle]) -> bool:
        """Change and judge one node after the other; say whether all of them passed."""
        wait_for_first_look(observer)
        careful = self.plan.careful
        records = {name: log.between(0) for name, log in observer.logs.items()}
        models = {name: self._models(name) for name in records}
        prompted = quiet_models(records, models, self._to_change(), careful, time.time())
        ask = [prompters[name] for name in prompted if name not in self.plan.resumed]
        send_baseline(ask, prompted, observer, careful.requests, self.report)
        order = self._order(recent(records, careful.watch_s, time.time()))
        self.result.nodes += [
            NodeResult(node=name, role="roll" if place else "canary") for place, name in enumerate(order)
        ]
        self.ending.tried += [name for name in order if name in self.plan.resumed]
        for place, name in enumerate(order):
            self._change(name, observer)
            verdict = self._judge(name, place, observer, prompters, prompted, len(order))
            if verdict.verdict == "fail":
                self.ending.take_back(verdict.sentence)
                return False
            if verdict.verdict == "inconclusive":
                self.ending.hold(verdict.sentence, careful.hold_s)
                return False
        return True

    # --- one node ---------------------------------------------------------------------------

    def _change(self, name: str, observer: Observer) -> None:
        """Change one node within its trial, and keep what its requests were before."""
        self._require_others(name, observer)
        for other, log in observer.logs.items():
            self._before[other] = log.between(0)[-MOST_BEFORE:]
        if name in observer.logs:
            self._failed_before[name] = observer.logs[name].failed
        resumed = self.plan.resumed.get(name)
        if resumed is not None:
            self._before[name] = list(resumed)
        begin = time.monotonic()
        self._try(name, self._before.get(name, []))
        result = self.result.node(name)
        result.seconds["change"] = time.monotonic() - begin
        result.outcome = "changed"
        wanted = [loader.model for loader in self.plan.fleet.nodes[name].desired.loaders]
        if name in observer.logs:
            observer.logs[name].wanted = wanted
        else:
            observer.add(NodeLog(self.nodes[name], wanted))

    def _try(self, name: str, before: Sequence[RequestRecord]) -> None:
        work = self.works[name]
        trial.begin(work.node, work, self.plan.trial, before, self.plan.scope)
        if name not in self.ending.tried:
            self.ending.tried.append(name)
        if name in self.plan.resumed:
            work.node.ask("open_trial", deploy=self.plan.trial.deploy)
        changed = trial.change(work.node, work, self.plan.trial, self.plan.secret)
        self.result.swaps += changed.swaps
        if changed.in_place:
            self.ending.in_place.add(name)

    def _judge(
        self,
        name: str,
        place: int,
        observer: Observer,
        prompters: Mapping[str, NodeHandle],
        prompted: Mapping[str, Sequence[str]],
        changed: int,
    ) -> NodeVerdict:
        models = self._models(name)
        controls = [other for other in observer.logs if other not in self.ending.tried]
        careful = self.plan.careful
        watched = WatchPlan(
            node=name,
            controls=controls,
            models=models,
            prompted={node: [m for m in prompted.get(node, ()) if m in models] for node in [name, *controls]},
            watch_s=careful.roll_watch_s if place else careful.watch_s,
            rule=self._rule(models, changed),
            before={other: self._before.get(other, []) for other in (name, *controls)},
            failed_before=self._failed_before.get(name, 0),
            settled=dict(self._settled),
        )
        begin = time.monotonic()
        self.report(name, f"watching for {watched.watch_s:.0f} s")
        found = watch(watched, observer, prompters, self.show)
        self._settled[name] = found.first
        result = self.result.node(name)
        result.seconds["watch"] = time.monotonic() - begin
        result.verdict = found.verdict
        result.note_evidence(found.evidence, models)
        self.report(name, found.verdict.sentence)
        trial.note(self.nodes[name], self.plan.trial, "judged", **_said(found.verdict))
        return found.verdict

    def _rule(self, models: Sequence[str], changed: int) -> Rule:
        return Rule(
            ratio_limit=self.plan.careful.ratio_limit,
            minimum=self.plan.careful.requests,
            judged_together=max(1, changed * len(FIGURES) * len(models)),
            strict=self.plan.strict,
        )

    def _models(self, name: str) -> list[str]:
        """Return the models by which a node is judged."""
        survey = self.plan.fleet.nodes[name]
        return compared_models(survey.facts, [loader.model for loader in survey.desired.loaders])

    def _require_others(self, name: str, observer: Observer) -> None:
        """Never two nodes of one model out at once: raises :class:`GarnetError`."""
        healths = {other: log.health for other, log in observer.logs.items() if other != name and log.health}
        reason = out_of_service(self._models(name), healths)
        if reason is not None:
            raise GarnetError(f"{reason}: {name} is not changed meanwhile")
        for error in observer.lost().values():
            raise error

    # --- before the first -------------------------------------------------------------------

    def _to_change(self) -> list[str]:
        return [name for name in self.works if name not in self.plan.kept]

    def _prepare(self, node: NodeHandle) -> None:
        self.works[node.name].prepare()
        self.report(node.name, "prepared")

    def _stage(self) -> bool:
        """Try the change on the staging node, if there is one; say whether to go on."""
        staging = self.plan.careful.staging
        if staging is None or staging not in self.works:
            return True
        work = self.works[staging]
        result = NodeResult(node=staging, role="staging", outcome="changed")
        self.result.nodes.append(result)
        begin = time.monotonic()
        try:
            self._try(staging, ())
            check_staging(work.node, work, lambda message: self.report(staging, message))
            trial.note(work.node, self.plan.trial, "staged")
        except GarnetError as error:
            if staging not in self.ending.tried:
                raise
            self.ending.take_back(f"the staging node failed: {error}")
            return False
        result.seconds["change"] = time.monotonic() - begin
        return True

    def _logs(self) -> dict[str, NodeLog]:
        staging = self.plan.careful.staging
        found = {}
        for name, survey in self.plan.fleet.nodes.items():
            if name in self.nodes and name != staging and survey.facts.slots is not None:
                wanted = [loader.model for loader in survey.desired.loaders]
                found[name] = NodeLog(self.nodes[name], [m for m in wanted if m in self._models(name)])
        return found

    def _order(self, lately: Mapping[str, Sequence[RequestRecord]]) -> list[str]:
        staging = self.plan.careful.staging
        changed = [name for name in self._to_change() if name != staging]
        resumed = [name for name in changed if name in self.plan.resumed]
        traffic = {name: len(records) for name, records in lately.items()}
        new = [name for name in changed if name not in lately]
        rest = [name for name in changed if name not in resumed]
        named = self.plan.careful.canary
        canary = named if named in rest and not resumed else None
        return resumed + (rollout_order(rest, traffic, canary, new) if rest else [])


def _said(verdict: NodeVerdict) -> dict[str, object]:
    return {"verdict": verdict.verdict, "sentence": verdict.sentence}
