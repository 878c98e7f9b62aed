"""Bring the fleet to the inventory and the release: only what differs, all nodes side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from garnet_cli.actions import loaders, monitor, provision
from garnet_cli.actions.control import control, delete_slot, wait_for_release, wait_until_drained
from garnet_cli.actions.events import act
from garnet_cli.actions.loaders import LoaderPlan
from garnet_cli.actions.memory import require_memory
from garnet_cli.actions.survey import NEW_SECRET, FleetSurvey, NodeSurvey, new_secret
from garnet_cli.actions.swap import Swap, SwapPlan
from garnet_cli.fleet.artifact import Artifact
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.jobs import proxy_job
from garnet_cli.fleet.node import NodeHandle
from garnet_cli.fleet.parallel import for_each
from garnet_cli.fleet.release import Release, environment_kind
from garnet_cli.judge.difference import MONITOR_SUBJECTS, Change, ChangeKind, DesiredLoader

NodeReport = Callable[[str, str], None]
"""Called with a node's name and what it does now."""

SWAP_KINDS: frozenset[ChangeKind] = frozenset({"start loader", "swap loader", "finish swap"})


@dataclass(frozen=True, slots=True, kw_only=True)
class UpSettings:
    """What the operator chose for this run."""

    who: str
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What to write into every node's ``etc/monitor.env``, see ``told_secrets``."""
    wheelhouse: Path | None = None
    hub_endpoint: str | None = None
    ready_timeout_s: float = 600.0
    drain_timeout_s: float = 600.0
    watch_s: float = 5.0


@dataclass(slots=True)
class UpResult:
    """What was done, by node."""

    changes: dict[str, list[Change]] = field(default_factory=dict)
    swaps: list[dict[str, Any]] = field(default_factory=list)
    removed: dict[str, str] = field(default_factory=dict)
    """What was removed of what a node no longer needs, in words."""


def apply(
    nodes: Sequence[NodeHandle],
    fleet: FleetSurvey,
    inventory: Inventory,
    release: Release,
    artifacts: Mapping[str, Artifact],
    settings: UpSettings,
    report: NodeReport,
) -> UpResult:
    """Do the changes of ``fleet`` on all its nodes side by side.

    The operator holds every node's lease. Raises :class:`FleetError` naming every node that failed;
    the others are done, and the same command goes on with the rest.
    """
    secret = _fleet_secret(nodes, fleet)
    result = UpResult()

    def one(node: NodeHandle) -> list[dict[str, Any]]:
        here = fleet.nodes[node.name]
        work = _NodeWork(node, here, fleet, inventory, release, artifacts, settings, report)
        swaps = work.run(secret)
        if work.removed:
            result.removed[node.name] = work.removed
        return swaps

    busy = [node for node in nodes if node.name in fleet.nodes and fleet.nodes[node.name].changes]
    for swaps in for_each(busy, one).values():
        result.swaps.extend(swaps)
    result.changes = {node.name: list(fleet.nodes[node.name].changes) for node in busy}
    return result


def _fleet_secret(nodes: Sequence[NodeHandle], fleet: FleetSurvey) -> str | None:
    """Return the secret to write where it is missing; ``None`` if no node lacks it."""
    if fleet.secret_fingerprint == NEW_SECRET:
        return new_secret()
    if not any(change.kind == "secret" for change in fleet.changes):
        return None
    for node in nodes:
        survey = fleet.nodes.get(node.name)
        if survey and survey.facts.secret_fingerprint == fleet.secret_fingerprint:
            return str(node.ask("read_secret")["secret"])
    return new_secret()


class _NodeWork:
    """The changes of one node, in order."""

    def __init__(
        self,
        node: NodeHandle,
        survey: NodeSurvey,
        fleet: FleetSurvey,
        inventory: Inventory,
        release: Release,
        artifacts: Mapping[str, Artifact],
        settings: UpSettings,
        report: NodeReport,
    ) -> None:
        self.node = node
        self.survey = survey
        self.fleet = fleet
        self.inventory = inventory
        self.release = release
        self.artifacts = {artifact.identifier: artifact for artifact in artifacts.values()}
        self.settings = settings
        self._report = report
        self.removed: str | None = None
        """What was removed of what the node no longer needs, in words."""

    def run(self, secret: str | None) -> list[dict[str, Any]]:
        """Do every change and return the swaps' results."""
        known = self.survey.facts.fleet_sha256 is not None
        changes = [{"kind": change.kind, "of": change.subject} for change in self.survey.changes]
        if known:
            self._note("begun", changes=changes)
        self._code()
        self._configuration(secret)
        if not known:
            # Only now does the node know in whose log this stands.
            self._note("begun", changes=changes)
        self._proxy()
        swaps = self._loaders()
        monitor.settle(self.node, self.survey, self.settings.secrets, self.tell)
        self._note("done")
        self._remove_unused()
        self.tell("done")
        return swaps

    def _remove_unused(self) -> None:
        facts = self.survey.facts
        kind = environment_kind(facts.python.version, facts.system, facts.machine)
        wanted = [loader.artifact for loader in self.survey.desired.loaders]
        line = provision.remove_unused(self.node, wanted, kind)
        if line:
            self.tell(line)
            self.removed = line

    def tell(self, message: str) -> None:
        """Report what is done now."""
        self._report(self.node.name, message)

    def _of(self, *kinds: ChangeKind) -> list[Change]:
        return [change for change in self.survey.changes if change.kind in kinds]

    @property
    def _proxy_file(self) -> bool:
        return any(change.subject not in MONITOR_SUBJECTS for change in self._of("configuration"))

    def _code(self) -> None:
        desired = self.survey.desired
        if self._of("release", "environment"):
            provision.push_release(self.node, self.release, self.tell)
        if self._of("environment"):
            if self.settings.wheelhouse:
                provision.push_wheels(self.node, self.settings.wheelhouse, self.tell)
            provision.build_environment(
                self.node,
                desired.environment,
                desired.release,
                self.inventory.node(self.node.name).python,
                self.tell,
                wheelhouse=self.settings.wheelhouse is not None,
            )
        access = provision.HubAccess(desired.environment, self.settings.hub_endpoint)
        for change in self._of("artifact"):
            provision.place_artifact(self.node, self.artifacts[change.subject], access, self.tell)

    def _configuration(self, secret: str | None) -> None:
        if secret is not None and self._of("secret"):
            provision.write_secret(self.node, secret)
        if self._of("keys"):
            provision.write_keys(self.node, self.fleet.keys)
        if self._proxy_file:
            provision.write_configuration(self.node, self.survey.config)

    def _proxy(self) -> None:
        desired = self.survey.desired
        if self._of("release"):
            self.node.ask("link_release", release=desired.release)
        job = proxy_job(self.survey.layout, desired.release, desired.environment)
        if self._of("supervisor"):
            self.node.ask(
                "configure_supervisor", boot=desired.starts_at_boot, environment=desired.environment
            )
        if self._of("release", "proxy"):
            self.tell("starting the proxy")
            made = self.node.ask("ensure_job", job=msgspec.to_builtins(job))
            if not made["changed"]:
                # It was there, waiting to be removed: a start anew sees that it is current again.
                self.node.ask("restart_job", name=job.name)
            wait_for_release(self.node, desired.release)
        if self._proxy_file or self._of("keys", "secret"):
            self.tell("loading the proxy's configuration")
            control(self.node, "POST", "/control/reload")
        for change in self._of("retire proxy"):
            self.tell(f"retiring {change.subject}")
            self.node.ask("remove_job", name=change.subject)

    def _loaders(self) -> list[dict[str, Any]]:
        wanted = {loader.model: loader for loader in self.survey.desired.loaders}
        for change in self._of("stop loader"):
            self._stop_slot(change.subject)
        for change in self._of("stray loader"):
            self.tell(f"removing stray {change.subject}")
            loaders.stop(self.node, change.subject)
        for change in self._of("restart loader"):
            self._restart(wanted[change.subject])
        swaps = [self._swap(change, wanted.get(change.subject)) for change in self._of(*SWAP_KINDS)]
        return [swap for swap in swaps if swap is not None]

    def _note(self, action: str, **detail: Any) -> None:
        release = self.survey.desired.release
        self.node.ask("note_event", **act("up", release, action, self.settings.who, **detail))

    def _plan(self, wanted: DesiredLoader) -> LoaderPlan:
        return LoaderPlan(
            wanted=wanted,
            layout=self.survey.layout,
            release=self.survey.desired.release,
            environment=self.survey.desired.environment,
            ready_timeout_s=self.settings.ready_timeout_s,
            budget_ms=self.survey.config.proxy.latency_budget_ms,
        )

    def _swap(self, change: Change, wanted: DesiredLoader | None) -> dict[str, Any] | None:
        facts = self.survey.facts
        slots = facts.slots.slots if facts.slots else {}
        journal = next((entry for entry in facts.swaps if entry.model == change.subject), None)
        if wanted is None:
            # The model left the inventory with its swap unfinished: the slot goes, whatever it held.
            self._stop_slot(change.subject)
            return None

        def require_room() -> None:
            require_memory(self.node, wanted, self.inventory)

        plan = SwapPlan(
            loader=self._plan(wanted),
            who=self.settings.who,
            watch_s=self.settings.watch_s if change.kind != "start loader" else 0.0,
            drain_timeout_s=self.settings.drain_timeout_s,
        )
        swap = Swap(self.node, plan, lambda message: self.tell(f"{wanted.model}: {message}"), require_room)
        jobs = [job.name for job in facts.jobs]
        result = swap.run(journal, slots.get(change.subject), jobs)
        return result.as_json()

    def _restart(self, wanted: DesiredLoader) -> None:
        slots = self.survey.facts.slots
        spec = slots.slots[wanted.model].active if slots else None
        if spec is None:
            return
        self.tell(f"restarting {spec.name}")
        loaders.start(self.node, self._plan(wanted), spec)
        loaders.wait(self.node, self._plan(wanted), spec, self.tell)

    def _stop_slot(self, model: str) -> None:
        slots = self.survey.facts.slots
        slot = slots.slots.get(model) if slots else None
        self.tell(f"taking {model} out of service")
        if slot is not None:
            delete_slot(self.node, model)
        specs = [spec for spec in (slot.active, slot.next, slot.previous) if spec] if slot else []
        journals = [journal for journal in self.survey.facts.swaps if journal.model == model]
        specs += [spec for journal in journals for spec in (journal.old, journal.new) if spec]
        for name in sorted({spec.name for spec in specs}):
            wait_until_drained(self.node, name, self.settings.drain_timeout_s, self.tell)
            loaders.stop(self.node, name)
        self.node.ask("delete_file", path=f"state/swap-{model}.json")
