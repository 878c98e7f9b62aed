"""The report as a PDF, and its first page as a picture."""

from __future__ import annotations

from garnet_cli.report.contents import MonthReport
from garnet_cli.report.layout import Block, PageBreak, flow
from garnet_cli.report.marks import Page
from garnet_cli.report.page import furnished
from garnet_cli.report.page_costs import costs
from garnet_cli.report.page_distribution import distribution
from garnet_cli.report.page_method import completeness, glossary, method
from garnet_cli.report.page_one import page_one
from garnet_cli.report.page_outlook import capacity, quarter, recommendations, scorecard
from garnet_cli.report.page_thermal import evictions, thermal
from garnet_cli.report.page_uptime import uptime
from garnet_cli.report.page_volume import volume
from garnet_cli.report.pdf_writer import Facts, write
from garnet_cli.report.preview import png
from garnet_cli.report.shown import Shown
from garnet_cli.report.style import Form
from garnet_cli.report.view import View
from garnet_cli.report.words import words


def pages(report: MonthReport, form: Form) -> list[Page]:
    """Return the report's pages; raises UsageError for a language without a file."""
    texts = words(report.language)
    view = View(report=report, words=texts, shown=Shown(words=texts), form=form)
    blocks: list[Block] = [
        *page_one(view),
        PageBreak(),
        *volume(view),
        *thermal(view),
        *evictions(view),
        *distribution(view),
        *costs(view),
        *uptime(view),
        *recommendations(view),
        *scorecard(view),
        *capacity(view),
        *quarter(view),
        *completeness(view),
        *method(view),
        *glossary(view),
    ]
    return furnished(flow(blocks, form), view)


def render(report: MonthReport, form: Form) -> bytes:
    """Return the report as a PDF: equal reports and forms give equal bytes.

    Raises UsageError for a language without a file.
    """
    return write(pages(report, form), _facts(report))


def preview(report: MonthReport, form: Form) -> bytes:
    """Return page 1 as a PNG; raises UsageError for a language without a file."""
    return png(pages(report, form)[0])


def _facts(report: MonthReport) -> Facts:
    texts = words(report.language)
    who = report.customer or report.fleet
    kicker = texts(f"document.kicker_{report.period.kind}")
    return Facts(
        title=f"{kicker}, {report.period.title}: {who}",
        subject=texts("document.subject", fleet=report.fleet, period=report.period.title),
        author=f"Garnet {report.garnet}",
        keywords=f"{report.fleet}, {report.period.name}, {kicker}",
        creator=f"Garnet {report.garnet}",
        language=report.language,
        created_unix=report.as_of_unix,
    )
