"""`garnet logs`."""

from __future__ import annotations

import threading
from typing import Annotated, Any

import typer

from garnet_cli.cli.commands import invocation
from garnet_cli.cli.loading import load
from garnet_cli.cli.output import Output, clean
from garnet_cli.errors import GarnetError
from garnet_cli.fleet.connect import connected
from garnet_cli.fleet.node import NodeHandle
from garnet_cli.fleet.parallel import for_each

CLOSED_HERE = "the channel was closed"
"""What a channel says that this program closed itself, as it does at Ctrl-C."""


def logs(
    context: typer.Context,
    nodes: Annotated[list[str] | None, typer.Argument(help="Nodes; all of them if none is named.")] = None,
    *,
    job: Annotated[list[str] | None, typer.Option(help="Only this job, such as proxy or loader-3.")] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Lines a job to begin with.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object a line.")] = False,
) -> None:
    """Show the logs of proxies and loaders. They hold no prompts and no completions."""
    import msgspec  # noqa: PLC0415 -- not for --help

    call = invocation(context)
    output = call.output(as_json=as_json)
    inventory = load(call.inventory)
    writing = threading.Lock()
    with connected(inventory, inventory.select(nodes)) as connection:
        others = len(connection.nodes) > 1

        def show(node: NodeHandle) -> None:
            def one(value: Any) -> None:
                with writing:
                    if as_json:
                        output.line(msgspec.json.encode({"node": node.name, **value}).decode())
                    else:
                        output.line(f"{node.name} {value['job']} | {clean(value['line'])}")

            try:
                node.ask("logs", progress=one, jobs=job, lines=lines, follow=follow)
            except GarnetError as error:
                if follow and others and error.message != CLOSED_HERE:
                    with writing:
                        _tell_lost(output, error)
                raise

        if follow and connection.nodes:
            for error in connection.errors.values():
                _tell_lost(output, error)
        for_each(connection.nodes, show)
        connection.require_all()


def _tell_lost(output: Output, error: GarnetError) -> None:
    """Say at once what the command would say at its end, which may be hours away."""
    output.warning(f"{error} (following the others)")
