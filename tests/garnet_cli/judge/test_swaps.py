"""Swaps as their events tell them."""

from __future__ import annotations

from garnet_cli.judge.swaps import swaps_of
from node_scripts.records import Event


def event(time_unix: float, action: str, model: str = "llama", node: str = "mini-1") -> Event:
    """Return an event of a swap."""
    return Event(
        id=f"{int(time_unix):016x}-0",
        time_unix=time_unix,
        fleet="rack",
        node=node,
        kind="swap",
        subject=model,
        action=action,
        who="ann@desk",
        detail={"to": "org/new"},
    )


def test_window_is_from_start_to_flip() -> None:
    """In whatever order the events come; another model's and node's are apart."""
    told = [event(170, "done"), event(100, "start"), event(140, "flip"), event(120, "flip", node="mini-2")]
    [swap] = swaps_of(told)
    assert (swap.window_s, swap.end_unix, swap.outcome, swap.source) == (40, 170, "done", "org/new")


def test_undone_and_unfinished_swaps() -> None:
    """One that never flipped has no window."""
    undone, unfinished = swaps_of([event(1, "start"), event(5, "undo"), event(9, "start")])
    assert (undone.outcome, undone.window_s) == ("undone", None)
    assert (unfinished.outcome, unfinished.end_unix) == ("unfinished", None)


def test_rest_of_a_swap_that_began_before_the_window_is_left_out() -> None:
    """Its begin is not known."""
    assert swaps_of([event(1, "flip"), event(2, "done")]) == []
