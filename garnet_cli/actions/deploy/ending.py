"""How a deploy ends on the nodes that it has changed: taken back, held, or kept."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from garnet_cli.actions.deploy import trial
from garnet_cli.actions.deploy.result import DeployResult
from garnet_cli.actions.deploy.trial import TrialSettings
from garnet_cli.actions.node_work import NodeReport, NodeWork
from garnet_cli.errors import GarnetError, NodeError
from garnet_cli.fleet.node import NodeHandle
from garnet_cli.fleet.parallel import errors_of, for_each

NO_TRIAL = "no_trial"


@dataclass(slots=True, kw_only=True)
class Ending:
    """The nodes with an open trial, and what becomes of them."""

    settings: TrialSettings
    nodes: Mapping[str, NodeHandle]
    works: Mapping[str, NodeWork]
    result: DeployResult
    report: NodeReport
    tried: list[str] = field(default_factory=list)
    """In the order in which they were changed."""
    in_place: set[str] = field(default_factory=set)
    """Those where an old loader had to go before the new one came: back it goes one node at a time."""

    def take_back(self, reason: str) -> None:
        """Take back everything that went, at once; what cannot be reached does so by itself."""
        self.result.outcome, self.result.reason = "reverted", reason
        one_by_one = [[name] for name in self.tried if name in self.in_place]
        together = [name for name in self.tried if name not in self.in_place]
        for names in [together, *one_by_one]:
            outcomes = trial.revert([self.nodes[name] for name in names], self.settings, reason, self.report)
            for name, outcome in outcomes.items():
                result = self.result.node(name)
                if isinstance(outcome, NodeError) and outcome.code == NO_TRIAL:
                    result.outcome = "untouched"
                elif isinstance(outcome, GarnetError):
                    result.outcome, result.error = "takes itself back", str(outcome)
                    self.report(name, f"not taken back yet, the node goes on by itself: {outcome.message}")
                else:
                    result.outcome = "reverted"
                    result.seconds["revert"] = outcome["seconds"]

    def hold(self, reason: str, hold_s: float) -> None:
        """Leave everything as it is for ``hold_s`` seconds. Raises :class:`GarnetError`."""
        self.result.outcome, self.result.reason = "held", reason
        until = time.time() + hold_s
        deploy = self.settings.deploy
        for_each(
            [self.nodes[name] for name in self.tried],
            lambda node: node.ask("hold_trial", deploy=deploy, until_unix=until, reason=reason),
        )
        for name in self.tried:
            self.result.node(name).outcome = "held"

    def keep(self) -> None:
        """Confirm all trials, then do away with the old.

        Where a node cannot be told it takes itself back, and the fleet is split: then nothing that a node may
        need again is taken out of service.
        """
        missing = list(self.tried)
        outcomes: dict[str, object] = {}
        for _ in range(2):  # what was lost on the way is asked for once more
            nodes = [self.nodes[name] for name in missing]
            summaries = {name: self.result.node(name).as_json() for name in missing}
            outcomes |= trial.confirm(nodes, self.settings, summaries)
            missing = [name for name in self.tried if isinstance(outcomes[name], GarnetError)]
            if not missing:
                break
        failed = errors_of({name: outcomes[name] for name in missing})
        if failed and len(missing) == len(self.tried):
            self.take_back(f"no node could be told to keep it: {failed[0]}")
            return
        self.result.outcome = "split" if missing else "done"
        for name in self.tried:
            result, outcome = self.result.node(name), outcomes[name]
            if isinstance(outcome, GarnetError):
                result.outcome, result.error = "takes itself back", str(outcome)
                self.result.reason = f"{name} could not be told to keep it and takes itself back"
            else:
                result.outcome = "confirmed"
        for name in self.tried:
            if self.result.node(name).outcome == "confirmed":
                self.finish(name, whole=not missing)

    def finish(self, name: str, *, whole: bool) -> None:
        """Do away with the old; what fails here fails no deploy, and `garnet up` does it later."""
        try:
            self.works[name].finish(whole=whole)
        except GarnetError as error:
            self.result.node(name).error = f"not cleaned up: {error.message}"
            self.report(name, self.result.node(name).error)
        else:
            self.report(name, "done")
