"""Watch one changed node: look about every second, judge at the end, and stop early where it is plain."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from garnet_cli.actions.control import Asks
from garnet_cli.actions.deploy.observe import Observer
from garnet_cli.actions.deploy.prompts import PromptSenders, prompt_count
from garnet_cli.judge.canary import Rule
from garnet_cli.judge.evidence import Evidence
from garnet_cli.judge.hard_gates import NodeHealth, closed_gate
from garnet_cli.judge.rollout import EarlyAborts, NodeVerdict, judge_node
from node_scripts.records import RequestRecord

WARM_UP_S = 10.0
WARM_UP_SHARE = 0.1
"""Of a watch shorter than 100 s that much is left out instead."""
LOOK_EVERY_S = 0.5
JUDGE_EVERY_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPlan:
    """What is watched, against what, for how long."""

    node: str
    controls: Sequence[str]
    """Nodes that this deploy has not changed, and that serve on."""
    models: Sequence[str]
    """Those by which it is judged."""
    prompted: Mapping[str, Sequence[str]]
    """Models to send test prompts for, by node."""
    watch_s: float
    rule: Rule
    before: Mapping[str, Sequence[RequestRecord]]
    """The last requests before the change, of the node and of the controls."""
    failed_before: int = 0
    """How many requests had failed on the node before its change."""
    settled: Mapping[str, NodeHealth]
    """Nodes that were changed before and have passed: the look right after the change of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchState:
    """The watch at one moment, for the live view."""

    node: str
    elapsed_s: float
    watch_s: float
    extended: bool
    canary: Evidence
    controls: Sequence[Evidence]
    models: Sequence[str]
    verdict: NodeVerdict | None
    """As it would be now; it counts only at the end."""


@dataclass(frozen=True, slots=True)
class Watched:
    """How a watch ended."""

    verdict: NodeVerdict
    evidence: Evidence
    first: NodeHealth
    """The look right after the change."""


Show = Callable[[WatchState], None]


def watch(plan: WatchPlan, observer: Observer, prompters: Mapping[str, Asks], show: Show) -> Watched:
    """Watch until there is a verdict; an inconclusive one is put off once, by as long again.

    What is over the limit and not proven is inconclusive then, and passes in the end.

    ``prompters`` are handles of their own for the test prompts: one that hangs must not keep anybody from
    looking. Raises the error of a node that was lost meanwhile.
    """
    observer.logs[plan.node].look()
    first = replace(_health(observer, plan.node), failed=plan.failed_before)
    _pause(min(WARM_UP_S, plan.watch_s * WARM_UP_SHARE), observer)
    during = {name: observer.logs[name].mark() for name in (plan.node, *plan.controls)}
    canary, controls = _evidence(plan, observer, during)
    aborts = EarlyAborts(canary, controls, plan.models, plan.rule)
    heard = during[plan.node]
    rule = replace(plan.rule, final=False)
    verdict = judge_node(canary, controls, plan.models, rule)
    state = WatchState(
        node=plan.node,
        elapsed_s=0.0,
        watch_s=plan.watch_s,
        extended=False,
        canary=canary,
        controls=controls,
        models=plan.models,
        verdict=verdict,
    )
    begin = time.monotonic()
    for extended in (False, True):
        rule = replace(plan.rule, final=extended)
        state = replace(state, extended=extended, watch_s=plan.watch_s * (2 if extended else 1))
        senders = PromptSenders(prompters, plan.prompted, prompt_count(plan.rule.minimum))
        senders.start()
        end = begin + state.watch_s
        judged = begin
        try:
            while time.monotonic() < end:
                _pause(LOOK_EVERY_S, observer)
                canary, controls = _evidence(plan, observer, during)
                fresh = observer.logs[plan.node].between(heard)
                heard += len(fresh)
                reason = _gates(plan, observer, first)
                aborted = next(filter(None, map(aborts.add, fresh)), None)
                if reason is None and aborted is not None:
                    reason = f"{plan.node}: {aborted}"
                if reason is None and (error := senders.errors.get(plan.node)) is not None:
                    reason = f"{plan.node}: a test prompt failed: {error.message}"
                if reason is not None:
                    return Watched(_failed(plan.node, reason), canary, first)
                now = time.monotonic()
                if now - judged >= JUDGE_EVERY_S:
                    verdict, judged = judge_node(canary, controls, plan.models, rule), now
                state = replace(
                    state, elapsed_s=min(now, end) - begin, canary=canary, controls=controls, verdict=verdict
                )
                show(state)
        finally:
            senders.stop()
        canary, controls = _evidence(plan, observer, during)
        verdict = judge_node(canary, controls, plan.models, rule)
        show(replace(state, elapsed_s=state.watch_s, canary=canary, controls=controls, verdict=verdict))
        if verdict.verdict != "inconclusive":
            break
    return Watched(verdict, canary, first)


def _gates(plan: WatchPlan, observer: Observer, first: NodeHealth) -> str | None:
    """Return why the watched node, or one that has passed already, must not stay as it is."""
    for name, health in {plan.node: first, **plan.settled}.items():
        reason = closed_gate(health, _health(observer, name))
        if reason is not None:
            return f"{name}: {reason}"
    return None


def _failed(node: str, reason: str) -> NodeVerdict:
    return NodeVerdict(node=node, verdict="fail", sentence=reason, models=())


def _evidence(
    plan: WatchPlan, observer: Observer, during: Mapping[str, int]
) -> tuple[Evidence, list[Evidence]]:
    found = [
        Evidence(name, plan.before.get(name, ()), observer.logs[name].between(during[name]))
        for name in (plan.node, *plan.controls)
    ]
    return found[0], found[1:]


def _health(observer: Observer, name: str) -> NodeHealth:
    health = observer.logs[name].health
    if health is None:
        raise LookupError(f"{name} was not looked at before it is watched")
    return health


def _pause(seconds: float, observer: Observer) -> None:
    """Wait; raises the error of a node that was lost."""
    deadline = time.monotonic() + seconds
    while True:
        for error in observer.lost().values():
            raise error
        left = deadline - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(left, LOOK_EVERY_S))
