"""A deploy's steps, in order: prepare, canary, watch, the rest one at a time, confirm; or all of it back."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from garnet_cli.actions.deploy import trial
from garnet_cli.actions.deploy.baseline import (
    quiet_models,
    recent,
    send_baseline,
    wait_for_first_look,
)
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
from garnet_cli.fleet.parallel import errors_of, for_each
from garnet_cli.judge.canary import Rule
from garnet_cli.judge.evidence import FIGURES, Evidence
from garnet_cli.judge.rollout import NodeVerdict, judge_node
from garnet_cli.judge.rollout_order import compared_models, out_of_service, rollout_order
from node_scripts.records import RequestRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployPlan:
    """What one run does, and how carefully."""

    trial: TrialSettings
    careful: DeploySettings
    """The inventory's, with what the command line says otherwise."""
    strict: bool
    fleet: FleetSurvey
    secret: str | None
    resumed: Mapping[str, Sequence[RequestRecord]] = field(default_factory=dict)
    """Nodes whose trial is open already, with their requests before it began."""


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
        self._tried: list[str] = []
        """Nodes with an open trial, in the order in which they were changed."""

    def run(self) -> None:
        """Do all of it; ``result`` says what became of it. Raises :class:`GarnetError` before any change."""
        for_each([work.node for work in self._to_change()], self._prepare)
        if not self._stage():
            return
        try:
            with Observer(self._logs()) as observer:
                if not self._roll(observer):
                    return
        except GarnetError as error:
            if not self._tried:
                raise
            self._revert(str(error))
            return
        self._confirm()

    def _roll(self, observer: Observer) -> bool:
        """Change and judge one node after the other; say whether all of them passed."""
        wait_for_first_look(observer)
        careful = self.plan.careful
        records = {name: log.between(0) for name, log in observer.logs.items()}
        models = {name: self._models(name) for name in records}
        prompted = quiet_models(records, models, list(self.works), careful, time.time())
        ask = [self.nodes[name] for name in prompted if name not in self.plan.resumed]
        send_baseline(ask, prompted, observer, careful.requests, self.report)
        order = self._order(recent(records, careful.watch_s, time.time()))
        self.result.nodes += [
            NodeResult(node=name, role="roll" if place else "canary") for place, name in enumerate(order)
        ]
        self._tried += [name for name in order if name in self.plan.resumed]
        for place, name in enumerate(order):
            verdict = self._one(name, place, observer, prompted, len(order))
            if verdict.verdict == "fail":
                self._revert(verdict.sentence)
                return False
            if verdict.verdict == "inconclusive":
                self._hold(verdict.sentence)
                return False
        return True

    # --- one node ---------------------------------------------------------------------------

    def _one(
        self,
        name: str,
        place: int,
        observer: Observer,
        prompted: Mapping[str, Sequence[str]],
        changed: int,
    ) -> NodeVerdict:
        result = self.result.node(name)
        models = self._models(name)
        self._require_others(name, observer)
        marks = {other: (0, log.mark()) for other, log in observer.logs.items()}
        if name not in self.plan.resumed:
            before = observer.logs[name].between(*marks[name]) if name in observer.logs else []
            self._tried.append(name)
            begin = time.monotonic()
            work = self.works[name]
            self.result.swaps += trial.change(
                work.node, work, self.plan.trial, work.inventory, self.plan.secret, before
            )
            result.seconds["change"] = time.monotonic() - begin
        result.outcome = "changed"
        if name not in observer.logs:
            result.verdict = judge_node(Evidence(name, ()), (), (), self._rule((), changed))
            return result.verdict
        controls = [other for other in observer.logs if other not in self._tried]
        careful = self.plan.careful
        watched = WatchPlan(
            node=name,
            controls=controls,
            models=models,
            prompted={node: [m for m in prompted.get(node, ()) if m in models] for node in [name, *controls]},
            watch_s=careful.roll_watch_s if place else careful.watch_s,
            rule=self._rule(models, changed),
            marks=marks,
            before=self.plan.resumed.get(name),
        )
        begin = time.monotonic()
        self.report(name, f"watching for {watched.watch_s:.0f} s")
        verdict, evidence = watch(watched, observer, self.nodes, self.show)
        result.seconds["watch"] = time.monotonic() - begin
        result.verdict = verdict
        result.note_evidence(evidence, models)
        self.report(name, verdict.sentence)
        trial.note(self.nodes[name], self.plan.trial, "judged", **_said(verdict))
        return verdict

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
            raise GarnetError(f"{reason}: {name} is not changed meanwhile", node=name)
        for error in observer.lost().values():
            raise error

    # --- before the first -------------------------------------------------------------------

    def _to_change(self) -> list[NodeWork]:
        return [work for name, work in self.works.items() if name not in self.plan.resumed]

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
        self._tried.append(staging)
        if staging in self.plan.resumed:
            return True
        begin = time.monotonic()
        try:
            trial.change(work.node, work, self.plan.trial, work.inventory, self.plan.secret, ())
            check_staging(work.node, work, lambda message: self.report(staging, message))
        except GarnetError as error:
            self._revert(f"the staging node failed: {error}")
            return False
        result.seconds["change"] = time.monotonic() - begin
        trial.note(work.node, self.plan.trial, "staged")
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
        changed = [name for name in self.works if name != staging]
        resumed = [name for name in changed if name in self.plan.resumed]
        traffic = {name: len(records) for name, records in lately.items()}
        new = [name for name in changed if name not in lately]
        rest = [name for name in changed if name not in resumed]
        named = self.plan.careful.canary
        canary = named if named in rest and not resumed else None
        return resumed + (rollout_order(rest, traffic, canary, new) if rest else [])

    # --- the end ----------------------------------------------------------------------------

    def _revert(self, reason: str) -> None:
        """Take back everything that went, at once; what cannot be reached does so by itself."""
        self.result.outcome, self.result.reason = "reverted", reason
        outcomes = trial.revert(
            [self.nodes[name] for name in self._tried], self.plan.trial, reason, self.report
        )
        for name, outcome in outcomes.items():
            result = self.result.node(name)
            if isinstance(outcome, GarnetError):
                result.outcome, result.error = "takes itself back", str(outcome)
                self.report(name, f"cannot be told to take it back, does so by itself: {outcome.message}")
            else:
                result.outcome = "reverted"
                result.seconds["revert"] = outcome["seconds"]

    def _hold(self, reason: str) -> None:
        self.result.outcome, self.result.reason = "held", reason
        until = time.time() + self.plan.careful.hold_s
        for_each(
            [self.nodes[name] for name in self._tried],
            lambda node: node.ask(
                "hold_trial", deploy=self.plan.trial.deploy, until_unix=until, reason=reason
            ),
        )
        for name in self._tried:
            self.result.node(name).outcome = "held"

    def _confirm(self) -> None:
        nodes = [self.nodes[name] for name in self._tried]
        summaries = {name: self.result.node(name).as_json() for name in self._tried}
        outcomes = trial.confirm(nodes, self.plan.trial, summaries)
        failed = errors_of(outcomes)
        if len(failed) == len(outcomes) and failed:
            self._revert(f"no node could be told to keep it: {failed[0]}")
            return
        self.result.outcome = "done"
        for name, outcome in outcomes.items():
            result = self.result.node(name)
            if isinstance(outcome, GarnetError):
                result.outcome, result.error = "takes itself back", str(outcome)
            else:
                result.outcome = "confirmed"
        for name in self._tried:
            if self.result.node(name).outcome == "confirmed":
                self._finish(name)

    def _finish(self, name: str) -> None:
        """Do away with the old; what fails here fails no deploy, and `garnet up` does it later."""
        try:
            self.works[name].finish()
        except GarnetError as error:
            self.result.node(name).error = f"not cleaned up: {error.message}"
            self.report(name, self.result.node(name).error)
        else:
            self.report(name, "done")


def _said(verdict: NodeVerdict) -> dict[str, object]:
    return {"verdict": verdict.verdict, "sentence": verdict.sentence}
