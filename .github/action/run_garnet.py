# ruff: noqa: INP001 -- a script of the action, in no package
"""Run one garnet command for the GitHub action and tell its exit code as outputs of the step.

The command runs in this very process: what the runner sends to a cancelled step (SIGINT, then SIGTERM)
reaches it as Ctrl-C does in a terminal.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from garnet_cli.cli import entry

OUTCOMES = {
    0: "done",
    1: "failed",
    2: "usage",
    3: "rolled-back",
    4: "unreachable",
    5: "held",
    130: "interrupted",
}
USAGE = 2


def main(environ: Mapping[str, str]) -> int:
    """Run the command that ``GARNET_COMMAND`` holds, write the step's outputs and return the exit code."""
    try:
        arguments = shlex.split(environ["GARNET_COMMAND"])
    except ValueError as error:
        sys.stderr.write(f"::error title=garnet::the input `command` cannot be read: {error}\n")
        code = USAGE
    else:
        code = run(arguments)
    with Path(environ["GITHUB_OUTPUT"]).open("a") as outputs:
        outputs.write(f"exit-code={code}\noutcome={OUTCOMES.get(code, 'failed')}\n")
    return code


def run(arguments: list[str]) -> int:
    """Run ``garnet`` with ``arguments`` and return its exit code."""
    sys.argv = ["garnet", *arguments]
    try:
        entry.main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
