"""`garnet down`."""

from __future__ import annotations

from typing import Annotated

import typer

from garnet_cli.actions import leases
from garnet_cli.cli.commands import invocation
from garnet_cli.cli.loading import load
from garnet_cli.errors import UsageError
from garnet_cli.fleet.connect import connected
from garnet_cli.fleet.node import NodeHandle
from garnet_cli.fleet.parallel import for_each


def down(
    context: typer.Context,
    nodes: Annotated[list[str] | None, typer.Argument(help="Nodes; all of them if none is named.")] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    purge: Annotated[
        bool, typer.Option("--purge", help="Also delete releases, artifacts, keys and logs on the nodes.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be stopped.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Stop proxies and loaders; what is in flight is answered first. `garnet up` starts them again."""
    call = invocation(context)
    output = call.output(as_json=as_json)
    inventory = load(call.inventory)
    entries = inventory.select(nodes)
    with connected(inventory, entries) as connection:
        reached = connection.require_all()
        jobs = for_each(reached, lambda node: [job["name"] for job in node.ask("jobs")])
        rows = [(name, ", ".join(found) or "nothing runs") for name, found in jobs.items()]
        if not as_json:
            output.table(("node", "would stop" if dry_run else "stops"), rows)
        if not dry_run:
            if not yes:
                if not output.stderr.isatty():
                    raise UsageError(
                        "this would stop the fleet, and nobody is there to ask", remedy="add --yes"
                    )
                typer.confirm(
                    f"Stop {len(rows)} nodes{' and delete all on them' if purge else ''}?",
                    abort=True,
                    err=True,
                )
            leases.take(reached, "garnet down")
            with output.progress() as progress:

                def stop(node: NodeHandle) -> None:
                    progress.step(node.name, "stopping")
                    node.ask("stop_all", purge=purge)
                    progress.done(node.name, "stopped")

                for_each(reached, stop)
    if as_json:
        output.json({"jobs": jobs, "done": not dry_run, "purged": purge and not dry_run})
