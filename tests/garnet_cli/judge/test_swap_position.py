"""Where an interrupted swap goes on."""

from __future__ import annotations

import pytest

from garnet_cli.judge.swap_position import position
from node_scripts.contracts import SCHEMA, LoaderSpec, Slot
from node_scripts.journals import SwapJournal, SwapStep


def spec(name: str) -> LoaderSpec:
    """Return a loader called ``name``."""
    return LoaderSpec(name=name, model="m", artifact=name, runtime="r", http_socket="h", stats_socket="s")


OLD, NEW = spec("loader-1"), spec("loader-2")


def journal(step: SwapStep) -> SwapJournal:
    """Return a journal whose last step done is ``step``."""
    return SwapJournal(
        schema=SCHEMA, model="m", step=step, old=OLD, new=NEW, who="me", started="then", updated="then"
    )


BEFORE = Slot(model="m", active=OLD, next=NEW)
AFTER = Slot(model="m", active=NEW, previous=OLD)
BOTH = {"loader-1", "loader-2"}


@pytest.mark.parametrize(
    ("step", "slot", "jobs", "expected"),
    [
        ("plan", BEFORE, BOTH, "start"),
        ("start", BEFORE, BOTH, "start"),
        ("test", BEFORE, BOTH, "start"),
        ("test", AFTER, BOTH, "drain"),
        ("flip", AFTER, BOTH, "drain"),
        ("flip", BEFORE, BOTH, "undo"),
        ("drain", AFTER, BOTH, "drain"),
        ("watch", AFTER, BOTH, "stop"),
        ("stop", AFTER, {"loader-2"}, "stop"),
        ("flip", AFTER, {"loader-2"}, "stop"),
        ("undo", AFTER, BOTH, "undo"),
        ("undo", BEFORE, BOTH, "undo"),
        ("plan", None, set(), "start"),
    ],
)
def test_an_interrupted_swap_goes_on_where_the_slot_says(
    step: SwapStep, slot: Slot | None, jobs: set[str], expected: str
) -> None:
    """The slot is right where it and the journal differ."""
    assert position(journal(step), slot, jobs) == expected
