"""What is to be done next, in which order, and with which command."""

from __future__ import annotations

from dataclasses import replace

import pytest

from garnet_cli.judge.anomalies import CauseKind
from garnet_cli.judge.evictions import EvictionEntry, EvictionLog
from garnet_cli.judge.placement_diff import PlacementDiff
from garnet_cli.weekly.completeness import Completeness
from garnet_cli.weekly.contents import NextStep
from garnet_cli.weekly.next_steps import changes_of, next_steps
from tests.garnet_cli.weekly.made import CACHE, WEEK, doubled, evicted, log, minutes, move, placement

WHOLE = minutes(a=100, b=100)


def steps(
    completeness: Completeness = WHOLE,
    *,
    anomalies: tuple[object, ...] = (),
    diff: PlacementDiff | None = None,
    evictions: EvictionLog | None = None,
) -> tuple[NextStep, ...]:
    """Return the steps of a week in which all is well but what is given."""
    found = diff if diff is not None else placement()
    return next_steps(WEEK, completeness, anomalies, found, evictions or log())  # type: ignore[arg-type]


def test_a_quiet_week_asks_for_nothing() -> None:
    """Neither do a few missing minutes, nor evictions that traffic justifies."""
    assert steps(minutes(a=95, b=100), evictions=log(evicted(justified=True))) == ()


def test_what_makes_the_rest_doubtful_comes_first_and_evictions_last() -> None:
    """Then prices, then the placement; each step has a reason and a command."""
    found = steps(
        minutes(a=80, b=100),
        anomalies=(doubled("llama"),),
        diff=placement(move("qwen")),
        evictions=log(evicted("gemma")),
    )
    assert [step.part for step in found] == ["data", "cost", "placement", "evictions"]
    assert all(step.why and step.commands for step in found)
    assert found[0].commands == ("garnet check a", "garnet logs a")
    assert found[1].what == "Purge the prompt cache of llama on mini-1"
    assert found[1].commands == ("garnet cache purge mini-1 llama",)
    assert found[2].what == "Move qwen from mini-1 to mini-2"
    assert found[2].commands == (f"garnet weekly --week {WEEK} --apply --no-send", "garnet deploy")
    assert found[3].commands == ("garnet weekly --apply", "garnet deploy")


def test_a_price_that_is_too_thin_to_judge_is_no_step() -> None:
    """There is nothing to do about a model that hardly anybody asks."""
    assert steps(anomalies=(replace(doubled("llama"), verdict="too_thin"),)) == ()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("cache_misses", "Bring the prompt-cache hits of llama on mini-1 back"),
        ("idle_up", "Use or free the idle nodes that llama pays for on mini-1"),
        ("throttling", "Cool what throttles llama on mini-1, or move it off"),
        ("errors", "Stop the errors of llama on mini-1"),
        ("traffic_down", "Find out why the traffic of llama fell"),
        ("unknown", "Find out why llama costs twice as much"),
    ],
)
def test_each_cause_has_its_own_imperative(kind: CauseKind, words: str) -> None:
    """Several commands of a cause are told in its order."""
    step = steps(anomalies=(doubled("llama", kind, "garnet logs mini-1\n  garnet deploy"),))[0]
    assert step.what == words
    assert step.commands == ("garnet logs mini-1", "garnet deploy")


def test_many_changes_of_the_placement_are_one_step_with_the_first_reasons() -> None:
    """The rest is in the placement diff, and the step says so."""
    diff = placement(*(move(f"model-{number}") for number in range(4)), caches=(CACHE,))
    step = steps(diff=diff)[0]
    assert step.what == "Apply the better placement: 4 moves and 1 cache change"
    assert len(step.why) == 4
    assert step.why[0] == "Move model-0 from mini-1 to mini-2: mini-1 throttles 6.0 % of its busy time."
    assert step.why[-1] == "And 2 more, see the placement diff."
    added = replace(move("a"), kind="add", origin=None)
    assert changes_of(placement(added, replace(added, kind="remove"), move("b"))) == (
        "1 move, 1 addition and 1 removal"
    )


def test_an_eviction_that_the_placement_mends_is_not_told_twice() -> None:
    """Applying the placement brings the model back."""
    evictions = log(evicted("qwen"), evicted("gemma"), evicted("llama", what="cache"))
    found = steps(diff=placement(move("qwen")), evictions=evictions)
    assert [step.what for step in found[1:]] == [
        "Mend the eviction of gemma from mini-1",
        "Give the prompt cache of llama on mini-1 what its traffic needs",
    ]
    assert isinstance(evictions.entries[0], EvictionEntry)
