"""`garnet keys`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from garnet_cli.actions import keys as actions
from garnet_cli.actions import leases
from garnet_cli.actions.events import act
from garnet_cli.cli.commands import invocation
from garnet_cli.cli.output import Output
from garnet_cli.errors import FleetError, GarnetError, NodeError
from garnet_cli.fleet.connect import Connection, connected
from garnet_cli.fleet.inventory_file import load_inventory
from garnet_cli.fleet.parallel import attempt_each, for_each
from node_scripts.contracts import Keys

Json = Annotated[bool, typer.Option("--json", help="Write the answer as JSON.")]
Name = Annotated[str, typer.Argument(help="The key's name: the client or team that it is for.")]

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Add, list and revoke the keys of clients.\n\n"
    "Nodes keep hashes only. While a fleet has no key, its proxies' port answers no client.",
)


@app.command()
def add(context: typer.Context, name: Name, *, as_json: Json = False) -> None:
    """Make a key and write it to every node; it is shown this once, on stdout."""
    new = actions.make(name, datetime.now(UTC))
    with _fleet(context, f"garnet keys add {name}", as_json=as_json) as (output, connection):
        event = act("keys", name, "added", leases.operator(), sha256=new.entry.sha256[:12])
        _, errors = _change(connection, output, lambda keys: actions.add(keys, new), event)
        if all(node.name in errors for node in connection.nodes):
            raise FleetError(list(errors.values()))
        output.report({"name": name, "key": new.text}, lambda out: out.line(new.text))
        output.note(f'this is the only time that the key "{name}" is shown')
        _raise_missing(errors, "they accept the new key after `garnet up`")


@app.command("list")
def list_(context: typer.Context, *, as_json: Json = False) -> None:
    """List all keys, also revoked ones.

    Exits with 1 and names the nodes whose own lists differ: they may still accept a revoked key.
    """
    with _fleet(context, None, as_json=as_json) as (output, connection):
        held = for_each(connection.nodes, actions.read)
        keys = actions.merge(held.values())
        rows = [(key.name, key.created, key.revoked, key.sha256[:12]) for key in keys.keys]
        columns = ("name", "created", "revoked", "sha256")
        differ = actions.shortcomings(held, keys)
        output.report({"keys": keys.keys, "differ": differ}, lambda out: out.table(columns, rows))
        wrong = [
            NodeError(what, node=node, remedy="`garnet up` brings it the list above")
            for node, what in differ.items()
        ]
        _raise_missing(connection.errors, "their keys are not in this list", wrong)


@app.command()
def revoke(context: typer.Context, name: Name, *, as_json: Json = False) -> None:
    """Revoke a key on every node; safe to run again."""
    at = datetime.now(UTC)
    with _fleet(context, f"garnet keys revoke {name}", as_json=as_json) as (output, connection):
        event = act("keys", name, "revoked", leases.operator())
        keys, errors = _change(connection, output, lambda keys: actions.revoke(keys, name, at), event)
        document = {"name": name, "live": [key.name for key in actions.live(keys)]}
        output.report(document, lambda out: out.line(f"revoked {name} on {len(connection.nodes)} nodes"))
        _raise_missing(errors, "THEY STILL ACCEPT THE KEY: run the same command again")


@contextmanager
def _fleet(
    context: typer.Context, purpose: str | None, *, as_json: bool
) -> Iterator[tuple[Output, Connection]]:
    call = invocation(context)
    inventory = load_inventory(call.inventory)
    with connected(inventory, inventory.nodes) as connection:
        if not connection.nodes:
            connection.require_all()
        if purpose:
            leases.take(connection.nodes, purpose)
        yield call.output(as_json=as_json), connection


def _change(
    connection: Connection, output: Output, change: Callable[[Keys], Keys], event: dict[str, Any]
) -> tuple[Keys, dict[str, GarnetError]]:
    """Change the keys on every node that answers; return them and why the others were left out."""
    before = for_each(connection.nodes, actions.read).values()
    after = change(actions.merge(before))
    errors = dict(connection.errors)
    written = attempt_each(connection.nodes, lambda node: actions.write(node, after, event))
    for name, outcome in written.items():
        if isinstance(outcome, GarnetError):
            errors[name] = outcome
        elif not outcome:
            output.note(f"{name}: no proxy runs; the keys count from its start")
    return after, errors


def _raise_missing(
    errors: dict[str, GarnetError], consequence: str, others: Sequence[GarnetError] = ()
) -> None:
    missing = [*errors.values(), GarnetError(f"{', '.join(errors)}: {consequence}")] if errors else []
    if missing or others:
        raise FleetError([*others, *missing])
