"""`garnet up`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from garnet_cli.actions import leases
from garnet_cli.actions.check import require_possible
from garnet_cli.actions.node_work import WorkSettings
from garnet_cli.actions.survey import FleetSurvey, look, survey
from garnet_cli.actions.up import apply
from garnet_cli.cli.commands import invocation
from garnet_cli.cli.loading import load, resolve_all
from garnet_cli.cli.output import Output, markdown_table
from garnet_cli.cli.seconds import of_seconds
from garnet_cli.errors import UsageError
from garnet_cli.fleet.connect import connected
from garnet_cli.fleet.release import build
from garnet_cli.fleet.secrets_file import OperatorSecrets


def up(
    context: typer.Context,
    nodes: Annotated[list[str] | None, typer.Argument(help="Nodes; all of them if none is named.")] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the difference and stop.")] = False,
    wheelhouse: Annotated[
        Path | None,
        typer.Option(help="A folder of wheels to push and install from, with no internet on the nodes."),
    ] = None,
    hub_endpoint: Annotated[
        str | None, typer.Option(envvar="HF_ENDPOINT", help="A mirror of the Hugging Face hub.")
    ] = None,
    ready_timeout: Annotated[float, of_seconds("Seconds a loader may take to answer.")] = 600.0,
    as_json: Annotated[bool, typer.Option("--json", help="Write what was done as JSON.")] = False,
) -> None:
    """Bring the fleet to the inventory: show what differs, ask, and do only that.

    Safe to run again after any interruption. Loaders that must change are swapped under traffic.
    Changes nothing where a node lacks room for it or another program has its port.
    """
    call = invocation(context)
    output = call.output(as_json=as_json)
    inventory = load(call.inventory)
    chosen = [entry.name for entry in inventory.select(nodes)]
    if wheelhouse is not None and not any(wheelhouse.glob("*.whl")):
        raise UsageError(f"{wheelhouse} holds no wheels", remedy="fill it with `pip download`")
    release = build()
    secrets = OperatorSecrets.read(inventory, os.environ)
    settings = WorkSettings(
        who=leases.operator(),
        secrets=secrets.told,
        wheelhouse=wheelhouse,
        hub_endpoint=hub_endpoint,
        ready_timeout_s=ready_timeout,
    )
    # Keys and the fleet secret live on the nodes, so all of them are looked at, whoever is changed.
    with connected(inventory, inventory.nodes) as connection:
        with output.progress() as progress:
            artifacts = resolve_all(inventory, progress)
            everyone = connection.nodes if nodes else connection.require_all()
            for name in chosen:
                connection.node(name)
            facts = look(everyone, inventory, list(artifacts.values()), secrets)
        fleet = survey(inventory, facts, release, artifacts, secrets, chosen)
        if not fleet.changes or dry_run:
            undone = {"changes": fleet.changes, "notes": fleet.notes, "done": False}
            output.report(undone, lambda out: render(out, fleet))
            return
        if not as_json:
            render(output, fleet)
        changed = list(dict.fromkeys(change.node for change in fleet.changes))
        require_possible(inventory, facts, artifacts, changed)
        if not yes:
            _ask(output, len(fleet.changes), len(changed))
        busy = [node for node in everyone if node.name in changed]
        leases.take(busy, "garnet up")
        with output.progress() as progress:
            facts = look(everyone, inventory, list(artifacts.values()), secrets)
            fleet = survey(inventory, facts, release, artifacts, secrets, chosen)
            result = apply(everyone, fleet, inventory, release, artifacts, settings, progress.step)
    document: dict[str, Any] = {"changes": fleet.changes, "notes": fleet.notes, "done": True}
    document["swaps"] = result.swaps
    document["removed"] = result.removed
    output.report(document, lambda out: _tell_done(out, len(fleet.changes), result.removed))
    output.summary("### garnet up\n\n" + markdown_table(("node", "what", "of"), _rows(fleet)))


def render(output: Output, fleet: FleetSurvey) -> None:
    """Write the difference, or that there is none."""
    if fleet.changes:
        output.table(("node", "what", "of", "detail"), [
            (change.node, change.kind, change.subject, change.detail or None) for change in fleet.changes
        ])  # fmt: skip
    else:
        output.line(f"nothing to do: {len(fleet.nodes)} nodes are as the inventory wants them")
    for note in fleet.notes:
        output.line(note)


def _tell_done(output: Output, changes: int, removed: Mapping[str, str]) -> None:
    output.line(f"done: {changes} changes")
    for node, what in removed.items():
        output.line(f"{node}: {what}")


def _rows(fleet: FleetSurvey) -> list[tuple[object, ...]]:
    return [(change.node, change.kind, change.subject) for change in fleet.changes]


def _ask(output: Output, changes: int, nodes: int) -> None:
    if not output.stderr.isatty():
        raise UsageError("this would change the fleet, and nobody is there to ask", remedy="add --yes")
    typer.confirm(f"Do these {changes} changes on {nodes} nodes?", abort=True, err=True)
