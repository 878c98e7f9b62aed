"""Bringing a node's models back to a snapshot: one part of a restore."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from node_scripts.agent import slots
from node_scripts.agent.context import Context
from node_scripts.agent.errors import StepError
from node_scripts.agent.jobs import ensure_job, remove_job, restart_job, supervising
from node_scripts.agent.loaders import (
    LOADER_NAME,
    discard_loader,
    ensure_loader_folder,
    loader_folders,
    wait_loader,
)
from node_scripts.agent.turns import wait_for_turn
from node_scripts.contracts import Job, LoaderSpec, Slot
from node_scripts.journals import Snapshot

ANSWER_S = 10.0
"""How long a loader that runs may take to show that it answers."""
HUNG_AFTER_S = 120.0
"""A loader that has run for so long and does not answer is no longer waited for as one that loads."""
START_S = 900.0
"""How long a loader may take from its start to its first answer."""
DRAIN_S = 600.0
PROXY_GLANCE_S = 3.0
"""How long to wait for a proxy that may just be restarting before it counts as broken."""
SERVED_S = 120.0


class ModelRestore:
    """The models of one restore; each part does what is missing, for every model that it concerns."""

    def __init__(self, context: Context, snapshot: Snapshot, beside: frozenset[str]) -> None:
        """Touch nothing yet."""
        self._context = context
        self._paths = context.paths
        self._wanted = list(snapshot.slots.values())
        self._models = set(snapshot.slots)
        self._jobs = {job.name: job for job in snapshot.jobs}
        self._beside = beside
        self._begin = time.monotonic()
        self.seconds: dict[str, float] = {}
        """From the begin until each model's loader of the snapshot was first seen to take its traffic."""
        self.failed: dict[str, StepError] = {}
        """By model, or what else could not be brought back."""

    def flip_back(self) -> None:
        """Give the traffic back to those loaders of the snapshot that still run and answer."""
        for spec in self._wanted:
            self._try(spec.model, self._flip_back, spec)

    def start_beside(self) -> None:
        """Start, and flip to, those that have room beside the present one."""
        for spec in self._wanted:
            if spec.model in self._beside:
                self._try(spec.model, self._start_beside, spec)

    def start_in_place(self) -> None:
        """Start, one after the other, those that have room only where the present one was."""
        for spec in self._wanted:
            if spec.model not in self._beside:
                self._try(spec.model, self._start_in_place, spec)

    def retire_others(self) -> None:
        """Take models out that the snapshot does not have, and stop their loaders."""
        if slots.running_release(self._context, patience_s=PROXY_GLANCE_S) is not None:
            for model in sorted(set(slots.models(self._context)) - self._models):
                self._tell(f"taking {model} out of service")
                slots.delete_slot(self._context, model)
        for name in loader_folders(self._paths):
            if not {link.name for link in (self._paths.served / name).iterdir()} & self._models:
                self._try(name, self._stop, name)

    def settle(self) -> None:
        """Stop the other loaders of each model, and see each model answer. Leave no journal of a swap."""
        for action in (self._settle, self._verify):
            for spec in self._wanted:
                if spec.model not in self.failed:
                    self._try(spec.model, action, spec)
        self._try("what is left over", self._clear)

    def _flip_back(self, spec: LoaderSpec) -> None:
        active = slots.active_loader(self._context, spec.model)
        if self._serves(spec, active) or not self._runs(spec):
            return
        try:
            self._wait_for_answer(spec, ANSWER_S)
        except StepError as error:
            self._tell(f"{spec.name} runs but does not answer: {error.message}")
            return
        self._flip(spec, active)

    def _start_beside(self, spec: LoaderSpec) -> None:
        active = slots.active_loader(self._context, spec.model)
        if self._serves(spec, active):
            return
        try:
            self._start(spec)
        except StepError:
            if active is not None and active.name != spec.name:
                # It must not take memory from the one that serves; the next attempt starts it anew.
                remove_job(self._context, name=spec.name)
            raise
        self._flip(spec, active)

    def _start_in_place(self, spec: LoaderSpec) -> None:
        active = slots.active_loader(self._context, spec.model)
        if self._serves(spec, active):
            return
        self._require_parts(spec)
        if active is not None and active.name != spec.name:
            wait_for_turn(self._context, spec.model)
            self._tell(f"taking {active.name} out of {spec.model}: there is no room for two")
            slots.put_slot(self._context, Slot(model=spec.model, previous=active), force=True)
        for name in self._others(spec):
            self._stop(name)
        self._start(spec)
        self._flip(spec, None)

    def _serves(self, spec: LoaderSpec, active: LoaderSpec | None) -> bool:
        """Say whether ``spec`` takes the traffic already, and note when that was seen first."""
        if active is None or active.name != spec.name or not self._runs(spec):
            return False
        self.seconds.setdefault(spec.model, time.monotonic() - self._begin)
        return True

    def _runs(self, spec: LoaderSpec) -> bool:
        return self._states().get(spec.name) in ("running", "starting")

    def _states(self) -> dict[str, str]:
        with supervising(self._context) as supervisor:
            return {job.name: job.state for job in supervisor.statuses()}

    def _start(self, spec: LoaderSpec) -> None:
        self._require_parts(spec)
        ensure_loader_folder(self._context, name=spec.name, model=spec.model, artifact=spec.artifact)
        self._tell(f"starting {spec.name}")
        made = ensure_job(self._context, job=asdict(self._jobs[spec.name]))
        since_unix = made["status"]["since_unix"]
        if not made["changed"] and since_unix is not None and time.time() - since_unix > HUNG_AFTER_S:
            self._tell(f"{spec.name} has run for long and does not answer: starting it anew")
            restart_job(self._context, name=spec.name)
        self._wait_for_answer(spec, START_S)

    def _wait_for_answer(self, spec: LoaderSpec, timeout_s: float) -> None:
        wait_loader(
            self._context, http_socket=spec.http_socket, model=spec.model, timeout_s=timeout_s, job=spec.name
        )

    def _flip(self, spec: LoaderSpec, other: LoaderSpec | None) -> None:
        slots.flip(self._context, spec, other if other is not None and other.name != spec.name else None)
        self._tell(f"{spec.name} takes the traffic of {spec.model}")
        self.seconds[spec.model] = time.monotonic() - self._begin

    def _settle(self, spec: LoaderSpec) -> None:
        others = self._others(spec)
        for name in others:
            slots.wait_until_drained(self._context, name, DRAIN_S)
        slots.put_slot(self._context, Slot(model=spec.model, active=spec), force=True)
        for name in others:
            self._stop(name)

    def _verify(self, spec: LoaderSpec) -> None:
        slots.wait_until_served(self._context, spec, SERVED_S)

    def _clear(self) -> None:
        """Stop loaders that are in no folder's name, and forget swaps; not those of models that failed."""
        failed = [spec for spec in self._wanted if spec.model in self.failed]
        kept = {spec.name for spec in self._wanted}.union(*map(self._others, failed))
        jobs = {name for name in self._states() if LOADER_NAME.fullmatch(name)}
        for name in sorted(jobs.union(loader_folders(self._paths)) - kept):
            self._stop(name)
        journals = [f"swap-{spec.model}.json" for spec in failed]
        for path in self._paths.state.glob("swap-*.json"):
            if path.name not in journals:
                path.unlink()

    def _others(self, wanted: LoaderSpec) -> list[str]:
        """Return the loaders of the model of ``wanted`` that are not the snapshot's."""
        names = [name for name in loader_folders(self._paths) if name != wanted.name]
        return [name for name in names if (self._paths.served / name / wanted.model).is_symlink()]

    def _stop(self, name: str) -> None:
        """Stop a loader that takes no new request, when its answers have ended."""
        if slots.running_release(self._context, patience_s=PROXY_GLANCE_S) is not None:
            slots.wait_until_drained(self._context, name, DRAIN_S)
        self._tell(f"stopping {name}")
        remove_job(self._context, name=name)
        discard_loader(self._context, name=name)

    def _require_parts(self, spec: LoaderSpec) -> None:
        """Raise StepError where what a loader is made of is gone: before anything is stopped for it."""
        if not (self._paths.artifacts / spec.artifact).is_dir():
            raise StepError(
                "no_artifact",
                f"artifact {spec.artifact} ({spec.source or spec.model}) is gone from this node",
                remedy="bring it back with `garnet up`",
            )
        require_code(self._jobs[spec.name])

    def _try(self, what: str, action: Callable[..., object], *arguments: Any) -> None:
        """Do one thing; where it fails the others are still done."""
        try:
            action(*arguments)
        except StepError as error:
            self._tell(f"{what}: {error.message}")
            self.failed[what] = error
        else:
            self.failed.pop(what, None)

    def _tell(self, message: str) -> None:
        self._context.progress({"message": message})


def require_code(job: Job) -> None:
    """Raise StepError (``no_code``) where a job's environment or release is gone from the disk."""
    for path in (job.argv[0], job.environment.get("PYTHONPATH", "")):
        if path.startswith("/") and not Path(path).exists():
            raise StepError(
                "no_code",
                f"{path}, which {job.name} runs from, is gone from this node",
                remedy="bring it back with `garnet up`",
            )
