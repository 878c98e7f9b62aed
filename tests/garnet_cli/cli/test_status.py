"""What `garnet status` writes."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from garnet_cli.actions.status import NodeStatus
from garnet_cli.cli.output import Output
from garnet_cli.cli.status import render, short_source
from garnet_cli.fleet.inventory_file import parse_inventory
from node_scripts.contracts import SCHEMA, JobStatus
from node_scripts.journals import SwapJournal
from tests.garnet_cli.judge.test_difference import ACTIVE, facts
from tests.garnet_cli.judge.test_down import proxy

TEXT = '[fleet]\nname = "f"\n[[nodes]]\nname = "one"\nhost = "h"\nroot = "/g"\n'


def written(one: NodeStatus, folder: Path) -> list[str]:
    """Return the lines below the table."""
    stdout = io.StringIO()
    output = Output(stdout=stdout, stderr=io.StringIO(), environment={})
    render(output, [one], parse_inventory(TEXT.encode(), folder / "fleet.toml"))
    return stdout.getvalue().splitlines()[2:]


@pytest.mark.parametrize(
    ("source", "short"),
    [
        ("org/llama@7f0dc925e0d0afb0322d96f9255cfddf2ba5636e", "llama@7f0dc925"),
        ("/models/the-llama/", "the-llama"),
        ("./llama@home", "llama@home"),
        ("0123456789abcdef", "0123456789abcdef"),
    ],
)
def test_a_source_is_its_last_part(source: str, short: str) -> None:
    """The table has no room for more; ``--json`` has it whole."""
    assert short_source(source) == short


def test_errors_stand_below_the_table_each_with_what_it_is_of(tmp_path: Path) -> None:
    """Of the node, the proxy, a loader, and of a job that does not stay up."""
    seen = proxy()
    loader = seen.slots[0].active
    assert loader is not None
    slot = replace(seen.slots[0], active=replace(loader, last_error="12:00:00 broke off\x1b[2J"))
    jobs = [*facts().jobs, JobStatus(name="proxy-r2", state="failed", detail="Exited too quickly")]
    one = NodeStatus(
        node="one", facts=facts(jobs=jobs), proxy=replace(seen, slots=[slot], last_error="12:00:01 no room")
    )
    lines = written(one, tmp_path)
    assert lines[:3] == [
        "one: the proxy's last error: 12:00:01 no room",
        "one: the last error of loader-1: 12:00:00 broke off?[2J",
        "one: proxy-r2 does not stay up: Exited too quickly; see `garnet logs one --job proxy-r2`",
    ]
    lost = NodeStatus(node="one", error="no route", unreachable=True)
    assert written(lost, tmp_path) == ["one: no route"]


def test_an_unfinished_swap_is_shown_with_the_whole_command(tmp_path: Path) -> None:
    """Without its ``--to`` it would be swapped back."""
    journal = SwapJournal(
        schema=SCHEMA,
        model="m",
        step="flip",
        old=ACTIVE,
        new=replace(ACTIVE, name="loader-2", source="./b"),
        who="me@desk",
        started="then",
        updated="then",
    )
    lines = written(NodeStatus(node="one", facts=facts(swaps=[journal]), proxy=proxy()), tmp_path)
    assert (
        "one: a swap of m by me@desk is unfinished since then; go on with `garnet swap one m --to ./b`,"
        " or undo it with `garnet swap one m --abort`"
    ) in lines
