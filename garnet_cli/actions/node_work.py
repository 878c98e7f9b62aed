"""Bring one node to what it should be: its code, its configuration, its proxy, its loaders, its monitor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from garnet_cli.actions import loaders, monitor, provision
from garnet_cli.actions.control import control, delete_slot, wait_for_release, wait_until_drained
from garnet_cli.actions.events import act
from garnet_cli.actions.loaders import LoaderPlan
from garnet_cli.actions.memory import require_memory
from garnet_cli.actions.survey import FleetSurvey, NodeSurvey
from garnet_cli.actions.swap import RequireRoom, Swap, SwapPlan
from garnet_cli.fleet.artifact import Artifact
from garnet_cli.fleet.facts import decode_facts
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.jobs import proxy_job
from garnet_cli.fleet.node import NodeHandle
from garnet_cli.fleet.release import Release, environment_kind
from garnet_cli.judge.difference import MONITOR_SUBJECTS, Change, ChangeKind, DesiredLoader

NodeReport = Callable[[str, str], None]
"""Called with a node's name and what it does now."""

SWAP_KINDS: frozenset[ChangeKind] = frozenset({"start loader", "swap loader", "finish swap"})


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkSettings:
    """What the operator chose for this run."""

    who: str
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What to write into every node's ``etc/monitor.env``, see ``told_secrets``."""
    wheelhouse: Path | None = None
    hub_endpoint: str | None = None
    ready_timeout_s: float = 600.0
    drain_timeout_s: float = 600.0
    watch_s: float = 5.0


class NodeWork:
    """The changes of one node, in order."""

    def __init__(
        self,
        node: NodeHandle,
        survey: NodeSurvey,
        fleet: FleetSurvey,
        inventory: Inventory,
        release: Release,
        artifacts: Mapping[str, Artifact],
        settings: WorkSettings,
        report: NodeReport,
    ) -> None:
        """Keep what the steps share; nothing is touched yet. ``artifacts`` are by model."""
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
        if known:
            self.note_begun()
        self.prepare()
        swaps = self.change(secret, begun=known)
        self.note("done")
        self.remove_unused()
        self.tell("done")
        return swaps

    def prepare(self) -> None:
        """Bring what the change needs onto the node; nothing uses it yet."""
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

    def change(self, secret: str | None, *, begun: bool = True, hold: bool = False) -> list[dict[str, Any]]:
        """Let what was prepared take effect and return the swaps' results.

        ``hold`` leaves what can be left for a way back, until ``finish``: the loaders that were swapped
        out run on without traffic, and models that the inventory has elsewhere are still served.
        """
        self._configuration(secret)
        if not begun:
            # Only now does the node know in whose log this stands.
            self.note_begun()
        self._proxy()
        swaps = self._loaders(hold=hold)
        monitor.settle(self.node, self.survey, self.settings.secrets, self.tell)
        return swaps

    def finish(self, *, whole: bool = True) -> None:
        """Do away with what ``change`` with ``hold`` left; safe to repeat.

        ``whole``: models that the inventory has elsewhere are taken out of service, since it was kept there.
        """
        facts = decode_facts(self.node.name, self.node.ask("facts", listen=None, artifacts=[]))
        jobs = [job.name for job in facts.jobs]
        slots = facts.slots.slots if facts.slots else {}
        wanted = {loader.model: loader for loader in self.survey.desired.loaders}
        for journal in facts.swaps:
            if journal.model in wanted:
                plan = self._swap_plan(wanted[journal.model], 0.0)
                swap = Swap(self.node, plan, self._teller(journal.model))
                swap.run(journal, slots.get(journal.model), jobs)
        for change in self._of("stop loader") if whole else []:
            self._stop_slot(change.subject)
        self.remove_unused()

    def swap_again(self, model: str) -> None:
        """Swap a model's loader for one just like it: what a swap needs is tried, and nothing changes."""
        wanted = next(loader for loader in self.survey.desired.loaders if loader.model == model)
        self.finish(whole=False)
        facts = decode_facts(self.node.name, self.node.ask("facts", listen=None, artifacts=None))
        swap = Swap(self.node, self._swap_plan(wanted, 0.0), self._teller(model), self._require_room(wanted))
        swap.run(None, facts.slots.slots[model] if facts.slots else None, [job.name for job in facts.jobs])

    def remove_unused(self) -> None:
        """Remove what the node no longer needs; ``removed`` says what went."""
        facts = self.survey.facts
        kind = environment_kind(facts.python.version, facts.system, facts.machine)
        wanted = [loader.artifact for loader in self.survey.desired.loaders]
        line = provision.remove_unused(self.node, wanted, kind)
        if line:
            self.tell(line)
            self.removed = line

    def note_begun(self) -> None:
        """Note in the audit log what is about to be changed."""
        changes = [{"kind": change.kind, "of": change.subject} for change in self.survey.changes]
        self.note("begun", changes=changes)

    def note(self, action: str, **detail: Any) -> None:
        """Note an act of this command in the audit log."""
        release = self.survey.desired.release
        self.node.ask("note_event", **act("up", release, action, self.settings.who, **detail))

    def tell(self, message: str) -> None:
        """Report what is done now."""
        self._report(self.node.name, message)

    def _of(self, *kinds: ChangeKind) -> list[Change]:
        return [change for change in self.survey.changes if change.kind in kinds]

    @property
    def _proxy_file(self) -> bool:
        return any(change.subject not in MONITOR_SUBJECTS for change in self._of("configuration"))

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

    def _loaders(self, *, hold: bool) -> list[dict[str, Any]]:
        wanted = {loader.model: loader for loader in self.survey.desired.loaders}
        for change in self._of("stop loader") if not hold else []:
            self._stop_slot(change.subject)
        for change in self._of("stray loader"):
            self.tell(f"removing stray {change.subject}")
            loaders.stop(self.node, change.subject)
        for change in self._of("restart loader"):
            self._restart(wanted[change.subject])
        swaps = [
            self._swap(change, wanted.get(change.subject), hold=hold) for change in self._of(*SWAP_KINDS)
        ]
        return [swap for swap in swaps if swap is not None]

    def _plan(self, wanted: DesiredLoader) -> LoaderPlan:
        return LoaderPlan(
            wanted=wanted,
            layout=self.survey.layout,
            release=self.survey.desired.release,
            environment=self.survey.desired.environment,
            ready_timeout_s=self.settings.ready_timeout_s,
            budget_ms=self.survey.config.proxy.latency_budget_ms,
        )

    def _swap(self, change: Change, wanted: DesiredLoader | None, *, hold: bool) -> dict[str, Any] | None:
        facts = self.survey.facts
        slots = facts.slots.slots if facts.slots else {}
        journal = next((entry for entry in facts.swaps if entry.model == change.subject), None)
        if wanted is None:
            # The model left the inventory with its swap unfinished: the slot goes, whatever it held.
            self._stop_slot(change.subject)
            return None

        watch_s = self.settings.watch_s if change.kind != "start loader" else 0.0
        plan = self._swap_plan(wanted, watch_s, hold=hold)
        swap = Swap(self.node, plan, self._teller(wanted.model), self._require_room(wanted))
        jobs = [job.name for job in facts.jobs]
        result = swap.run(journal, slots.get(change.subject), jobs)
        return result.as_json()

    def _swap_plan(self, wanted: DesiredLoader, watch_s: float, *, hold: bool = False) -> SwapPlan:
        return SwapPlan(
            loader=self._plan(wanted),
            who=self.settings.who,
            watch_s=watch_s,
            drain_timeout_s=self.settings.drain_timeout_s,
            # `up` works on all nodes at once: two of them must not leave a model to each other.
            in_place=hold,
            hold=hold,
        )

    def _require_room(self, wanted: DesiredLoader) -> RequireRoom:
        def require_room(alone: bool) -> None:  # noqa: FBT001 -- RequireRoom
            require_memory(self.node, wanted, self.inventory, alone=alone)

        return require_room

    def _teller(self, model: str) -> Callable[[str], None]:
        return lambda message: self.tell(f"{model}: {message}")

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
