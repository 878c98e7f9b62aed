"""The commands, by one table: `garnet --help` reads it and imports none of them."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from garnet_cli.cli.output import Output

COMMANDS: dict[str, str] = {
    "init": "Write an inventory and record its nodes' host keys.",
    "check": "Look whether every node can do what the inventory asks of it.",
    "up": "Bring the fleet to the inventory.",
    "status": "Show nodes, loaders and slots as they are.",
    "top": "Watch nodes, models, throttling and alerts as they are now.",
    "dashboard": "Make a web page of the fleet's telemetry: one file that needs nothing else.",
    "chat": "Ask the fleet a question.",
    "deploy": "Bring the fleet to the inventory behind a canary that takes itself back.",
    "swap": "Replace a model's loader on a node under traffic.",
    "cache": "Purge the prompt (KV) cache of a node's loader.",
    "logs": "Show the logs of proxies and loaders.",
    "keys": "Add, list and revoke the keys of clients.",
    "alerts": "List, test and silence alerts; watch for nodes that have fallen silent.",
    "incidents": "List incidents and note their causes.",
    "report": "Make the monthly report for the leadership, and send it.",
    "telemetry": "Compact, query, follow and export what nodes have shipped.",
    "weekly": "Say what a week was like and what to do next: placement, costs, evictions.",
    "store": "Check the store that keeps telemetry, and copy stores.",
    "down": "Stop proxies and loaders.",
    "demo": "Run a fleet on this machine and swap its model under traffic.",
}
"""Verb and help line. The verb's function of the same name lies in `garnet_cli/cli/<verb>.py`."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """The options that stand before the command."""

    inventory: Path
    debug: bool

    def output(self, *, as_json: bool = False) -> Output:
        """Return where the command writes."""
        return Output.of_process(as_json=as_json)


def invocation(context: typer.Context) -> Invocation:
    """Return the options before the command, from within a command."""
    found = context.find_object(Invocation)
    if found is None:
        raise LookupError("a command was called without garnet's own options")
    return found


def load_command(verb: str) -> Any:
    """Import a verb's module and return its Typer command.

    The module has a function named as the verb, or, for a verb with sub-commands, a Typer ``app``.
    """
    module = importlib.import_module(f"garnet_cli.cli.{verb}")
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(verb, help=None)(getattr(module, verb))
    command = typer.main.get_command(app)
    command.name = verb
    return command


class LazyGroup(TyperGroup):
    """A group whose commands are imported when they are run or their help is asked."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 -- Typer's signature
        """Return the verbs in the table's order: the order in which a fleet comes to life."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 -- likewise
        """Return one command, or ``None`` for an unknown verb."""
        return load_command(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 -- likewise
        """Write the table's help lines, importing nothing."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))
