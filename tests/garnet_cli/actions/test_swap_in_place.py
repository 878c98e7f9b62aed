"""A swap where memory has no room for two loaders: the old one goes first, while another node serves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from garnet_cli.actions.swap import Swap, SwapResult
from garnet_cli.errors import NodeError, RolledBackError, UnreachableError
from node_scripts.contracts import PeerStatus
from tests.garnet_cli.actions.fake_node import FakeNode
from tests.garnet_cli.actions.test_swap import MODEL, assert_clean, plan, run, served

PEER = PeerStatus(name="two", reachable=True, age_s=0.1, models=[MODEL])


def no_room(alone: bool) -> None:  # noqa: FBT001 -- RequireRoom
    """Refuse a second loader, and accept one alone."""
    if not alone:
        raise NodeError("it does not fit", node="one", code="no_memory", remedy="take it down first")


def swap_in_place(node: FakeNode) -> SwapResult:
    """Run the command once, as a fresh process would."""
    swap = Swap(node, replace(plan("b"), in_place=True), lambda _message: None, no_room)
    return swap.run(next(iter(node.journals), None), node.slots.get(MODEL), list(node.jobs))


@pytest.fixture
def node() -> FakeNode:
    """Return a node that serves artifact ``a``, as another one does."""
    fake = FakeNode()
    run(fake, plan("a"))
    fake.peers = [PEER]
    fake.done = 0
    fake.asked.clear()
    return fake


def test_the_old_loader_goes_before_the_new_one_is_started(node: FakeNode) -> None:
    """It takes no traffic by then; in the end nothing of it is left."""
    seen: list[tuple[str, list[str]]] = []
    ask = node.ask

    def watched(step: str, **arguments: object) -> object:
        if step == "ensure_job":
            seen.append((served(node) or "peers", list(node.jobs)))
        return ask(step, **arguments)  # type: ignore[arg-type]

    node.ask = watched  # type: ignore[method-assign]
    swap_in_place(node)
    assert seen == [("peers", [])]
    assert served(node) == "b"
    assert_clean(node)


@pytest.mark.parametrize("peers", [[], [replace(PEER, reachable=False)], [replace(PEER, models=["other"])]])
def test_without_another_node_that_serves_it_nothing_is_touched(
    node: FakeNode, peers: list[PeerStatus]
) -> None:
    """A node that is away, or serves something else, is none."""
    node.peers = peers
    with pytest.raises(NodeError, match="no other node serves llama meanwhile"):
        swap_in_place(node)
    assert served(node) == "a"
    assert_clean(node)


def test_a_plan_that_does_not_allow_it_is_refused_as_before(node: FakeNode) -> None:
    """`up` works on all nodes at once."""
    with pytest.raises(NodeError, match="does not fit"):
        Swap(node, plan("b"), lambda _message: None, no_room).run(None, node.slots[MODEL], list(node.jobs))
    assert served(node) == "a"


def test_a_new_loader_that_fails_brings_the_old_one_back(node: FakeNode) -> None:
    """It is started again from its own job."""
    job = dict(node.jobs["loader-1"])
    node.fail["test_loader"] = NodeError("broken", node="one", code="test_failed")
    with pytest.raises(RolledBackError, match="broken"):
        swap_in_place(node)
    assert served(node) == "a"
    assert node.jobs == {"loader-1": job}
    assert_clean(node)


@pytest.mark.parametrize("lose_answer", [False, True])
def test_cut_after_any_step_the_next_run_ends_clean(*, lose_answer: bool) -> None:
    """Forward to the new loader, or back to the old one: never with none in the end."""
    for steps in range(1, 60):
        fake = FakeNode()
        run(fake, plan("a"))
        fake.peers, fake.done, fake.lose_answer = [PEER], 0, lose_answer
        fake.cut_after = steps
        try:
            swap_in_place(fake)
        except UnreachableError:
            fake.reconnect()
            try:
                swap_in_place(fake)
            except RolledBackError:
                assert served(fake) == "a", steps
                swap_in_place(fake)
        else:
            assert steps > 15
            return
        assert served(fake) == "b", steps
        # A folder that was made without a journal yet is stray: `up` removes it.
        assert (list(fake.jobs), fake.journals) == ([f"loader-{fake.serial}"], []), steps
    pytest.fail("the swap never ended")
