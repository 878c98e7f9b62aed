"""Sections as Markdown and on a terminal."""

from __future__ import annotations

import io

import pytest

from garnet_cli.cli.output import Output
from garnet_cli.cli.weekly_screen import show
from garnet_cli.weekly.blocks import (
    Bullets,
    Section,
    Steps,
    Table,
    Text,
    change,
    count,
    dollars,
    millions,
    price,
    size,
)
from garnet_cli.weekly.contents import NextStep
from garnet_cli.weekly.markdown import NOTHING_TO_DO, markdown

STEP = NextStep(
    what="Purge the prompt cache of llama_3 on mini-1",
    why=("It costs x2.1: " + "its prompt cache misses " * 6,),
    commands=("garnet cache purge mini-1 llama_3",),
    part="cost",
)
SECTIONS = [
    Section(title="", blocks=[Text(text="The data are complete.")]),
    Section(title="What to do next", blocks=[Steps(steps=(STEP,))]),
    Section(
        title="Cost diff",
        blocks=[
            Table(columns=("model", "$/M"), rows=(("a|b", "$1.20"), ("c", None)), numbers=frozenset({"$/M"})),
            Bullets(items=("one", "two"), title="Why:"),
            Text(text="only in files", detail=True),
        ],
    ),
]


def shown() -> str:
    """Return the sections as a pipe gets them."""
    stream = io.StringIO()
    show(Output(stdout=stream, stderr=io.StringIO(), environment={}), "Week 2026-W47", SECTIONS)
    return stream.getvalue()


def test_markdown_shows_words_as_they_are() -> None:
    """Neither a name's underscore nor a bar in a cell is taken for markup; unknown cells are a dash."""
    text = markdown("Week 2026-W47", SECTIONS)
    assert "1. **Purge the prompt cache of llama\\_3 on mini-1**" in text
    assert "   garnet cache purge mini-1 llama_3\n" in text
    assert "| a\\|b | $1.20 |\n| c | - |" in text
    assert "| model | $/M |\n| --- | ---: |" in text
    assert text.startswith("# Week 2026-W47\n\nThe data are complete.\n\n## What to do next\n")
    assert text.endswith("only in files\n")


def test_a_pipe_gets_lines_of_eighty_and_no_details() -> None:
    """A command is never broken: it is there to be copied."""
    text = shown()
    assert max(map(len, text.splitlines())) <= 80
    assert "   $ garnet cache purge mini-1 llama_3\n" in text
    assert "   why: It costs x2.1" in text
    assert "only in files" not in text


def test_with_nothing_to_do_both_say_so() -> None:
    """An empty list would leave the reader to wonder."""
    assert NOTHING_TO_DO in markdown("W", [Section(title="", blocks=[Steps(steps=())])])
    stream = io.StringIO()
    output = Output(stdout=stream, stderr=io.StringIO(), environment={})
    show(output, "W", [Section(title="", blocks=[Steps(steps=())])])
    assert NOTHING_TO_DO in stream.getvalue()


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (dollars(1_234_567_890), "$1,234.57"),
        (dollars(-5_000_000), "-$5.00"),
        (dollars(-1), "$0.00"),
        (price(1234.5), "$1,234.50"),
        (price(0.01234), "$0.0123"),
        (price(None), None),
        (millions(999_999), "999,999"),
        (millions(12_345_678), "12.3 M"),
        (change(2.0), "x2.0"),
        (change(1.456), "+46 %"),
        (change(0.5), "-50 %"),
        (change(1.001), "0 %"),
        (change(None), None),
        (size(1_500_000_000), "1.5 GB"),
        (size(None), None),
        (count(1, "move"), "1 move"),
        (count(2, "entry", "entries"), "2 entries"),
    ],
)
def test_figures_are_as_people_write_them(made: str | None, text: str | None) -> None:
    """Units, signs and digits."""
    assert made == text
