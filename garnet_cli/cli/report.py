"""`garnet report`."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from garnet_cli.actions import leases
from garnet_cli.cli.commands import invocation
from garnet_cli.cli.loading import load
from garnet_cli.cli.output import Output, markdown_table
from garnet_cli.errors import GarnetError, UsageError

if TYPE_CHECKING:
    from garnet_cli.actions.report import Wishes
    from garnet_cli.fleet.inventory import Inventory
    from garnet_cli.report.contents import MonthReport
    from garnet_cli.report.month import Span
    from garnet_cli.report.style import Form
    from node_scripts.store.objects import ObjectStore

MAX_LOGO_BYTES = 2 * 1024 * 1024
COLUMNS = ("figure", "actual", "target", "status", "change")


def report(  # noqa: PLR0913 -- one parameter an option
    context: typer.Context,
    *,
    month: Annotated[
        str | None, typer.Option(help="Month such as 2026-10; the last whole one if not given.")
    ] = None,
    quarter: Annotated[
        str | None, typer.Option(help='Quarter such as 2026-Q4, or "last", in place of a month.')
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Take a period that goes on, so far.")] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the files here, too.")] = None,
    paper: Annotated[str, typer.Option(help="a4 or letter.")] = "a4",
    customer: Annotated[
        str, typer.Option(envvar="GARNET_CUSTOMER", help="Name on the report; the fleet's if not given.")
    ] = "",
    logo: Annotated[
        Path | None, typer.Option(envvar="GARNET_LOGO", help="PNG or JPEG for the first page.")
    ] = None,
    language: Annotated[str, typer.Option(help="Language of the report.")] = "en",
    catalogue: Annotated[
        Path | None, typer.Option(help="Catalogue of models for a quarter's proposals; garnet has its own.")
    ] = None,
    no_send: Annotated[bool, typer.Option("--no-send", help="Do not send it.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write and send nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write all of its data as JSON.")] = False,
) -> None:
    """Make the monthly report for the leadership: one PDF, with all its data as JSON and CSV beside it.

    Reads the store; asks no node. Months are those of the time zone of [fleet]. The files go into the store
    under monthly/MONTH/ and the PDF to the monthly route, to chats with a picture of page 1. Safe to run
    again: equal data make equal files. A preview goes to monthly/MONTH/preview/ and is not sent.
    """
    from garnet_cli.actions import report as actions  # noqa: PLC0415 -- duckdb is loaded where it is used
    from garnet_cli.actions.local_artifacts import local_artifacts  # noqa: PLC0415 -- likewise
    from garnet_cli.actions.weekly import cache_needs  # noqa: PLC0415 -- likewise
    from garnet_cli.report.gather import Reader  # noqa: PLC0415 -- likewise
    from garnet_cli.store.connect import open_store, store_errors  # noqa: PLC0415 -- boto3, likewise

    call = invocation(context)
    output = call.output(as_json=as_json)
    inventory = load(call.inventory)
    now_unix = time.time()
    span = _span(month, quarter, inventory.fleet.timezone, now_unix, preview=preview)
    wishes = _wishes(span, _form(paper, logo), language, customer, catalogue)
    with store_errors(), output.progress() as progress:
        store = open_store(inventory)
        artifacts = local_artifacts(inventory, os.environ)
        reader = Reader(
            store=store,
            inventory=inventory,
            artifacts=artifacts,
            caches=cache_needs(inventory, artifacts),
        )

        def told(message: str) -> None:
            progress.step("report", message)

        made = actions.make(reader, wishes, now_unix, told)
        files = {} if dry_run else actions.files_of(made, wishes.form, told)
        progress.done("report", f"{made.period.title} is reported")
    places = [] if dry_run else _keep(output, store, made, files, out)
    outcomes = [] if dry_run else _send(output, inventory, made, files, now_unix, no_send=no_send)
    document = {**made.as_json(), "files": places, "sent": outcomes}
    output.report(document, lambda shown: _render(shown, made))
    failed = [f"URL {one.number} ({one.service or 'unknown'}): {one.why}" for one in outcomes if not one.ok]
    if failed:
        raise GarnetError(
            f"the report was not taken by {'; '.join(failed)}",
            remedy="the files are written; try the route with `garnet alerts test --here`",
        )


def _span(month: str | None, quarter: str | None, timezone: str, now_unix: float, *, preview: bool) -> Span:
    from garnet_cli.report import month as months  # noqa: PLC0415 -- not for --help

    if month is not None and quarter is not None:
        raise UsageError("--month and --quarter do not go together", remedy="leave one out")
    if quarter is not None:
        return months.quarter(quarter, timezone, now_unix, preview=preview)
    return months.month(month, timezone, now_unix, preview=preview)


def _wishes(span: Span, form: Form, language: str, customer: str, catalogue: Path | None) -> Wishes:
    from garnet_cli.actions.report import Wishes  # noqa: PLC0415 -- see report
    from garnet_cli.report.catalogue import read_catalogue  # noqa: PLC0415 -- likewise
    from garnet_cli.report.wording import wording  # noqa: PLC0415 -- likewise

    wording(language)  # before anything is read: an unknown one is a mistake of the command
    return Wishes(
        span=span,
        catalogue=read_catalogue(catalogue),
        form=form,
        language=language,
        customer=customer.strip(),
    )


def _form(paper: str, logo: Path | None) -> Form:
    from garnet_cli.report.style import PAPERS, Form  # noqa: PLC0415 -- see report

    chosen = next((name for name in PAPERS if name == paper.lower()), None)
    if chosen is None:
        raise UsageError(f'no paper "{paper}"', remedy=f"there are {', '.join(PAPERS)}")
    if logo is None:
        return Form(paper=chosen)
    try:
        content = logo.expanduser().read_bytes()
    except OSError as error:
        raise UsageError(f"{logo}: {error.strerror}", remedy="name another logo") from error
    if not content.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")) or len(content) > MAX_LOGO_BYTES:
        raise UsageError(f"{logo}: is no PNG or JPEG of at most 2 MB", remedy="name another logo")
    return Form(paper=chosen, logo=content)


def _keep(
    output: Output,
    store: ObjectStore,
    made: MonthReport,
    files: Mapping[str, bytes],
    out: Path | None,
) -> list[str]:
    from garnet_cli.actions import report as actions  # noqa: PLC0415 -- see report
    from garnet_cli.store.connect import store_errors  # noqa: PLC0415 -- likewise

    places = []
    if out is not None:
        written = actions.save(files, out.expanduser(), made)
        places += [str(path) for path in written]
        output.note(f"wrote {len(files)} files to {written[0].parent}")
    with store_errors():
        places += actions.publish(store, made, files)
    output.note(f"put {len(files)} files into the store under monthly/{actions.folder_name(made)}/")
    output.summary(_markdown(made))
    return places


def _send(
    output: Output,
    inventory: Inventory,
    made: MonthReport,
    files: Mapping[str, bytes],
    now_unix: float,
    *,
    no_send: bool,
) -> list[Any]:
    from garnet_cli.actions import report as actions  # noqa: PLC0415 -- see report

    if no_send:
        return []
    if made.period.preview:
        output.note("a preview is not sent")
        return []
    outcomes = actions.send(made, files, inventory, os.environ, leases.operator(), now_unix)
    if outcomes:
        taken = sum(one.ok for one in outcomes)
        output.note(f"the report was taken by {taken} of {len(outcomes)} URLs of route {actions.ROUTE}")
    else:
        output.note("it was not sent: route monthly has no URL here; set GARNET_ROUTE_MONTHLY")
    return outcomes


def _rows(made: MonthReport) -> list[tuple[object, ...]]:
    from garnet_cli.report.summary import change, value  # noqa: PLC0415 -- see report
    from garnet_cli.report.wording import wording  # noqa: PLC0415 -- likewise

    words = wording(made.language)
    sign = {"at_least": "≥ ", "at_most": "≤ ", "none": ""}
    return [
        (
            one.label,
            value(one.unit, one.actual, words),
            None if one.target is None else sign[one.target_is] + value(one.unit, one.target, words),
            None if one.status == "none" else words.say(f"message.{one.status}"),
            change(one, words),
        )
        for one in made.key_figures
    ]


def _render(output: Output, made: MonthReport) -> None:
    state = ", so far" if made.period.preview else ""
    output.table(COLUMNS, _rows(made), f"{made.customer or made.fleet}, {made.period.title}{state}")
    for one in made.completeness.notes:
        output.line(f"note: {one}")
    for number, asked in enumerate(made.decisions, 1):
        output.line(f"{number}. {asked.text} {asked.why}" + (f" → {asked.command}" if asked.command else ""))


def _markdown(made: MonthReport) -> str:
    lines = [
        f"## {made.customer or made.fleet}, {made.period.title}",
        "",
        markdown_table(COLUMNS, _rows(made)),
    ]
    lines += [f"{number}. {one.text} {one.why}" for number, one in enumerate(made.decisions, 1)]
    return "\n".join(lines) + "\n"
