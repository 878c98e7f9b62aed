"""Write `docs/cli.md` from the commands' own help.

python -m garnet_cli.cli.reference > docs/cli.md
"""

from __future__ import annotations

import sys
from typing import Any

import typer

from garnet_cli.cli.commands import COMMANDS
from garnet_cli.cli.main import app

WIDTH = 100

HEAD = """\
# Commands

Data goes to stdout, progress to stderr. `--json` makes the answer one JSON document. Without a terminal
there is no colour and nothing asks: commands that would ask want `--yes`. In GitHub Actions, errors become
annotations and results a step summary.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | failed |
| 2 | the command line or the inventory is wrong; nothing was touched |
| 3 | failed and rolled back; the fleet serves as before |
| 4 | a node or the store does not answer |
| 5 | inconclusive: held, nothing was changed further |
| 130 | interrupted |
| 141 | whatever read the output has closed it |
"""


def markdown() -> str:
    """Return `docs/cli.md`: the help of `garnet`, of every command and of their commands."""
    group: Any = typer.main.get_command(app)
    top = group.make_context("garnet", [], resilient_parsing=True, **_sizes())
    parts = [HEAD, _section(top)]
    for verb in COMMANDS:
        command = group.get_command(top, verb)
        context = command.make_context(verb, [], parent=top, resilient_parsing=True, **_sizes())
        parts.append(_section(context))
        for name, inner in getattr(command, "commands", {}).items():
            parts.append(
                _section(inner.make_context(name, [], parent=context, resilient_parsing=True, **_sizes()))
            )
    return "\n".join(parts)


def _sizes() -> dict[str, int]:
    # Fixed, or the page would depend on the terminal that it was made in.
    return {"terminal_width": WIDTH, "max_content_width": WIDTH}


def _section(context: Any) -> str:
    return f"## `{context.command_path}`\n\n```\n{context.get_help()}\n```\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
