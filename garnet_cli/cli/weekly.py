"""`garnet weekly`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from garnet_cli.actions import leases
from garnet_cli.cli.commands import invocation
from garnet_cli.cli.loading import load
from garnet_cli.cli.output import Output
from garnet_cli.errors import GarnetError, UsageError

if TYPE_CHECKING:
    from garnet_cli.fleet.inventory import Inventory
    from garnet_cli.weekly.contents import Weekly
    from node_scripts.store.objects import ObjectStore


def weekly(
    context: typer.Context,
    *,
    week: Annotated[
        str | None,
        typer.Option(help='ISO week such as 2026-W47, or "current"; the last complete one if not given.'),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the files here, too.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write the placement to the inventory.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before --apply writes.")] = False,
    no_send: Annotated[bool, typer.Option("--no-send", help="Send no summary.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write and send nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write all of it as JSON.")] = False,
) -> None:
    """Say what a week was like and what to do next: placement diff, cost diff, eviction log.

    Reads the store; asks no node. Weeks are ISO weeks in the time zone of [fleet]. Each artifact goes into
    the store under weekly/WEEK/ as Markdown, JSON and CSV, and a summary to the alerts route. Safe to run
    again: the files are replaced. --apply changes the inventory only; `garnet deploy` brings it to the fleet.
    """
    from garnet_cli.actions import weekly as actions  # noqa: PLC0415 -- duckdb is loaded where it is used
    from garnet_cli.store.connect import open_store, store_errors  # noqa: PLC0415 -- boto3, likewise
    from garnet_cli.store.weeks import chosen_week  # noqa: PLC0415 -- likewise

    call = invocation(context)
    output = call.output(as_json=as_json)
    if apply and not yes and not dry_run and (as_json or not output.stderr.isatty()):
        raise UsageError("--apply would change the inventory, and nobody is there to ask", remedy="add --yes")
    inventory = load(call.inventory)
    now_unix = time.time()
    chosen = chosen_week(week, inventory.fleet.timezone, now_unix)
    with store_errors(), output.progress() as progress:
        store = open_store(inventory)
        found = actions.weekly(
            store, inventory, chosen, now_unix, os.environ, lambda message: progress.step("weekly", message)
        )
        progress.done("weekly", f"week {chosen.name} is judged")
    if not as_json:
        _render(output, found)
    places = [] if dry_run else _write(output, store, inventory, found, out)
    outcomes = [] if dry_run or no_send else _send(output, inventory, found, now_unix)
    edit = _apply(output, inventory, found, yes=yes, dry_run=dry_run) if apply else None
    if as_json:
        applied = {} if edit is None else {"applied": edit}
        output.json({**found.as_json(), "files": places, "sent": outcomes, **applied})
    failed = [f"URL {one.number} ({one.service or 'unknown'}): {one.why}" for one in outcomes if not one.ok]
    if failed:
        raise GarnetError(
            f"the summary was not taken by {'; '.join(failed)}",
            remedy="the files are written; try the route with `garnet alerts test --here`",
        )


def _render(output: Output, found: Weekly) -> None:
    from garnet_cli.cli.weekly_screen import show  # noqa: PLC0415 -- not for --help
    from garnet_cli.weekly.artifacts import headline, sections  # noqa: PLC0415 -- likewise

    show(output, headline(found), sections(found))


def _write(
    output: Output, store: ObjectStore, inventory: Inventory, found: Weekly, out: Path | None
) -> list[str]:
    from garnet_cli.actions import weekly as actions  # noqa: PLC0415 -- see weekly
    from garnet_cli.store.connect import store_errors  # noqa: PLC0415 -- likewise
    from garnet_cli.weekly.artifacts import artifacts, summary_markdown  # noqa: PLC0415 -- likewise

    files = artifacts(found)
    places = []
    if out is not None:
        places += [str(path) for path in actions.save(files, out.expanduser(), found.week)]
        output.note(f"wrote {len(files)} files to {out / found.week.name}")
    with store_errors():
        places += actions.publish(store, inventory.fleet.name, found.week, files)
    output.note(f"put {len(files)} files into the store under weekly/{found.week.name}/")
    output.summary(summary_markdown(found))
    return places


def _send(output: Output, inventory: Inventory, found: Weekly, now_unix: float) -> list[Any]:
    from garnet_cli.actions import weekly as actions  # noqa: PLC0415 -- see weekly

    outcomes = actions.send(found, inventory, os.environ, leases.operator(), now_unix)
    if outcomes:
        taken = sum(one.ok for one in outcomes)
        output.note(f"the summary was taken by {taken} of {len(outcomes)} URLs of route {actions.ROUTE}")
    else:
        output.note("no summary was sent: route alerts has no URL here; set GARNET_ROUTE_ALERTS")
    return outcomes


def _apply(
    output: Output, inventory: Inventory, found: Weekly, *, yes: bool, dry_run: bool
) -> dict[str, Any] | None:
    """Show what the inventory would become, ask, write it; return what was done."""
    from garnet_cli.fleet.inventory_edit import edited_inventory, write_edit  # noqa: PLC0415 -- tomlkit

    edit = edited_inventory(inventory, found.placement.placement, found.placement.cache_gb)
    if not edit.changes:
        output.note("the inventory stays as it is: it has the best placement already")
        return {"changed": False, "diff": ""}
    for line in edit.diff.splitlines():
        output.note(line)
    if dry_run:
        output.note(f"{inventory.path} was not changed")
        return {"changed": False, "diff": edit.diff}
    if not yes:
        typer.confirm(f"Write this to {inventory.path}?", abort=True, err=True)
    write_edit(edit)
    output.note(f"wrote {inventory.path}; bring it to the fleet with `garnet deploy`")
    return {"changed": True, "diff": edit.diff}
