"""`garnet telemetry`."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from garnet_cli.cli.commands import invocation
from garnet_cli.cli.output import Output
from garnet_cli.errors import UsageError
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.inventory_file import load_inventory

if TYPE_CHECKING:
    from garnet_cli.store.query import Telemetry
    from node_scripts.records import Event, Minute
    from node_scripts.store.objects import ObjectStore

Json = Annotated[bool, typer.Option("--json", help="Write the answer as JSON.")]
Since = Annotated[str, typer.Option(help="Begin of the window: 90m, 24h, 7d ago, or a UTC date or time.")]
Until = Annotated[str, typer.Option(help="Its end, likewise, or now.")]

ROWS_SHOWN = 1000
"""Rows that a terminal's table shows."""
TAIL_EVERY_S = 15.0
RAW_HINT = 5000
"""Objects read one by one from which on a query says why it is slow."""

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Compact, query, follow and export the minutes and events that nodes have shipped.",
)


@app.command()
def compact(context: typer.Context, *, as_json: Json = False) -> None:
    """Gather the store's single minutes into daily Parquet files, and delete what is past its time.

    Run it daily or hourly; it may be stopped, run twice, or run by two at once. Single minutes go after
    `retention_raw_days`, days after `retention_days` of [telemetry].
    """
    from garnet_cli.actions.compact import compact as run  # noqa: PLC0415 -- pyarrow is loaded where it is used
    from garnet_cli.store.retention import Limits  # noqa: PLC0415 -- likewise

    with _opened(context, as_json=as_json) as (output, inventory, store):
        settings = inventory.telemetry
        limits = Limits(raw_days=settings.retention_raw_days, days=settings.retention_days)
        with output.progress() as progress:
            done = run(
                store,
                inventory.fleet.name,
                limits,
                time.time(),
                lambda day, message: progress.step(day.isoformat(), message),
            )
            progress.done("compact")
        rows = [
            (day.date, day.generation, day.new_inputs, day.rows.get("minutes", 0), f"{day.bytes / 1e6:.2f}")
            for day in done.days
        ]
        columns = ("day", "generation", "new objects", "minutes", "MB")
        output.report(done, lambda out: out.table(columns, rows) if rows else out.line("nothing new"))
        tidied = done.tidied
        output.note(
            f"deleted {tidied.raw} single objects, {tidied.orphans} superseded files, "
            f"{tidied.expired} objects past the retention"
        )
        for day in done.days:
            for key, reason in day.set_aside.items():
                output.warning(f"{key} cannot be read and was set aside: {reason}")
        if tidied.held:
            output.warning(f"some single minutes were kept: {tidied.held}")


@app.command()
def query(
    context: typer.Context,
    sql: Annotated[str, typer.Argument(help="One SELECT statement.")],
    *,
    since: Since = "7d",
    until: Until = "now",
    as_json: Json = False,
) -> None:
    """Ask minutes, models, keys, peers and events in SQL (DuckDB's); `DESCRIBE models` shows columns.

    Percentiles: SELECT grp, value FROM quantiles(latency_ms, 0.95, per := model, keep := node = 'mini-1')
    """
    with _telemetry(context, since, until, as_json=as_json) as (output, telemetry):
        answer = telemetry.ask(sql)
        if as_json:
            output.json([dict(zip(answer.columns, map(_plain, row), strict=True)) for row in answer.rows])
            return
        rows = list(islice(answer.rows, ROWS_SHOWN + 1))
        output.table(answer.columns, [[_shown(cell) for cell in row] for row in rows[:ROWS_SHOWN]])
        if len(rows) > ROWS_SHOWN:
            output.note(f"more than {ROWS_SHOWN} rows: `garnet telemetry export` writes all of them")


@app.command()
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file that ends in .csv or .parquet; - for CSV on stdout.")],
    *,
    table: Annotated[str, typer.Option(help="minutes, models, keys, peers or events.")] = "minutes",
    sql: Annotated[str | None, typer.Option(help="A SELECT statement in place of a table.")] = None,
    since: Since = "7d",
    until: Until = "now",
    as_json: Json = False,
) -> None:
    """Write a table, or a query's rows, as CSV or Parquet."""
    from garnet_cli.store import export as exports  # noqa: PLC0415 -- as above
    from garnet_cli.store.tables import SCHEMAS  # noqa: PLC0415 -- likewise

    if table not in SCHEMAS:
        raise UsageError(f"no table {table!r}; there are {', '.join(SCHEMAS)}")
    with _telemetry(context, since, until, as_json=as_json) as (output, telemetry):
        statement = sql or f"SELECT * FROM {table}"  # noqa: S608 -- one of our own names, see above
        if str(file) == "-":
            exports.write_csv(telemetry, statement, output.stdout)
            return
        rows = exports.export(telemetry, statement, file)
        output.report({"file": str(file), "rows": rows}, lambda out: out.line(f"{rows} rows in {file}"))


@app.command()
def tail(
    context: typer.Context,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until interrupted.")] = False,
    since: Annotated[str, typer.Option(help="How far back to begin: 10m, 1h.")] = "10m",
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON document a line.")] = False,
) -> None:
    """Show the newest minutes and events, and with --follow those that arrive."""
    from garnet_cli.store.tail import Tail  # noqa: PLC0415 -- as above
    from garnet_cli.store.window import window  # noqa: PLC0415 -- likewise

    with _opened(context, as_json=as_json) as (output, inventory, store):
        begin, end = window(since, "now", time.time())
        seen = Tail(store, inventory.fleet.name, [node.name for node in inventory.nodes], end - begin)
        while True:
            _show(output, seen.look(time.time()), as_json=as_json)
            for key in list(seen.set_aside):
                output.warning(f"{key} cannot be read: {seen.set_aside.pop(key)}")
            if not follow:
                return
            time.sleep(TAIL_EVERY_S)


def _show(output: Output, records: Iterable[Minute | Event], *, as_json: bool) -> None:
    import msgspec  # noqa: PLC0415 -- not for --help

    from garnet_cli.store.tail import line_of  # noqa: PLC0415 -- likewise

    for record in records:
        output.line(msgspec.json.encode(record).decode() if as_json else line_of(record))


@contextmanager
def _opened(context: typer.Context, *, as_json: bool) -> Iterator[tuple[Output, Inventory, ObjectStore]]:
    from garnet_cli.store.connect import open_store, store_errors  # noqa: PLC0415 -- boto3, likewise

    call = invocation(context)
    inventory = load_inventory(call.inventory)
    with store_errors():
        yield call.output(as_json=as_json), inventory, open_store(inventory)


@contextmanager
def _telemetry(
    context: typer.Context, since: str, until: str, *, as_json: bool
) -> Iterator[tuple[Output, Telemetry]]:
    from garnet_cli.store.query import telemetry  # noqa: PLC0415 -- duckdb, likewise
    from garnet_cli.store.window import window  # noqa: PLC0415 -- likewise

    begin, end = window(since, until, time.time())
    with (
        _opened(context, as_json=as_json) as (output, inventory, store),
        telemetry(store, inventory.fleet.name, begin, end) as opened,
    ):
        if opened.raw_objects > RAW_HINT:
            output.note(
                f"read {opened.raw_objects} objects one by one; `garnet telemetry compact` gathers them"
            )
        for key, reason in opened.set_aside.items():
            output.warning(f"{key} cannot be read: {reason}")
        yield output, opened


def _shown(cell: Any) -> Any:
    return f"{cell:.6g}" if isinstance(cell, float) else cell


def _plain(cell: Any) -> Any:
    """Return a cell as JSON takes it: DuckDB's times, decimals and maps become text and objects."""
    if isinstance(cell, dict):
        return {str(key): _plain(value) for key, value in cell.items()}
    if isinstance(cell, list | tuple):
        return [_plain(value) for value in cell]
    return cell if isinstance(cell, int | float | str | None) else str(cell)
