"""`garnet down`."""

from __future__ import annotations

from typing import Annotated

import typer

from garnet_cli.actions import down as actions
from garnet_cli.actions import leases
from garnet_cli.cli.commands import invocation
from garnet_cli.cli.loading import load
from garnet_cli.cli.output import Output
from garnet_cli.errors import UsageError
from garnet_cli.fleet.connect import connected
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.parallel import for_each


def down(
    context: typer.Context,
    nodes: Annotated[list[str] | None, typer.Argument(help="Nodes; all of them if none is named.")] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    purge: Annotated[
        bool,
        typer.Option(
            "--purge", help="Also delete releases, artifacts, keys, telemetry and logs on the nodes."
        ),
    ] = False,
    discard_minutes: Annotated[
        bool, typer.Option("--discard-minutes", help="Purge minutes, too, that the store does not have.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be stopped.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Stop proxies, loaders and monitors; what is in flight is answered first.

    `garnet up` starts them again. The monitors end last and ship what they have; --purge stops before it
    deletes minutes that the store does not have.
    """
    call = invocation(context)
    output = call.output(as_json=as_json)
    inventory = load(call.inventory)
    entries = inventory.select(nodes)
    left: actions.MinutesLeft = {}
    with connected(inventory, entries) as connection:
        reached = connection.require_all()
        jobs = for_each(reached, lambda node: [job["name"] for job in node.ask("jobs")])
        rows = [(name, ", ".join(found) or "nothing runs") for name, found in jobs.items()]
        if not as_json:
            output.table(("node", "would stop" if dry_run else "stops"), rows)
        waiting = actions.minutes_left(reached) if purge else {}
        if waiting:
            output.note(f"{actions.describe(waiting)} that {_store(inventory)}")
        if not dry_run:
            if not yes:
                _ask(output, len(rows), purge=purge)
            leases.take(reached, "garnet down", any_deploy=purge)
            with output.progress() as progress:
                actions.stop(reached, leases.operator(), progress.step, purge=purge)
                left = actions.minutes_left(reached) if purge else {}
            if left and inventory.fleet.store is not None and not discard_minutes:
                if yes:
                    raise actions.refuse_loss(left)
                typer.confirm(
                    f"{actions.describe(left)} that {_store(inventory)}. Delete them?", abort=True, err=True
                )
            with output.progress() as progress:
                if purge:
                    actions.delete(reached, progress.step)
                for node in reached:
                    progress.done(node.name, "stopped and deleted" if purge else "stopped")
    if as_json:
        done = not dry_run
        output.json({"jobs": jobs, "done": done, "purged": purge and done, "minutes_lost": left})


def _ask(output: Output, nodes: int, *, purge: bool) -> None:
    if not output.stderr.isatty():
        raise UsageError("this would stop the fleet, and nobody is there to ask", remedy="add --yes")
    typer.confirm(f"Stop {nodes} nodes{' and delete all on them' if purge else ''}?", abort=True, err=True)


def _store(inventory: Inventory) -> str:
    return "the store does not have" if inventory.fleet.store else "no store has, since there is none"
