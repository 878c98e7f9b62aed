"""`garnet swap`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from garnet_cli.actions import leases
from garnet_cli.actions.swap_command import SwapSettings
from garnet_cli.actions.swap_command import abort as abort_swap
from garnet_cli.actions.swap_command import swap as run_swap
from garnet_cli.cli.commands import invocation
from garnet_cli.cli.loading import load
from garnet_cli.cli.output import Output, markdown_table
from garnet_cli.cli.seconds import of_seconds
from garnet_cli.errors import UsageError
from garnet_cli.fleet.connect import connected
from garnet_cli.fleet.release import build
from garnet_cli.fleet.source import check_folder, parse_source


def swap(  # noqa: PLR0913 -- each is an option of the command
    context: typer.Context,
    node: Annotated[str, typer.Argument(help="The node.")],
    model: Annotated[str, typer.Argument(help="The model whose loader is replaced.")],
    *,
    to: Annotated[
        str | None,
        typer.Option(help="org/repo@commit or a folder; the inventory's source if not given."),
    ] = None,
    abort: Annotated[bool, typer.Option("--abort", help="Undo an unfinished swap.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done and stop.")] = False,
    watch: Annotated[float, of_seconds("Seconds to watch the new loader before the old one goes.")] = 15.0,
    drain_timeout: Annotated[float, of_seconds("Seconds to wait for requests in flight.")] = 600.0,
    ready_timeout: Annotated[float, of_seconds("Seconds the new loader may take to answer.")] = 600.0,
    hub_endpoint: Annotated[
        str | None, typer.Option(envvar="HF_ENDPOINT", help="A mirror of the Hugging Face hub.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write the summary as JSON.")] = False,
) -> None:
    """Replace a model's loader on one node under traffic: no request fails, none is cut.

    Starts the next loader, tests it within the latency budget, flips, drains the old one, watches, and
    stops it. Run it again after an interruption to go on. Exits with 3 if it was undone.
    """
    call = invocation(context)
    output = call.output(as_json=as_json)
    inventory = load(call.inventory)
    entry, wanted = inventory.node(node), inventory.model(model)
    if node not in wanted.nodes:
        raise UsageError(
            f"{model} is not on {node} by the inventory", remedy=f"it is on {', '.join(wanted.nodes)}"
        )
    source = wanted.source
    if to is not None:
        try:
            source = parse_source(to, Path.cwd())
            check_folder(source)
        except UsageError as error:
            raise UsageError(f"--to {error.message}") from error
    settings = SwapSettings(
        watch_s=watch, drain_timeout_s=drain_timeout, ready_timeout_s=ready_timeout, hub_endpoint=hub_endpoint
    )
    with connected(inventory, [entry]) as connection:
        handle = connection.node(node)
        with output.progress() as progress:

            def report(message: str) -> None:
                progress.step(node, message)

            if not dry_run:
                leases.take([handle], f"garnet swap {node} {model}")
            if abort:
                done = abort_swap(handle, inventory, model, settings, report, dry_run=dry_run)
                progress.done(node, done)
                output.report({"node": node, "model": model, "aborted": done}, lambda out: out.line(done))
                return
            result = run_swap(handle, inventory, wanted, source, build(), settings, report, dry_run=dry_run)
            progress.done(node, "nothing was changed" if dry_run else f"{model} swapped")
    output.report(result, lambda out: render(out, result))
    if not dry_run:
        output.summary(
            f"### garnet swap {node} {model}\n\n" + markdown_table(("step", "seconds"), _steps(result))
        )
    if to is not None and source != wanted.source and not dry_run:
        output.note(
            f'the inventory still has source = "{wanted.source.text}": `garnet up` would swap back to it'
        )


def render(output: Output, result: dict[str, Any]) -> None:
    """Write the summary for people."""
    if "plan" in result:
        for line in result["plan"]:
            output.line(line)
        return
    old, new = result["old"], result["new"]
    before = f"{old['source']} ({old['name']})" if old else "nothing"
    where = f"{result['node']}: {result['model']}"
    output.line(f"{where} is served from {new['source']} ({new['name']}), before from {before}")
    output.line("  ".join(f"{step} {seconds:.2f} s" for step, seconds in result["seconds"].items()))
    if result["test_p99_ms"] is not None:
        watched = f"{result['served_while_watched']} requests served while watched"
        output.line(f"test prompts p99 {result['test_p99_ms']:.0f} ms, {watched}")


def _steps(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [(step, f"{seconds:.2f}") for step, seconds in result["seconds"].items()]
