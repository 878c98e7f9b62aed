"""Page 1: whose report this is, six to eight figures, and the decisions asked for."""

from __future__ import annotations

import io
from dataclasses import dataclass

from garnet_cli.report.blocks import Paragraph, Point, Subsection
from garnet_cli.report.contents import Decision, KeyFigure
from garnet_cli.report.layout import Block, Whole
from garnet_cli.report.marks import Bookmark, Mark, Picture, rectangle
from garnet_cli.report.palette import ACCENT, SOFT
from garnet_cli.report.paragraph import height, set_lines
from garnet_cli.report.style import BODY, FIGURE, KICKER, LEAD, STRONG, TITLE
from garnet_cli.report.table import Cell, Column, Table
from garnet_cli.report.view import View

LOGO_WIDTH_PT, LOGO_HEIGHT_PT = 130.0, 44.0
"""The box that a logo is fitted into, at the top right."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Masthead(Whole):
    """The title, and beside it the logo."""

    kicker: str
    title: str
    lead: str
    remark: str
    logo: bytes | None
    logo_alt: str

    def _room(self, width_pt: float) -> float:
        return width_pt - (LOGO_WIDTH_PT + 18 if self.logo else 0.0)

    def height(self, width_pt: float) -> float:
        """Return the height of the lines."""
        room = self._room(width_pt)
        used = 14.0 + height(self.kicker, KICKER, room) + height(self.title, TITLE, room)
        used += 4.0 + height(self.lead, LEAD, width_pt)
        return used + (height(self.remark, STRONG, width_pt) + 4.0 if self.remark else 0.0) + 6.0

    def draw(self, x_pt: float, top_pt: float, width_pt: float) -> list[Mark]:
        """Return the lines and the logo."""
        room, top = self._room(width_pt), top_pt + 14.0
        marks: list[Mark] = [rectangle(x_pt, top_pt, 28.0, 3.0, ACCENT)]
        for text, style, gap, wide in (
            (self.kicker, KICKER, 0.0, room),
            (self.title, TITLE, 4.0, room),
            (self.lead, LEAD.but(colour=SOFT), 4.0, width_pt),
            (self.remark, STRONG.but(colour=ACCENT), 0.0, width_pt),
        ):
            if text:
                set_already, used = set_lines(text, style, x_pt, top, wide)
                marks += set_already
                top += used + gap
        if self.logo:
            logo_wide, logo_high = _fitted(self.logo)
            marks.append(
                Picture(
                    data=self.logo,
                    x_pt=x_pt + width_pt - logo_wide,
                    top_pt=top_pt,
                    width_pt=logo_wide,
                    height_pt=logo_high,
                    alt=self.logo_alt,
                )
            )
        return marks

    def bookmarks(self, top_pt: float) -> list[Bookmark]:
        """Return the title."""
        return [Bookmark(title=self.title, level=0, top_pt=top_pt)]


def _fitted(logo: bytes) -> tuple[float, float]:
    from PIL import Image  # noqa: PLC0415 -- only where there is a logo

    with Image.open(io.BytesIO(logo)) as image:
        wide, high = image.size
    scale = min(LOGO_WIDTH_PT / wide, LOGO_HEIGHT_PT / high)
    return wide * scale, high * scale


def page_one(view: View) -> list[Block]:
    """Return the blocks of page 1."""
    return [_masthead(view), _figures(view), *_decisions(view)]


def _masthead(view: View) -> Masthead:
    report, words, shown = view.report, view.words, view.shown
    period, count = report.period, len(report.distribution.nodes)
    nodes = words("document.node") if count == 1 else words("document.nodes", count=shown.count(count))
    span = words(
        "document.span",
        begin=shown.day(period.days[0]),
        end=shown.day(period.days[-1]),
        timezone=period.timezone,
    )
    who = [words("document.fleet", fleet=report.fleet)]
    if report.customer:
        who.insert(0, report.customer)
    return Masthead(
        kicker=words(f"document.kicker_{period.kind}"),
        title=period.title,
        lead=" · ".join([*who, nodes, span]),
        remark=words("document.preview") if period.preview else "",
        logo=view.form.logo,
        logo_alt=words("document.logo", customer=report.customer or report.fleet),
    )


def _figures(view: View) -> Table:
    words, shown = view.words, view.shown
    return Table(
        columns=(
            Column(title=words("page_one.figure"), align="left", flexible=1.0, style=STRONG),
            Column(title=words("page_one.actual"), style=FIGURE),
            Column(title=words("page_one.target"), style=BODY),
            Column(
                title=words("page_one.change", before=shown.period(view.report.period.before_name)),
                style=BODY,
            ),
            Column(title=words("page_one.status"), align="left", style=BODY),
        ),
        rows=tuple(_figure(view, figure) for figure in view.report.key_figures),
        before_pt=14.0,
        pad_pt=5.0,
    )


def _figure(view: View, figure: KeyFigure) -> tuple[Cell, ...]:
    words, shown = view.words, view.shown
    target = ""
    if figure.target is not None and figure.target_is != "none":
        target = words(f"page_one.{figure.target_is}", value=shown.target(figure.target, figure.unit))
    return (
        Cell(text=figure.label, note=figure.note),
        Cell(text=shown.unit(figure.actual, figure.unit)),
        Cell(text=target),
        Cell(text=shown.change(figure.change, figure.change_unit)),
        Cell(text=words(f"status.{figure.status}"), sign=figure.status),
    )


def _decisions(view: View) -> list[Block]:
    words, decisions = view.words, view.report.decisions
    heading = Subsection(title=words("page_one.decisions"), before_pt=22.0, keep_with_next=True)
    if not decisions:
        return [heading, Paragraph(text=words("page_one.no_decisions"))]
    points: list[Block] = [
        Point(
            number=str(number),
            text=decision.text,
            why=decision.why,
            aside=_worth(view, decision),
            command=decision.command,
            before_pt=6.0 if number > 1 else 0.0,
        )
        for number, decision in enumerate(decisions, start=1)
    ]
    return [heading, *points]


def _worth(view: View, decision: Decision) -> str:
    worth = decision.worth_usd_per_month
    if worth is None or worth == 0:
        return ""
    return view.words("page_one.saves" if worth > 0 else "page_one.costs", money=view.shown.usd(abs(worth)))
