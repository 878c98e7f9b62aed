"""A week's sections on a terminal or in a pipe: wrapped lines, steps with their commands, tables."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence

from garnet_cli.cli.output import Output, clean
from garnet_cli.weekly.blocks import Block, Bullets, Section, Steps, Table, Text
from garnet_cli.weekly.contents import NextStep
from garnet_cli.weekly.markdown import NOTHING_TO_DO

PIPE_COLUMNS = 80
HARD_SPACE = "\u00a0"
MOST_COLUMNS = 100
"""Longer lines are hard to read."""


def show(output: Output, title: str, sections: Sequence[Section]) -> None:
    """Write sections to stdout, without the pieces that are details."""
    columns = _columns(output)
    output.line(clean(title))
    for section in sections:
        blocks = [block for block in section.blocks if not block.detail]
        if blocks:
            output.line()
        if blocks and section.title:
            output.line(clean(section.title).upper())
        for block in blocks:
            _block(output, block, columns)


def _block(output: Output, block: Block, columns: int) -> None:
    match block:
        case Text():
            _wrapped(output, block.text, columns)
        case Bullets():
            if block.title:
                _wrapped(output, block.title, columns)
            for item in block.items:
                _wrapped(output, item, columns, first="- ", rest="  ")
        case Table():
            output.table(block.columns, block.rows, block.title, block.left_out_first)
        case Steps():
            _steps(output, block.steps, columns)


def _steps(output: Output, steps: Sequence[NextStep], columns: int) -> None:
    if not steps:
        _wrapped(output, NOTHING_TO_DO, columns)
    for number, step in enumerate(steps, start=1):
        _wrapped(output, step.what, columns, first=f"{number}. ", rest="   ")
        for sentence in step.why:
            _wrapped(output, sentence, columns, first="   why: ", rest="        ")
        for command in step.commands:
            # Never wrapped: it is there to be copied.
            output.line(f"   $ {clean(command)}")


def _wrapped(output: Output, text: str, columns: int, *, first: str = "", rest: str = "") -> None:
    for line in textwrap.wrap(
        clean(text).replace(" %", f"{HARD_SPACE}%"),
        columns,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    ):
        output.line(line.replace(HARD_SPACE, " "))


def _columns(output: Output) -> int:
    if not output.stdout.isatty():
        return PIPE_COLUMNS
    return min(MOST_COLUMNS, shutil.get_terminal_size().columns)
