"""Replace a slot's loader under traffic, or fill an empty slot: the steps, in order.

start → test → flip → drain → watch → stop. Each step is written to the journal on the node when it
is done and can be repeated, so that the same command goes on after a crash of either side. Before
the flip a failure leaves the old loader untouched; after it traffic is flipped back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from garnet_cli.actions import loaders, swap_in_place
from garnet_cli.actions.control import (
    Asks,
    delete_slot,
    observation,
    proxy_status,
    put_slot,
    wait_until_drained,
)
from garnet_cli.actions.events import act
from garnet_cli.actions.loaders import LoaderPlan, Report
from garnet_cli.errors import GarnetError, NodeError, RolledBackError
from garnet_cli.judge.readiness import TestRound
from garnet_cli.judge.swap_position import position
from garnet_cli.judge.watch import Observation, verdict
from node_scripts.contracts import SCHEMA, Job, LoaderSpec, ProxyStatus, Slot
from node_scripts.journals import SwapJournal, SwapStep

RequireRoom = Callable[[bool], None]
"""Called with whether the model's present loader leaves first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapPlan:
    """What a swap needs to know beyond its loader."""

    loader: LoaderPlan
    who: str
    watch_s: float
    drain_timeout_s: float
    in_place: bool = False
    """Where there is no room for two loaders, stop the old one first, if another node serves the model."""
    hold: bool = False
    """Leave the old loader running, without traffic, and the journal at its watch: a later run stops it."""


@dataclass(slots=True, kw_only=True)
class SwapResult:
    """What happened, for the summary."""

    node: str
    model: str
    old: LoaderSpec | None
    new: LoaderSpec
    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds by step; steps done by an earlier run are missing."""
    test: TestRound | None = None
    served_while_watched: int = 0
    """By the new loader, from the flip on."""

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON for ``--json``."""
        return {
            "node": self.node,
            "model": self.model,
            "old": msgspec.to_builtins(self.old),
            "new": msgspec.to_builtins(self.new),
            "seconds": {step: round(seconds, 3) for step, seconds in self.seconds.items()},
            "test_p99_ms": round(self.test.p99_ms, 1) if self.test else None,
            "served_while_watched": self.served_while_watched,
        }


class Swap:
    """One swap on one node whose lease this operator holds."""

    def __init__(
        self, node: Asks, plan: SwapPlan, report: Report, require_room: RequireRoom | None = None
    ) -> None:
        """Keep what the steps share; nothing is touched yet.

        ``require_room`` raises :class:`NodeError` where another loader does not fit, beside the old one or,
        when asked with True, without it; it is asked before each new one.
        """
        self.node = node
        self.plan = plan
        self.report = report
        self._require_room = require_room
        self.model = plan.loader.wanted.model

    def run(self, journal: SwapJournal | None, slot: Slot | None, jobs: list[str]) -> SwapResult:
        """Do the whole swap, or what an earlier run left of it.

        An unfinished swap to something else is undone or, where its loader takes the traffic already,
        finished before the one that is wanted.

        Raises :class:`RolledBackError` when it failed and the old loader serves as before, and
        :class:`NodeError` when it could neither be finished nor undone.
        """
        begin = time.monotonic()
        if journal is not None:
            where = position(journal, slot, jobs)
            if where == "undo":
                self._undo(journal)
                raise self._rolled_back(f"an earlier swap was interrupted ({journal.step}) and is undone")
            if where == "start" and not self._wants(journal.new):
                self.report(f"undoing an unfinished swap to {_what(journal.new)}")
                self._undo(journal)
                journal = None
        else:
            where = "start"
        if journal is None:
            journal = self._begin(slot.active if slot else None)
            where = "start"
        elif where != "start" and journal.step in {"plan", "start", "test"}:
            # Flipped by a run that was cut off before it could write so.
            journal = self._record(journal, "flip", "flip")
        result = SwapResult(node=self.node.name, model=self.model, old=journal.old, new=journal.new)
        if where == "start":
            journal = self._start_and_test(journal, result)
            journal = self._timed(result, "flip", self._flip, journal)
        if where in {"start", "drain"}:
            journal = self._drain_and_watch(journal, result)
        if self.plan.hold and self._wants(journal.new):
            result.seconds["total"] = time.monotonic() - begin
            return result
        self._timed(result, "stop", self._stop, journal)
        if not self._wants(journal.new):
            self.report(f"finished an unfinished swap to {_what(journal.new)}; now to what is wanted")
            return self.run(None, Slot(model=self.model, active=journal.new), jobs)
        result.seconds["total"] = time.monotonic() - begin
        return result

    def abort(self, journal: SwapJournal) -> None:
        """Undo an unfinished swap: traffic goes (back) to the old loader, the new one is removed."""
        self._undo(journal)

    def _wants(self, spec: LoaderSpec) -> bool:
        wanted = self.plan.loader.wanted
        return (spec.artifact, spec.runtime) == (wanted.artifact, wanted.runtime)

    def _begin(self, old: LoaderSpec | None) -> SwapJournal:
        old_job = self._make_room(old)
        new = loaders.prepare(self.node, self.plan.loader)
        now = _now()
        return self._record(
            SwapJournal(
                schema=SCHEMA,
                model=self.model,
                step="plan",
                old=old,
                new=new,
                who=self.plan.who,
                started=now,
                updated=now,
                old_job=old_job,
            ),
            "plan",
            "start",
        )

    def _make_room(self, old: LoaderSpec | None) -> Job | None:
        """See that the new loader fits; return the old one's job where that has to go first."""
        require_room = self._require_room
        if require_room is None:
            return None
        try:
            require_room(False)
        except NodeError as error:
            if error.code != swap_in_place.NO_MEMORY or old is None or not self.plan.in_place:
                raise
            return swap_in_place.job_to_leave(self.node, old, error, lambda: require_room(True))
        return None

    def _start_and_test(self, journal: SwapJournal, result: SwapResult) -> SwapJournal:
        try:
            journal = self._timed(result, "start", self._start, journal)
            begin = time.monotonic()
            self.report("sending test prompts")
            result.test = loaders.test(self.node, self.plan.loader, journal.new, self.report)
            result.seconds["test"] = time.monotonic() - begin
            self.report(f"p99 of test prompts {result.test.p99_ms:.0f} ms: within the budget")
            return self._record(journal, "test")
        except NodeError as error:
            if error.code == "cut":
                raise
            self.report(f"failed, undoing: {error.message}")
            self._undo(journal)
            raise self._rolled_back(error.message, error) from error

    def _start(self, journal: SwapJournal) -> SwapJournal:
        old = journal.old
        if journal.old_job is not None:
            swap_in_place.leave(self.node, journal, self.plan.drain_timeout_s, self.report)
            old = None
        self.report(f"starting {journal.new.name}")
        loaders.start(self.node, self.plan.loader, journal.new)
        put_slot(self.node, Slot(model=self.model, active=old, next=journal.new), force=True)
        loaders.wait(self.node, self.plan.loader, journal.new, self.report)
        return self._record(journal, "start")

    def _flip(self, journal: SwapJournal) -> SwapJournal:
        try:
            previous = journal.old if journal.old_job is None else None
            put_slot(self.node, Slot(model=self.model, active=journal.new, previous=previous))
        except NodeError as error:
            if not error.code.startswith("http_"):
                raise
            self._undo(journal)
            raise self._rolled_back(error.message, error) from error
        self.report(f"flipped: {journal.new.name} takes the traffic")
        return self._record(journal, "flip", "flip")

    def _drain_and_watch(self, journal: SwapJournal, result: SwapResult) -> SwapJournal:
        first = observation(proxy_status(self.node), journal.new.name)
        try:
            if journal.old is not None:
                begin = time.monotonic()
                wait_until_drained(
                    self.node,
                    journal.old.name,
                    self.plan.drain_timeout_s,
                    self.report,
                    lambda status: self._judge(first, status, journal.new),
                )
                result.seconds["drain"] = time.monotonic() - begin
                journal = self._record(journal, "drain")
            begin = time.monotonic()
            result.served_while_watched = self._watch(first, journal.new)
        except NodeError as error:
            if error.code != "watch_failed":
                raise
            self.report(f"flipping back: {error.message}")
            self._undo(journal)
            raise self._rolled_back(error.message, error) from error
        result.seconds["watch"] = time.monotonic() - begin
        return self._record(journal, "watch")

    def _watch(self, first: Observation, new: LoaderSpec) -> int:
        begin = time.monotonic()
        told = 0.0
        while True:
            served = self._judge(first, proxy_status(self.node), new)
            elapsed = time.monotonic() - begin
            if elapsed >= self.plan.watch_s:
                return served
            if elapsed - told >= 1:
                told = elapsed
                self.report(f"watching: {served} served, {elapsed:.0f} s")
            time.sleep(0.25)

    def _judge(self, first: Observation, status: ProxyStatus, new: LoaderSpec) -> int:
        """Return how many requests ``new`` has served since ``first``; raises where it must not go on."""
        latest = observation(status, new.name)
        reason = verdict(first, latest)
        if reason is not None:
            raise NodeError(f"{new.name} {reason}", node=self.node.name, code="watch_failed")
        return latest.served - first.served

    def _stop(self, journal: SwapJournal) -> SwapJournal:
        put_slot(self.node, Slot(model=self.model, active=journal.new), force=True)
        if journal.old is not None:
            self.report(f"stopping {journal.old.name}")
            loaders.stop(self.node, journal.old.name)
        journal = self._record(journal, "stop")
        self._forget(self._act("done", journal))
        return journal

    def _undo(self, journal: SwapJournal) -> None:
        self._record(journal, "undo", "undo" if journal.step != "undo" else None)
        old, drain_s = journal.old, self.plan.drain_timeout_s
        if old is not None and swap_in_place.has_left(self.node, journal):
            ready_s = self.plan.loader.ready_timeout_s
            swap_in_place.come_back(self.node, journal, drain_s, ready_s, self.report)
            self._forget()
            return
        if old is not None:
            put_slot(self.node, Slot(model=self.model, active=old, previous=journal.new), force=True)
            wait_until_drained(self.node, journal.new.name, self.plan.drain_timeout_s, self.report)
            put_slot(self.node, Slot(model=self.model, active=old), force=True)
        else:
            delete_slot(self.node, self.model)
            wait_until_drained(self.node, journal.new.name, self.plan.drain_timeout_s, self.report)
        loaders.stop(self.node, journal.new.name)
        self._forget()

    def _record(self, journal: SwapJournal, step: SwapStep, action: str | None = None) -> SwapJournal:
        journal = replace(journal, step=step, updated=_now())
        content = msgspec.json.encode(journal).decode()
        event = self._act(action, journal) if action else None
        self.node.ask("write_file", path=self._journal_path, content=content, mode=0o600, event=event)
        return journal

    def _forget(self, event: dict[str, Any] | None = None) -> None:
        self.node.ask("delete_file", path=self._journal_path, event=event)

    def _act(self, action: str, journal: SwapJournal) -> dict[str, Any]:
        old, new = journal.old, journal.new
        sides = {"from": old.source, "from_artifact": old.artifact, "from_loader": old.name} if old else {}
        sides |= {"to": new.source, "to_artifact": new.artifact, "to_loader": new.name}
        return act("swap", self.model, action, self.plan.who, **sides)

    @property
    def _journal_path(self) -> str:
        return f"state/swap-{self.model}.json"

    def _timed(self, result: SwapResult, step: str, action: Any, journal: SwapJournal) -> SwapJournal:
        begin = time.monotonic()
        done: SwapJournal = action(journal)
        result.seconds[step] = time.monotonic() - begin
        return done

    def _rolled_back(self, reason: str, cause: GarnetError | None = None) -> RolledBackError:
        return RolledBackError(
            f"swap of {self.model} undone, the slot is as it was before: {reason}",
            node=self.node.name,
            remedy=cause.remedy if cause else "run the same command again",
        )


def _what(spec: LoaderSpec) -> str:
    return spec.source or spec.artifact


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
