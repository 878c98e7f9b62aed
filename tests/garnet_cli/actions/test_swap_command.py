"""What `garnet swap` looks at before it begins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from garnet_cli.actions.swap_command import going_on, require_one_proxy
from garnet_cli.errors import NodeError
from garnet_cli.fleet.inventory_file import parse_inventory
from node_scripts.contracts import SCHEMA, JobStatus
from node_scripts.journals import SwapJournal
from tests.garnet_cli.judge.test_difference import ACTIVE, facts

SOURCE = "org/llama@7f0dc925e0d0afb0322d96f9255cfddf2ba5636e"
TEXT = f"""\
[fleet]
name = "f"
[[nodes]]
name = "one"
host = "h"
root = "/g"
[models.m]
source = "{SOURCE}"
nodes = "all"
"""


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_no_loader_is_stopped_under_an_older_proxy(state: str) -> None:
    """It may still stream; supervisord calls one that is told to stop, and drains, stopped."""
    old = JobStatus(name="proxy-r0", state=state, pid=7)  # type: ignore[arg-type]
    node = facts(jobs=[old, *facts().jobs])
    with pytest.raises(NodeError, match=r"one: proxy-r0 of another release .*; run `garnet up one` first"):
        require_one_proxy("one", node)
    require_one_proxy("one", facts())


@pytest.mark.parametrize(
    ("source", "command"),
    [
        (SOURCE, "garnet swap one m"),
        ("", "garnet swap one m"),
        ("./next", "garnet swap one m --to ./next"),
        ("./the next", "garnet swap one m --to './the next'"),
    ],
)
def test_the_command_that_goes_on_names_what_the_inventory_does_not(
    source: str, command: str, tmp_path: Path
) -> None:
    """Without it the command would go on, and then swap back to what the inventory says."""
    journal = SwapJournal(
        schema=SCHEMA,
        model="m",
        step="flip",
        old=ACTIVE,
        new=replace(ACTIVE, name="loader-2", source=source),
        who="me",
        started="then",
        updated="then",
    )
    assert going_on("one", journal, parse_inventory(TEXT.encode(), tmp_path / "fleet.toml")) == command
