"""What every part of the document is drawn from: the report, its words, its number formats, its form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from garnet_cli.report.blocks import Paragraph, Section, Subsection
from garnet_cli.report.contents import MonthReport
from garnet_cli.report.layout import Block
from garnet_cli.report.shown import Shown
from garnet_cli.report.style import NOTE, Form
from garnet_cli.report.words import Words

SECTION_BEFORE_PT = 34.0
SUBSECTION_BEFORE_PT = 18.0
NEAR_PT = 8.0


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """One report about to be drawn."""

    report: MonthReport
    words: Words
    shown: Shown
    form: Form


def section(title: str, says: str = "") -> list[Block]:
    """Return a section's heading with its first sentences."""
    blocks: list[Block] = [Section(title=title, before_pt=SECTION_BEFORE_PT, keep_with_next=True)]
    if says:
        blocks.append(Paragraph(text=says, before_pt=2.0, keep_with_next=True))
    return blocks


def subsection(title: str, aside: str = "") -> Subsection:
    """Return a heading within a section, which stays with what follows."""
    return Subsection(title=title, aside=aside, before_pt=SUBSECTION_BEFORE_PT, keep_with_next=True)


def note(text: str) -> Paragraph:
    """Return a remark in small print."""
    return Paragraph(text=text, style=NOTE, before_pt=NEAR_PT)


def joined(blocks: Sequence[Block | None]) -> list[Block]:
    """Return the blocks that there are."""
    return [block for block in blocks if block is not None]
