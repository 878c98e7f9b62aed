"""`garnet store`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from garnet_cli.cli.commands import invocation
from garnet_cli.cli.output import Output
from garnet_cli.errors import GarnetError
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.inventory_file import load_inventory

Json = Annotated[bool, typer.Option("--json", help="Write the answer as JSON.")]

TELL_EVERY = 100
"""Objects between two lines of progress."""

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Check the store that keeps telemetry, and copy stores.",
)


@app.command()
def check(context: typer.Context, *, as_json: Json = False) -> None:
    """Try whether the inventory's store takes, lists, returns and deletes an object."""
    from garnet_cli.store.check import check_store  # noqa: PLC0415 -- boto3 is loaded where it is used
    from garnet_cli.store.connect import open_store, store_errors  # noqa: PLC0415 -- likewise

    call = invocation(context)
    inventory = load_inventory(call.inventory)
    output = call.output(as_json=as_json)
    with store_errors():
        store = open_store(inventory)
        found = check_store(store, inventory.fleet.name)
    rows = [(one.name, _word(works=one.works, needed=one.needed), one.detail or None) for one in found]
    document = {"store": repr(store), "abilities": found}
    output.report(document, lambda out: out.table(("ability", "works", "detail"), rows, title=repr(store)))
    missing = [one.name for one in found if one.needed and not one.works]
    if missing:
        raise GarnetError(f"store {store!r} cannot {', '.join(missing)}", remedy="see the table above")


@app.command()
def sync(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="A URL such as s3://bucket/prefix, or a folder.")],
    target: Annotated[str, typer.Argument(help="Likewise; a folder must exist.")],
    *,
    source_endpoint: Annotated[str | None, typer.Option(help="URL of the source's S3 server.")] = None,
    target_endpoint: Annotated[str | None, typer.Option(help="URL of the target's S3 server.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be copied.")] = False,
    as_json: Json = False,
) -> None:
    """Copy what TARGET lacks of SOURCE; safe to stop and to run again. Nothing is deleted.

    The inventory's own store comes with its endpoint and keys; for another S3 server set
    GARNET_STORE_ACCESS_KEY_ID and GARNET_STORE_SECRET_ACCESS_KEY.
    """
    from garnet_cli.store.connect import open_place, store_errors  # noqa: PLC0415 -- as above
    from garnet_cli.store.sync import copy_missing, difference  # noqa: PLC0415 -- likewise

    call = invocation(context)
    output = call.output(as_json=as_json)
    inventory = _inventory(call.inventory)
    with store_errors(), output.progress() as progress:
        stores = (
            open_place(source, inventory, source_endpoint),
            open_place(target, inventory, target_endpoint),
        )
        progress.step("sync", "comparing the listings")
        found = difference(*stores)
        if dry_run:
            progress.done("sync", f"{len(found.copy)} objects, {_size(found.bytes)} to copy")
        else:
            total = len(found.copy)

            def tell(objects: int, size: int) -> None:
                if objects % TELL_EVERY == 0:
                    progress.step("sync", f"{objects} of {total} objects, {_size(size)}")

            synced = copy_missing(*stores, found, tell)
            progress.done("sync", f"{synced.copied} objects, {_size(synced.bytes)} copied")
    if dry_run:
        document = {"copy": [info.key for info in found.copy], "bytes": found.bytes, "same": found.same}
        output.report(document, lambda out: _lines(out, [info.key for info in found.copy]))
    else:
        output.report(synced, lambda out: out.line(f"copied {synced.copied}, the same already {synced.same}"))


def _inventory(path: Path) -> Inventory | None:
    """Return the inventory if there is one: two folders can be synced without."""
    return load_inventory(path) if path.exists() else None


def _lines(output: Output, lines: list[str]) -> None:
    for line in lines:
        output.line(line)


def _word(*, works: bool, needed: bool) -> str:
    return "yes" if works else "NO" if needed else "no"


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"
