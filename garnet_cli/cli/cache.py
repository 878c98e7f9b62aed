"""`garnet cache`."""

from __future__ import annotations

from typing import Annotated

import typer

from garnet_cli.actions import leases
from garnet_cli.actions.cache import Purge
from garnet_cli.actions.cache import purge as run_purge
from garnet_cli.cli.commands import invocation
from garnet_cli.cli.loading import load
from garnet_cli.cli.output import Output, markdown_table
from garnet_cli.errors import UsageError
from garnet_cli.fleet.connect import connected

COLUMNS = ("loader", "sequences", "MB", "in flight")

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Purge the prompt (KV) cache of a node's loader.",
)


@app.callback()
def group() -> None:
    """Keep `purge` a word of its own where it is the only one."""


@app.command()
def purge(
    context: typer.Context,
    node: Annotated[str, typer.Argument(help="The node.")],
    model: Annotated[str, typer.Argument(help="The model whose prompt cache is emptied there.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it holds and stop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write the answer as JSON.")] = False,
) -> None:
    """Empty the prompt cache of a model's loader on one node, under traffic: no request fails.

    Requests in flight run to their end; nothing that began before is kept. The next prompts are slower,
    for they are read anew. Safe to run twice.
    """
    call = invocation(context)
    output = call.output(as_json=as_json)
    inventory = load(call.inventory)
    entry, wanted = inventory.node(node), inventory.model(model)
    if node not in wanted.nodes:
        raise UsageError(
            f"{model} is not on {node} by the inventory", remedy=f"it is on {', '.join(wanted.nodes)}"
        )
    with connected(inventory, [entry]) as connection:
        handle = connection.node(node)
        with output.progress() as progress:
            if not dry_run:
                leases.take([handle], f"garnet cache purge {node} {model}")
            done = run_purge(
                handle,
                model,
                leases.operator(),
                lambda message: progress.step(node, message),
                dry_run=dry_run,
            )
            progress.done(node, "nothing was changed" if dry_run else f"{model}'s prompt cache is empty")
    output.report(done, lambda out: render(out, done))
    if not dry_run:
        output.summary(f"### garnet cache purge {node} {model}\n\n" + markdown_table(COLUMNS, _rows(done)))


def render(output: Output, done: Purge) -> None:
    """Write what was purged, or would be, for people."""
    output.table(
        COLUMNS, _rows(done), f"{done.node}: {'purged' if done.done else 'would purge'} {done.model}"
    )


def _rows(done: Purge) -> list[tuple[object, ...]]:
    return [
        (
            one.loader,
            one.sequences,
            None if one.size_bytes is None else f"{one.size_bytes / 1e6:.1f}",
            one.in_flight,
        )
        for one in done.loaders
    ]
