"""What the placement's and the eviction log's sections show, and leave to their files."""

from __future__ import annotations

from dataclasses import replace

import pytest

from garnet_cli.judge.placement_diff import PlacementDiff
from garnet_cli.weekly.blocks import Bullets, Section, Table, Text
from garnet_cli.weekly.eviction_sections import eviction_rows, eviction_sections
from garnet_cli.weekly.placement_sections import placement_rows, placement_sections
from tests.garnet_cli.weekly.made import CACHE, evicted, log, move, placement


def table(section: Section, title: str) -> Table:
    """Return the table whose title begins so."""
    return next(one for one in section.blocks if isinstance(one, Table) and one.title.startswith(title))


def first_text(section: Section) -> str:
    """Return the section's first sentence."""
    first = section.blocks[0]
    assert isinstance(first, Text)
    return first.text


def test_a_placement_that_stays_says_so_and_shows_nodes_as_they_are() -> None:
    """No arrows, no marks, no list of changes."""
    diff = placement()
    load = replace(diff.nodes[0], models=diff.nodes[0].models_today, throttle_share=None)
    section = placement_sections(replace(diff, nodes=(load,)))[0]
    assert first_text(section) == "The placement stays as it is: no better placement exists."
    found = table(section, "Busiest hours")
    assert found.columns == ("node", "models", "busy", "1 lost", "throttled")
    assert found.rows == (("mini-1", "llama, qwen", "90 %", "140 %", None),)


def test_a_change_marks_what_comes_and_goes() -> None:
    """With busy shares of today and then."""
    section = placement_sections(placement(move("qwen")))[0]
    assert table(section, "Busiest hours, today -> then").rows == (
        ("mini-1", "llama, -qwen", "90 -> 50 %", "140 -> 80 %", "6.0 %"),
    )


@pytest.mark.parametrize(("moves", "detail"), [(3, True), (4, False)])
def test_reasons_that_the_steps_have_said_are_left_to_the_file(moves: int, detail: bool) -> None:  # noqa: FBT001
    """A step says three of them; where there are more, the list has them all."""
    section = placement_sections(placement(*(move(f"m{number}") for number in range(moves))))[0]
    listed = next(one for one in section.blocks if isinstance(one, Bullets))
    assert (len(listed.items), listed.detail) == (moves, detail)


def test_rows_have_moves_and_cache_changes() -> None:
    """Cache sizes in GB."""
    diff = placement(move("qwen"), caches=(CACHE,))
    assert placement_rows(diff) == [
        ("move", "qwen", "mini-1", "mini-2", "throttle", 40.0, "mini-1 throttles 6.0 % of its busy time."),
        ("cache_gb", "qwen", 2.0, 6.0, "cache", "", "Its hit rate is 12 % with long prompts."),
    ]


def test_a_method_that_is_not_exact_says_why() -> None:
    """The reader is told that a better one may exist."""
    diff: PlacementDiff = replace(placement(move("a")), method="greedy", method_note="highspy is not here")
    assert first_text(placement_sections(diff)[0]).endswith(
        "found step by step, a better one may exist (highspy is not here)."
    )


def test_evictions_show_the_verdict_and_the_rule() -> None:
    """With the time in the fleet's zone; what is unknown is a dash."""
    entries = (evicted("qwen"), replace(evicted("llama", what="cache", justified=None), size_bytes=None))
    section = eviction_sections(replace(log(*entries), left_out=2), "Europe/Berlin")[0]
    assert first_text(section) == "3 models left a node, 3 sequences left a prompt cache."
    assert table(section, "").rows == (
        ("model", "mini-1", "qwen", "3", "2.0 GB", "placement bug", "loaded again"),
        ("cache", "mini-1", "llama", "3", None, "unclear", "hits fell"),
    )
    assert Text(text="2 smaller entries left out.") in section.blocks
    first = eviction_rows(log(*entries), "Europe/Berlin")[0]
    assert first[:5] == ("model", "mini-1", "qwen", "Wed 18 Nov 2026 12:06 CET", 3)


def test_a_week_without_evictions_has_no_empty_table() -> None:
    """And says when no loader tells."""
    section = eviction_sections(replace(log(), cache_evictions=None), "UTC")[0]
    assert not any(isinstance(one, Table) for one in section.blocks)
    assert "no loader tells how many sequences" in first_text(section)
