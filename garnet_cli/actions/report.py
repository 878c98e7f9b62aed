"""The monthly report: gather a period, make its figures, draw them, keep them, send them."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from garnet_cli.errors import GarnetError
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.secrets_file import read_secrets
from garnet_cli.report.catalogue import Catalogue
from garnet_cli.report.contents import MonthReport
from garnet_cli.report.data_files import data_files
from garnet_cli.report.figures import month_report
from garnet_cli.report.gather import Reader, gather
from garnet_cli.report.month import Span
from garnet_cli.report.style import Form
from garnet_cli.report.summary import message_text
from garnet_cli.report.wording import wording
from node_scripts.files import write_atomically
from node_scripts.monitor.alerts.delivery import Delivered, deliver_to_each, urls_of
from node_scripts.monitor.alerts.messages import Message
from node_scripts.store.layout import monthly_prefix
from node_scripts.store.objects import ObjectStore

ROUTE = "monthly"
PDF, PICTURE = "report.pdf", "page-1.png"
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")

Told = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """What the operator chooses of a report."""

    span: Span
    catalogue: Catalogue
    form: Form
    language: str = "en"
    customer: str = ""


def make(reader: Reader, wishes: Wishes, now_unix: float, told: Told) -> MonthReport:
    """Return the report of a period; raises as ``gather`` and ``wording``."""
    words = wording(wishes.language)
    data = gather(reader, wishes.span, now_unix, told)
    told("working out the figures")
    return month_report(data, wishes.catalogue, words, customer=wishes.customer)


def files_of(report: MonthReport, form: Form, told: Told) -> dict[str, bytes]:
    """Return all files of a report by name: PDF, picture of page 1, JSON, CSV."""
    from garnet_cli.report.pdf import preview, render  # noqa: PLC0415 -- fonts and charts take a second

    told("drawing the PDF")
    document = render(report, form)
    told("drawing the picture of page 1")
    return {PDF: document, PICTURE: preview(report, form), **data_files(report)}


def folder_name(report: MonthReport) -> str:
    """Return the report's folder, such as ``2026-10``; previews are apart from what is final."""
    return f"{report.period.name}/preview" if report.period.preview else report.period.name


def save(files: Mapping[str, bytes], folder: Path, report: MonthReport) -> list[Path]:
    """Write the files into ``folder/<month>/``, each whole or not at all, and return where they are.

    Raises GarnetError where they cannot be written.
    """
    place = folder / folder_name(report)
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_atomically(place / name, content, mode=0o644)
    except OSError as error:
        raise GarnetError(f"cannot write {place}: {error.strerror}", remedy="name another folder") from error
    return [place / name for name in files]


def publish(store: ObjectStore, report: MonthReport, files: Mapping[str, bytes]) -> list[str]:
    """Put the files into the store in place of earlier ones and return their keys. Raises StoreError.

    The PDF comes last: where it is, its data are. Files of an earlier run that this one has not are deleted.
    """
    prefix = monthly_prefix(report.fleet, folder_name(report))
    ordered = sorted(files, key=lambda name: (name == PDF, name))
    for name in ordered:
        store.put(f"{prefix}{name}", files[name], only_new=False)
    stale = [
        one.key
        for one in store.list(prefix)
        if "/" not in one.key.removeprefix(prefix) and one.key.removeprefix(prefix) not in files
    ]
    store.delete(stale)
    return [f"{prefix}{name}" for name in ordered]


def send(
    report: MonthReport,
    files: Mapping[str, bytes],
    inventory: Inventory,
    environ: Mapping[str, str],
    who: str,
    now_unix: float,
) -> list[Delivered]:
    """Send the report from this machine on the monthly route; return how each URL took it.

    Mail gets the PDF; chats get the picture of page 1, too. Nothing without a URL. Raises UsageError for a
    file of secrets that cannot be read.
    """
    urls = urls_of(ROUTE, read_secrets(inventory, environ))
    if not urls:
        return []
    heading, note = message_text(report, wording(report.language))
    text = Message(
        route=ROUTE, time_unix=now_unix, fleet=report.fleet, node=who, items=[], note=note, heading=heading
    )
    stem = UNSAFE.sub("-", f"garnet-{report.fleet}-{report.period.name}")
    with tempfile.TemporaryDirectory(prefix="garnet-report-") as name:
        document, picture = Path(name) / f"{stem}.pdf", Path(name) / f"{stem}.png"
        document.write_bytes(files[PDF])
        picture.write_bytes(files[PICTURE])
        return deliver_to_each(text, urls, timeout_s=SEND_TIMEOUT_S, documents=[document], pictures=[picture])


SEND_TIMEOUT_S = 60.0
"""A mail server takes its time over an attachment."""
