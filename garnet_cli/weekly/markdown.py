"""An artifact's sections as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from garnet_cli.weekly.blocks import Block, Bullets, Section, Steps, Table, Text
from garnet_cli.weekly.contents import NextStep

NOTHING = "-"
NOTHING_TO_DO = "Nothing: no price doubled, the placement stays, no eviction was a mistake."
SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\*_`<[]|"})


def markdown(title: str, sections: Sequence[Section]) -> str:
    """Return a document, one heading a section; a section without a title goes on below the heading."""
    lines = [f"# {escape(title)}", ""]
    for section in sections:
        if section.title:
            lines += [f"## {escape(section.title)}", ""]
        for block in section.blocks:
            lines += [*_lines(block), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def escape(text: str) -> str:
    """Return plain text as Markdown that shows it as it is, in one line."""
    return " ".join(text.split()).translate(SPECIAL)


def _lines(block: Block) -> list[str]:
    match block:
        case Text():
            return [escape(block.text)]
        case Bullets():
            items = [f"- {escape(item)}" for item in block.items]
            return [escape(block.title), "", *items] if block.title else items
        case Table():
            table = _table(block)
            return [f"**{escape(block.title)}**", "", *table] if block.title else table
        case Steps():
            return _steps(block.steps)


def _table(table: Table) -> list[str]:
    rules = ["---:" if name in table.numbers else "---" for name in table.columns]
    return [
        _row([escape(name) for name in table.columns]),
        _row(rules),
        *(_row([NOTHING if cell is None else escape(cell) for cell in row]) for row in table.rows),
    ]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _steps(steps: Sequence[NextStep]) -> list[str]:
    if not steps:
        return [NOTHING_TO_DO]
    lines = []
    for number, step in enumerate(steps, start=1):
        lines.append(f"{number}. **{escape(step.what)}**")
        lines += [f"   - {escape(sentence)}" for sentence in step.why]
        if step.commands:
            lines += ["", "   ```sh", *(f"   {command}" for command in step.commands), "   ```"]
    return lines
