"""`garnet dashboard`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from garnet_cli.cli.commands import invocation
from garnet_cli.cli.loading import load
from garnet_cli.cli.output import Output
from garnet_cli.errors import GarnetError, UsageError

if TYPE_CHECKING:
    from garnet_cli.dashboard.gather import Gatherer

LONGEST_HOURS = 24 * 400
PUBLISHED_REFRESH_S = 60
SERVED_REFRESH_S = 30
DEFAULT_FILE = Path("dashboard.html")


def dashboard(  # noqa: PLR0913 -- one parameter an option
    context: typer.Context,
    *,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the page to this file.")] = None,
    publish: Annotated[bool, typer.Option("--publish", help="Put the page into the store.")] = False,
    serve: Annotated[bool, typer.Option("--serve", help="Serve the page on this machine.")] = False,
    port: Annotated[int, typer.Option("--port", help="Port of --serve; 0 takes a free one.")] = 8910,
    hours: Annotated[float, typer.Option("--hours", help="How far back the page reaches.")] = 24.0,
    usd_per_kwh: Annotated[
        float | None, typer.Option("--usd-per-kwh", help="Price of a kWh, if not that of [costs].")
    ] = None,
    life_months: Annotated[
        int | None,
        typer.Option("--life-months", help="Months to write hardware off, if not those of [costs]."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write the page's figures to stdout.")] = False,
) -> None:
    """Make a web page of the fleet's telemetry: one file that needs nothing else.

    Without an option it writes dashboard.html. --publish puts index.html and data.json into the store under
    account/cluster/FLEET/; run it again, by cron, to renew them. --serve shows the page on this machine only
    and renews it from the store, until Ctrl-C.
    """
    life_wrong = life_months is not None and life_months < 1
    if not 0 < hours <= LONGEST_HOURS or life_wrong or (usd_per_kwh or 0) < 0:
        raise UsageError(
            f"--hours is above 0 and at most {LONGEST_HOURS}, --life-months from 1, prices from 0"
        )
    if serve and (publish or out or as_json):
        raise UsageError("--serve goes alone", remedy="run it beside another `garnet dashboard`")
    call = invocation(context)
    output = call.output(as_json=as_json)
    gatherer = _gatherer(
        call.inventory, hours, usd_per_kwh, life_months, _refresh_s(publish=publish, serve=serve)
    )
    if serve:
        _serve(output, gatherer, port)
        return
    _write(output, gatherer, out, call.inventory, publish=publish)


def _refresh_s(*, publish: bool, serve: bool) -> int | None:
    if serve:
        return SERVED_REFRESH_S
    return PUBLISHED_REFRESH_S if publish else None


def _gatherer(
    inventory_path: Path,
    hours: float,
    usd_per_kwh: float | None,
    life_months: int | None,
    refresh_s: int | None,
) -> Gatherer:
    from garnet_cli.dashboard.cost import assumptions_of  # noqa: PLC0415 -- readers load heavy libraries
    from garnet_cli.dashboard.gather import Gatherer  # noqa: PLC0415 -- likewise
    from garnet_cli.store.connect import open_store, store_errors  # noqa: PLC0415 -- likewise

    inventory = load(inventory_path)
    with store_errors():
        store = open_store(inventory)
    return Gatherer(
        inventory,
        store,
        hours=hours,
        assumptions=assumptions_of(inventory.costs, life_months=life_months, usd_per_kwh=usd_per_kwh),
        refresh_s=refresh_s,
    )


def _write(output: Output, gatherer: Gatherer, out: Path | None, inventory: Path, *, publish: bool) -> None:
    from garnet_cli.dashboard.page import data_json, page_html  # noqa: PLC0415 -- see _gatherer
    from garnet_cli.dashboard.publish import publish as put  # noqa: PLC0415 -- likewise
    from node_scripts.files import write_atomically  # noqa: PLC0415 -- likewise

    output.note(f"reading the store that {inventory} names")
    data = gatherer.document()
    if publish:
        for key in put(gatherer.store, data):
            output.note(f"published {key}")
    if out is not None or not (publish or output.as_json):
        path = out or DEFAULT_FILE
        try:
            write_atomically(path, page_html(data).encode(), mode=0o644)
        except OSError as error:
            raise GarnetError(f"cannot write {path}: {error.strerror}", remedy="name another file") from error
        output.note(f"wrote {path}")
    if output.as_json:
        output.line(data_json(data).decode())


def _serve(output: Output, gatherer: Gatherer, port: int) -> None:
    from garnet_cli.dashboard.serve import LOOPBACK, dashboard_server  # noqa: PLC0415 -- see _gatherer

    try:
        server = dashboard_server(gatherer.document, port, output.warning)
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"cannot listen on port {port}: {error}", remedy="name another with --port"
        ) from error
    with server:
        output.line(f"http://{LOOPBACK}:{server.server_address[1]}/")
        output.note("the page is open to this machine only; Ctrl-C ends it")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            output.note("ended")
