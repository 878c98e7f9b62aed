"""A swap on a node in memory: every cut, every failure."""

from __future__ import annotations

from typing import Any

import pytest

from garnet_cli.actions.loaders import LoaderPlan
from garnet_cli.actions.swap import Swap, SwapPlan, SwapResult
from garnet_cli.errors import NodeError, RolledBackError, UnreachableError
from garnet_cli.fleet.jobs import NodeLayout
from garnet_cli.judge.difference import DesiredLoader
from tests.garnet_cli.actions.fake_node import FakeNode

MODEL = "llama"


def plan(artifact: str = "b", **changes: Any) -> SwapPlan:
    """Return a plan for a loader of ``artifact`` that is not watched for long."""
    loader = LoaderPlan(
        wanted=DesiredLoader(
            model=MODEL, source=f"./{artifact}", artifact=artifact, runtime="r", context=4096, concurrency=4
        ),
        layout=NodeLayout(root="/node", environments="/node/envs"),
        release="release",
        environment="environment",
        ready_timeout_s=changes.pop("ready_timeout_s", 0),
        budget_ms=1000,
    )
    return SwapPlan(loader=loader, who="me@here", watch_s=0, drain_timeout_s=1, **changes)


def run(node: FakeNode, swap_plan: SwapPlan | None = None) -> SwapResult:
    """Run the command once, as a fresh process would: from what the node says."""
    journal = next(iter(node.journals), None)
    swap = Swap(node, swap_plan or plan(), lambda _message: None)
    return swap.run(journal, node.slots.get(MODEL), list(node.jobs))


def served(node: FakeNode) -> str | None:
    """Return the artifact that takes the traffic."""
    slot = node.slots.get(MODEL)
    return slot.active.artifact if slot and slot.active else None


@pytest.fixture
def node() -> FakeNode:
    """Return a node that serves artifact ``a``."""
    fake = FakeNode()
    run(fake, plan("a"))
    fake.done = 0
    fake.asked.clear()
    return fake


def assert_clean(node: FakeNode) -> None:
    """Assert that only the active loader is left, and no journal."""
    slot = node.slots[MODEL]
    assert slot.active is not None
    assert (slot.next, slot.previous) == (None, None)
    assert list(node.jobs) == [slot.active.name]
    assert node.folders == {slot.active.name}
    assert node.journals == []


def test_a_swap_replaces_the_loader_and_leaves_nothing_behind(node: FakeNode) -> None:
    """The new loader serves, the old one and the journal are gone."""
    result = run(node)
    assert served(node) == "b"
    assert result.old is not None
    assert (result.old.artifact, result.new.artifact) == ("a", "b")
    assert set(result.seconds) == {"start", "test", "flip", "drain", "watch", "stop", "total"}
    assert_clean(node)


def actions_of(node: FakeNode) -> list[str]:
    """Return what the audit log says was done, in order."""
    return [event["action"] for event in node.events]


def test_a_swap_is_noted_with_both_artifacts_and_who_did_it(node: FakeNode) -> None:
    """On the journal's own steps: no step is added for it."""
    node.events.clear()
    run(node)
    assert actions_of(node) == ["start", "flip", "done"]
    assert node.events[1] == {
        "kind": "swap",
        "subject": MODEL,
        "action": "flip",
        "who": "me@here",
        "detail": {
            "from": "./a",
            "from_artifact": "a",
            "from_loader": "loader-1",
            "to": "./b",
            "to_artifact": "b",
            "to_loader": "loader-2",
        },
    }
    assert "note_event" not in node.asked


def test_a_swap_that_failed_is_noted_as_undone(node: FakeNode) -> None:
    """It never flipped."""
    node.events.clear()
    node.fail["test_loader"] = NodeError("too slow", node="one")
    with pytest.raises(RolledBackError):
        run(node)
    assert actions_of(node) == ["start", "undo"]


@pytest.mark.parametrize("lose_answer", [False, True])
def test_a_swap_cut_anywhere_is_noted_whole_and_once(*, lose_answer: bool) -> None:
    """Whichever step was cut off, the log ends as that of a swap that was not."""
    for cut in range(60):
        node = FakeNode()
        run(node, plan("a"))
        node.events.clear()
        node.done, node.cut_after, node.lose_answer = 0, cut, lose_answer
        try:
            run(node)
        except UnreachableError:
            node.reconnect()
            if node.journals:
                run(node)
            elif served(node) == "a":
                continue
            assert actions_of(node) == ["start", "flip", "done"], cut
        else:
            break
    else:
        raise AssertionError("the swap never came to its end")


def test_a_first_loader_is_started_by_the_same_steps() -> None:
    """An empty slot is filled, with nothing to drain."""
    node = FakeNode()
    result = run(node, plan("a"))
    assert (served(node), result.old) == ("a", None)
    assert_clean(node)


def steps_of_a_swap() -> int:
    """Return how many steps an undisturbed swap asks for."""
    fake = FakeNode()
    run(fake, plan("a"))
    begin = fake.done
    run(fake)
    return fake.done - begin


@pytest.mark.parametrize("lose_answer", [False, True], ids=["before the step", "after it, answer lost"])
@pytest.mark.parametrize("cut", range(steps_of_a_swap()))
def test_the_same_command_goes_on_after_a_cut_at_any_step(
    node: FakeNode, cut: int, *, lose_answer: bool
) -> None:
    """Whatever was cut, the fleet serves throughout and a second run ends clean with the new loader."""
    node.cut_after, node.lose_answer = cut, lose_answer
    with pytest.raises(UnreachableError):
        run(node)
    assert served(node) in {"a", "b"}
    node.reconnect()
    run(node)
    assert served(node) == "b"
    strays = set(node.jobs) - {node.slots[MODEL].active.name}  # type: ignore[union-attr]
    assert strays == set()
    assert node.journals == []


@pytest.mark.parametrize("cut", range(steps_of_a_swap()))
def test_an_abort_after_a_cut_at_any_step_brings_the_old_loader_back(node: FakeNode, cut: int) -> None:
    """While the old loader is there, --abort returns to it and removes the new one."""
    node.cut_after = cut
    with pytest.raises(UnreachableError):
        run(node)
    node.reconnect()
    journal = next(iter(node.journals), None)
    if journal is None or journal.step == "stop":
        return
    if journal.old is not None and journal.old.name not in node.jobs:
        return
    Swap(node, plan(), lambda _message: None).abort(journal)
    assert served(node) == "a"
    assert_clean(node)


def test_a_loader_over_its_budget_never_gets_traffic(node: FakeNode) -> None:
    """Test prompts that are too slow undo the swap before the flip."""
    node.test_latencies_ms = [50.0] * 7 + [5000.0]
    with pytest.raises(RolledBackError, match="p99 of 5000 ms, the budget is 1000 ms"):
        run(node)
    assert served(node) == "a"
    assert_clean(node)


def test_a_loader_that_does_not_start_leaves_the_old_one_untouched(node: FakeNode) -> None:
    """A failing start is undone."""
    node.fail["wait_loader"] = NodeError("it exited: out of memory", node="one", code="loader_not_ready")
    with pytest.raises(RolledBackError, match="out of memory"):
        run(node)
    assert served(node) == "a"
    assert_clean(node)


@pytest.mark.parametrize("trouble", ["errors", "down"])
def test_trouble_after_the_flip_flips_back(
    node: FakeNode, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loader that fails its first live requests loses the traffic again."""
    waits = iter([True])

    def fail_once(_seconds: float) -> None:
        if next(waits, None):
            node.errors_of["loader-2"] = 3 if trouble == "errors" else 0
            node.state_of["loader-2"] = "down" if trouble == "down" else "ready"

    monkeypatch.setattr("garnet_cli.actions.swap.time.sleep", fail_once)
    watched = plan()
    with pytest.raises(RolledBackError, match="failed 3 requests" if trouble == "errors" else "is down"):
        run(node, SwapPlan(loader=watched.loader, who="me", watch_s=5, drain_timeout_s=1))
    assert served(node) == "a"
    assert_clean(node)


def test_an_unfinished_swap_to_another_source_is_undone_first(node: FakeNode) -> None:
    """A second command with another --to does not go on with the first one's loader."""
    node.cut_after = 5
    with pytest.raises(UnreachableError):
        run(node, plan("c"))
    node.reconnect()
    run(node, plan("b"))
    assert served(node) == "b"
    assert_clean(node)


@pytest.mark.parametrize("cut", range(steps_of_a_swap()))
def test_after_a_cut_at_any_step_another_source_is_what_is_served(node: FakeNode, cut: int) -> None:
    """Where the first swap's loader takes the traffic already, that one is finished and swapped away."""
    node.cut_after = cut
    with pytest.raises(UnreachableError):
        run(node, plan("b"))
    node.reconnect()
    result = run(node, plan("c"))
    assert (served(node), result.new.artifact) == ("c", "c")
    assert result.old is not None
    assert result.old.artifact in {"a", "b"}
    assert (list(node.jobs), node.journals) == ([result.new.name], [])


def test_room_is_required_before_each_new_loader(node: FakeNode) -> None:
    """Also before the one that follows an unfinished swap."""
    asked: list[str] = []
    run_with = Swap(node, plan("b"), lambda _message: None, lambda _alone: asked.append(str(served(node))))
    node.cut_after = steps_of_a_swap() - 4
    with pytest.raises(UnreachableError):
        run_with.run(None, node.slots[MODEL], list(node.jobs))
    node.reconnect()
    assert served(node) == "b"
    (journal,) = node.journals
    again = Swap(node, plan("c"), lambda _message: None, lambda _alone: asked.append(str(served(node))))
    again.run(journal, node.slots[MODEL], list(node.jobs))
    assert asked == ["a", "b"]
    assert served(node) == "c"


@pytest.mark.parametrize(("state", "errors"), [("ready", 3), ("down", 0)])
def test_trouble_while_the_old_loader_drains_flips_back_at_once(
    node: FakeNode, state: str, errors: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not waited for the end of a long stream, nor is the failure forgotten by then."""
    node.in_flight_of["loader-1"] = 1

    def fail_once(_seconds: float) -> None:
        node.errors_of["loader-2"], node.state_of["loader-2"] = errors, state

    monkeypatch.setattr("garnet_cli.actions.control.time.sleep", fail_once)
    swapped = plan()
    with pytest.raises(RolledBackError, match="failed 3 requests" if errors else "is down"):
        run(node, SwapPlan(loader=swapped.loader, who="me", watch_s=0, drain_timeout_s=600))
    assert served(node) == "a"
    assert_clean(node)
