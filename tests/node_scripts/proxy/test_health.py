"""What probes of a loader mean."""

from __future__ import annotations

import pytest

from node_scripts.contracts import LoaderState
from node_scripts.proxy.health import Judgement, Probe, judge


def step(state: LoaderState, probe: Probe, failures: int = 0, silent_for_s: float = 0.0) -> Judgement:
    """Judge one probe with ten seconds until a kill."""
    return judge(state, failures, probe, silent_for_s=silent_for_s, kill_after_s=10.0)


def test_an_answer_with_a_loaded_model_is_ready_from_any_state() -> None:
    """Also after it was down."""
    for state in ("starting", "ready", "suspect", "down"):
        assert step(state, "well", failures=5) == Judgement("ready", 0)


def test_an_answer_without_a_loaded_model_is_starting() -> None:
    """Health alone lies."""
    assert step("down", "loading") == Judgement("starting", 0)


def test_silence_makes_a_ready_loader_suspect_then_down_after_three() -> None:
    """One slow answer is no outage."""
    assert step("ready", "silent") == Judgement("suspect", 1)
    assert step("suspect", "silent", failures=1) == Judgement("suspect", 2)
    assert step("suspect", "silent", failures=2) == Judgement("down", 3)


def test_silence_for_ten_seconds_kills() -> None:
    """A stopped process never comes back by itself."""
    assert step("down", "silent", failures=9, silent_for_s=10.0).kill


def test_refused_or_dead_is_down_at_once() -> None:
    """Nothing to wait for; only the one with a process left is killed."""
    assert step("ready", "refused") == Judgement("down", 1)
    assert step("ready", "dead") == Judgement("down", 1, kill=True)


@pytest.mark.parametrize("probe", ["refused", "silent"])
def test_a_starting_loader_is_never_killed_for_not_answering(probe: Probe) -> None:
    """A large model takes its time."""
    assert step("starting", probe, silent_for_s=1000.0) == Judgement("starting", 0)
