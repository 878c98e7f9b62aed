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
    marks: Mapping[str, tuple[int, int]]
    """By node: where its requests begin to count, and where the change began."""
    before: Sequence[RequestRecord] | None = None
    """Its requests before the change, where another run of this program made it."""


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


Show = Callable[[WatchState], None]


def failed(node: str, reason: str) -> NodeVerdict:
    """Return the verdict of a closed gate."""
    return NodeVerdict(node=node, verdict="fail", sentence=f"{node}: {reason}", models=())


def watch(
    plan: WatchPlan, observer: Observer, nodes: Mapping[str, Asks], show: Show
) -> tuple[NodeVerdict, Evidence]:
    """Watch until there is a verdict; an inconclusive one is put off once, by as long again.

    Returns the verdict with what it rests on. Raises the error of a node that was lost meanwhile.
    """
    observer.logs[plan.node].look()
    first = _health(observer, plan.node)
    _pause(min(WARM_UP_S, plan.watch_s * WARM_UP_SHARE), observer)
    during = {name: observer.logs[name].mark() for name in (plan.node, *plan.controls)}
    aborts = EarlyAborts(*_evidence(plan, observer, during), plan.models, plan.rule)
    heard = during[plan.node]
    verdict = judge_node(*_evidence(plan, observer, during), plan.models, plan.rule)
    begin = time.monotonic()
    for extended in (False, True):
        senders = PromptSenders(nodes, plan.prompted, prompt_count(plan.rule.minimum))
        senders.start()
        end = begin + plan.watch_s * (2 if extended else 1)
        judged = begin
        try:
            while time.monotonic() < end:
                _pause(LOOK_EVERY_S, observer)
                log = observer.logs[plan.node]
                canary, controls = _evidence(plan, observer, during)
                reason = closed_gate(first, _health(observer, plan.node))
                fresh = log.between(heard)
                heard += len(fresh)
                reason = reason or next(filter(None, map(aborts.add, fresh)), None)
                reason = reason or next((error.message for error in senders.errors.values()), None)
                if reason is not None:
                    return failed(plan.node, reason), canary
                now = time.monotonic()
                if now - judged >= JUDGE_EVERY_S:
                    verdict, judged = judge_node(canary, controls, plan.models, plan.rule), now
                show(_state(plan, now - begin, end - begin, canary, controls, verdict, extended=extended))
        finally:
            senders.stop()
        canary, controls = _evidence(plan, observer, during)
        verdict = judge_node(canary, controls, plan.models, plan.rule)
        show(_state(plan, end - begin, end - begin, canary, controls, verdict, extended=extended))
        if verdict.verdict != "inconclusive":
            break
    return verdict, canary


def _evidence(
    plan: WatchPlan, observer: Observer, during: Mapping[str, int]
) -> tuple[Evidence, list[Evidence]]:
    found = [observer.evidence(name, *plan.marks[name], during[name]) for name in (plan.node, *plan.controls)]
    if plan.before is not None:
        found[0] = replace(found[0], before=plan.before)
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


def _state(
    plan: WatchPlan,
    elapsed_s: float,
    watch_s: float,
    canary: Evidence,
    controls: Sequence[Evidence],
    verdict: NodeVerdict,
    *,
    extended: bool,
) -> WatchState:
    return WatchState(
        node=plan.node,
        elapsed_s=elapsed_s,
        watch_s=watch_s,
        extended=extended,
        canary=canary,
        controls=controls,
        models=plan.models,
        verdict=verdict,
    )
