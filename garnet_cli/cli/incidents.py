"""`garnet incidents`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from garnet_cli.actions import incidents as actions
from garnet_cli.actions import leases
from garnet_cli.cli.commands import Invocation, invocation
from garnet_cli.cli.output import Output
from garnet_cli.fleet.inventory_file import load_inventory
from garnet_cli.judge.incidents import Incident
from garnet_cli.store.connect import open_store, store_errors
from node_scripts.monitor.alerts.messages import duration, when
from node_scripts.store.objects import ObjectStore

Json = Annotated[bool, typer.Option("--json", help="Write the answer as JSON.")]

COLUMNS = ("id", "node", "severity", "cause", "models", "begin", "lasted", "found cause", "fix")
DAY_S = 86400.0

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="List incidents and note their causes.\n\n"
    "Nodes open and close them from critical alerts and restarts; they are read from the store.",
)


@app.command("list")
def list_(
    context: typer.Context,
    *,
    days: Annotated[float, typer.Option(min=0.01, help="How many days to look back.")] = 30,
    as_json: Json = False,
) -> None:
    """List the incidents of the last days, the latest first."""
    now_unix = time.time()
    with _store(invocation(context)) as (_, fleet, store):
        read = _reader(store, fleet)
        found = actions.incidents(read, now_unix - days * DAY_S, now_unix + DAY_S)
    output = invocation(context).output(as_json=as_json)
    output.report({"incidents": found}, lambda out: _render(out, found, now_unix))


@app.command()
def note(
    context: typer.Context,
    identifier: Annotated[str, typer.Argument(metavar="ID", help="The incident's id.")],
    *,
    cause: Annotated[str, typer.Option(help="What caused it.")] = "",
    fix: Annotated[str, typer.Option(help="What was done about it.")] = "",
    as_json: Json = False,
) -> None:
    """Note an incident's cause and fix in the store; the last note wins."""
    now_unix = time.time()
    with _store(invocation(context)) as (_, fleet, store):
        found = actions.note(
            store,
            _reader(store, fleet),
            fleet=fleet,
            identifier=identifier,
            cause=cause.strip(),
            fix=fix.strip(),
            who=leases.operator(),
            now_unix=now_unix,
        )
    output = invocation(context).output(as_json=as_json)
    output.report({"incident": found}, lambda out: _render(out, [found], now_unix))


@contextmanager
def _store(call: Invocation) -> Iterator[tuple[Invocation, str, ObjectStore]]:
    inventory = load_inventory(call.inventory)
    with store_errors():
        yield call, inventory.fleet.name, open_store(inventory)


def _reader(store: ObjectStore, fleet: str) -> actions.ReadEvents:
    from garnet_cli.store.minutes import read_events  # noqa: PLC0415 -- pyarrow is not for --help

    return lambda begin_unix, end_unix: read_events(store, fleet, begin_unix, end_unix)


def _render(output: Output, found: list[Incident], now_unix: float) -> None:
    rows = [
        (
            *(one.id, one.node, one.severity, ", ".join(one.causes), ", ".join(one.models) or None),
            when(one.begin_unix),
            duration((one.end_unix or now_unix) - one.begin_unix) + ("" if one.end_unix else ", goes on"),
            *(one.cause or None, one.fix or None),
        )
        for one in found
    ]
    output.table(COLUMNS, rows)
