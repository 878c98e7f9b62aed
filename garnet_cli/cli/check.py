"""`garnet check`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from garnet_cli.actions.check import check as look
from garnet_cli.cli.commands import invocation
from garnet_cli.cli.loading import load, resolve_all
from garnet_cli.cli.output import Output
from garnet_cli.errors import GarnetError, UnreachableError
from garnet_cli.fleet.connect import connected
from garnet_cli.judge.checks import Check


def check(
    context: typer.Context,
    nodes: Annotated[list[str] | None, typer.Argument(help="Nodes; all of them if none is named.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Look whether every node can do what the inventory asks of it; changes nothing.

    Exits with 4 if a node or the store does not answer and with 1 if a check failed.
    """
    call = invocation(context)
    output = call.output(as_json=as_json)
    inventory = load(call.inventory)
    entries = inventory.select(nodes)
    with output.progress() as progress:
        artifacts = resolve_all(inventory, progress)
        with connected(inventory, entries) as connection:
            names = [entry.name for entry in entries]
            rows = look(inventory, names, connection.nodes, connection.errors, artifacts, os.environ)
    output.report(rows, lambda out: render(out, rows))
    failed = [row for row in rows if row.verdict == "failed"]
    if any(row.name in {"reachable", "host key"} for row in failed):
        lost = sorted({row.node for row in failed if row.name in {"reachable", "host key"}})
        raise UnreachableError(f"not reached: {', '.join(lost)}", remedy="see the table's remedies")
    if failed:
        raise GarnetError(f"{len(failed)} checks failed", remedy="see the table's remedies")


def render(output: Output, rows: list[Check]) -> None:
    """Write one table for the fleet."""
    columns = ("node", "check", "verdict", "found", "remedy")
    output.table(columns, [(row.node, row.name, row.verdict, row.detail, row.remedy or None) for row in rows])
