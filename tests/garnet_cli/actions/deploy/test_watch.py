"""A watch that cannot tell goes on once for as long again, and then comes to an end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest

from garnet_cli.actions.control import Asks
from garnet_cli.actions.deploy.observe import NodeLog, Observer
from garnet_cli.actions.deploy.watch import Watched, WatchPlan, WatchState, watch
from garnet_cli.judge.canary import Rule, Verdict
from garnet_cli.judge.evidence import Evidence
from garnet_cli.judge.hard_gates import NodeHealth
from garnet_cli.judge.rollout import NodeVerdict


class StillLog(NodeLog):
    """A node on which nothing happens."""

    def look(self) -> None:
        """Find it healthy."""
        self.health = NodeHealth(proxy_pid=1, loaders={})


def watched(
    monkeypatch: pytest.MonkeyPatch, at_first: Verdict, in_the_end: Verdict
) -> tuple[Watched, list[bool]]:
    """Watch with a judge that says this; return how it ended, and whether each look was in the extension."""

    def judge_node(
        canary: Evidence, controls: Sequence[Evidence], models: Sequence[str], rule: Rule
    ) -> NodeVerdict:
        verdict = in_the_end if rule.final else at_first
        return NodeVerdict(node=canary.node, verdict=verdict, sentence="as it says", models=())

    monkeypatch.setattr("garnet_cli.actions.deploy.watch.judge_node", judge_node)
    monkeypatch.setattr("garnet_cli.actions.deploy.watch.LOOK_EVERY_S", 0.01)
    plan = WatchPlan(
        node="one",
        controls=[],
        models=["m"],
        prompted={},
        watch_s=0.05,
        rule=Rule(),
        before={},
        settled={},
    )
    states: list[WatchState] = []
    observer = Observer({"one": StillLog(cast("Asks", None), ["m"])})
    found = watch(plan, observer, {}, states.append)
    return found, [state.extended for state in states]


def test_it_ends_in_time_with_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is added to it."""
    found, extended = watched(monkeypatch, "pass", "fail")
    assert found.verdict.verdict == "pass"
    assert not any(extended)


@pytest.mark.parametrize("in_the_end", ["pass", "fail", "inconclusive"])
def test_where_it_cannot_tell_it_goes_on_once_and_then_has_the_last_word(
    monkeypatch: pytest.MonkeyPatch, in_the_end: Verdict
) -> None:
    """The last look is told that it is the last."""
    found, extended = watched(monkeypatch, "inconclusive", in_the_end)
    assert found.verdict.verdict == in_the_end
    assert set(extended) == {False, True}
