"""What follows from the figures: recommendations, the scorecard, capacity, and the quarter's additions."""

from __future__ import annotations

from garnet_cli.report.blocks import Drawing, Paragraph, Point
from garnet_cli.report.chart_forecast import busy_share, drawable
from garnet_cli.report.layout import Block
from garnet_cli.report.sections import ModelSwap, MonthForecast, Quarter, ScoreLine, Tier
from garnet_cli.report.signs import Sign
from garnet_cli.report.style import STRONG
from garnet_cli.report.table import Cell, Column, Table
from garnet_cli.report.tiles import Tile, Tiles
from garnet_cli.report.view import NEAR_PT, View, note, section, subsection

CHART_PT = 150.0


def recommendations(view: View) -> list[Block]:
    """Return the blocks of the section on recommendations."""
    words, found = view.words, view.report.recommendations
    blocks = section(words("recommendations.title"))
    if not found:
        return [*blocks, Paragraph(text=words("recommendations.none"))]
    return blocks + [
        Point(
            number=str(number),
            text=line.text,
            why=line.why,
            aside=words(f"recommendations.{line.kind}"),
            command=line.command,
            before_pt=6.0,
        )
        for number, line in enumerate(found, start=1)
    ]


def scorecard(view: View) -> list[Block]:
    """Return the blocks of the ninety-day scorecard."""
    words, shown, found = view.words, view.shown, view.report.scorecard
    blocks = section(words("scorecard.title"), found.says)
    if not found.lines:
        if not found.says:
            early = words("scorecard.too_early", days=str(found.days_of_data), needed=str(found.needed_days))
            blocks.append(Paragraph(text=early))
        return blocks
    aside = words(
        "scorecard.aside",
        begin=shown.day(found.begin_day),
        end=shown.day(found.end_day),
        pct=shown.pct(found.complete_pct),
    )

    def row(line: ScoreLine) -> tuple[Cell, ...]:
        return (
            Cell(text=line.label, note=line.note),
            Cell(text=shown.unit(line.actual, line.unit)),
            Cell(text=_target(view, line)),
            Cell(text=words(f"status.{line.status}"), sign=line.status),
        )

    table = Table(
        columns=(
            Column(title=words("scorecard.line"), align="left", flexible=1.0, style=STRONG),
            Column(title=words("scorecard.actual"), style=STRONG),
            Column(title=words("scorecard.target")),
            Column(title=words("scorecard.status"), align="left"),
        ),
        rows=tuple(row(line) for line in found.lines),
        before_pt=10.0,
        pad_pt=4.5,
    )
    return [*blocks, table, note(aside)]


def _target(view: View, line: ScoreLine) -> str:
    words, shown = view.words, view.shown
    value = shown.target(line.target, line.unit)
    if line.target_is == "range":
        return shown.span(value, shown.target(line.target_high, line.unit))
    return words(f"page_one.{line.target_is}", value=value)


def capacity(view: View) -> list[Block]:
    """Return the blocks of the section on capacity."""
    words, shown, found = view.words, view.shown, view.report.capacity
    blocks = section(words("capacity.title"), found.says)
    needed = shown.month(found.needed_month) if found.needed_month else words("capacity.not_needed")
    early = found.needed_month_earliest
    earliest = words("capacity.earliest", month=shown.month(early)) if early else ""
    month = words("capacity.a_month")
    if found.months:
        blocks.append(
            Tiles(
                tiles=(
                    Tile(label=words("capacity.needed"), figure=needed, note=earliest),
                    Tile(
                        label=words("capacity.node_cost"),
                        figure=shown.usd(found.node_usd_per_month),
                        note=month if found.node_usd_per_month is not None else "",
                    ),
                    Tile(
                        label=words("capacity.api_cost"),
                        figure=shown.usd(found.api_usd_per_month),
                        note=month if found.api_usd_per_month is not None else "",
                    ),
                ),
                medium=True,
                before_pt=12.0,
            )
        )
    elif not found.says:
        blocks.append(Paragraph(text=words("capacity.too_short")))
    if drawable(found):
        blocks += [subsection(words("capacity.busy"), words("capacity.busy_aside")), _chart(view)]
    if found.months:
        blocks += [subsection(words("capacity.tokens"), words("capacity.tokens_aside")), _months(view)]
    return blocks


def _chart(view: View) -> Drawing:
    words, shown, found = view.words, view.shown, view.report.capacity
    last = next(week.busy_pct for week in reversed(found.weeks) if week.busy_pct is not None)
    ahead = found.months[-1] if found.months else None
    return Drawing(
        title=words("capacity.busy"),
        alt=words(
            "capacity.busy_alt",
            last=shown.pct(last),
            expected=shown.pct(ahead.busy_pct_expected if ahead else None),
            month=shown.month(ahead.month) if ahead else shown.unknown,
            low=shown.pct(ahead.busy_pct_low if ahead else None),
            high=shown.pct(ahead.busy_pct_high if ahead else None),
            ceiling=shown.pct(found.ceiling_pct),
        ),
        height_pt=CHART_PT,
        paint=busy_share(found, shown),
        before_pt=NEAR_PT,
    )


def _months(view: View) -> Table:
    words, shown = view.words, view.shown

    def row(month: MonthForecast) -> tuple[Cell, ...]:
        return (
            Cell(text=shown.month(month.month)),
            Cell(text=shown.short(month.tokens_expected)),
            Cell(text=shown.span(shown.short(month.tokens_low), shown.short(month.tokens_high))),
            Cell(text=shown.pct(month.busy_pct_expected)),
            Cell(text=shown.span(shown.pct(month.busy_pct_low), shown.pct(month.busy_pct_high))),
        )

    titles = ("expected", "range_head", "busy_head", "busy_range")
    return Table(
        columns=(
            Column(title=words("capacity.month"), align="left", flexible=1.0),
            *(Column(title=words(f"capacity.{title}")) for title in titles),
        ),
        rows=tuple(row(month) for month in view.report.capacity.months),
    )


def quarter(view: View) -> list[Block]:
    """Return the blocks of the quarter's additions; none in a monthly report."""
    words, found = view.words, view.report.quarter
    if found is None:
        return []
    answer = {True: "yes", False: "no", None: "unknown"}[found.add_capacity]
    blocks = [
        *section(words("quarter.title")),
        subsection(words("quarter.add")),
        Paragraph(text=words(f"distribution.{answer}"), style=STRONG, keep_with_next=True),
        Paragraph(text=found.add_capacity_why),
        subsection(words("quarter.swaps")),
        _swaps(view, found) if found.swaps else Paragraph(text=words("quarter.no_swaps")),
        note(words("quarter.catalogue", date=found.catalogue_date)),
    ]
    if found.tiers:
        blocks += [subsection(words("quarter.tiers")), _tiers(view, found)]
    return blocks


def _swaps(view: View, found: Quarter) -> Table:
    words, shown = view.words, view.shown

    def row(swap: ModelSwap) -> tuple[Cell, ...]:
        sign: Sign = "unknown" if swap.fits is None else "yes" if swap.fits else "no"
        return (
            Cell(text=swap.model),
            Cell(text=swap.proposed, note=swap.repository),
            Cell(text=swap.released, note=swap.licence),
            Cell(text=shown.bytes(swap.need_bytes)),
            Cell(text=words(f"status.{sign}"), sign=sign),
            Cell(text=swap.why),
        )

    return Table(
        columns=(
            Column(title=words("quarter.model"), align="left", flexible=0.8),
            Column(title=words("quarter.proposed"), align="left", flexible=1.0),
            Column(
                title=f"{words('quarter.released')}, {words('quarter.licence').lower()}",
                align="left",
                flexible=0.6,
            ),
            Column(title=words("quarter.need")),
            Column(title=words("quarter.fits"), align="left"),
            Column(title=words("quarter.why"), align="left", flexible=1.2),
        ),
        rows=tuple(row(swap) for swap in found.swaps),
    )


def _tiers(view: View, found: Quarter) -> Table:
    words, shown = view.words, view.shown

    def row(tier: Tier) -> tuple[Cell, ...]:
        return (
            Cell(text=tier.size_class, note=", ".join(tier.models)),
            Cell(text=shown.short(tier.tokens)),
            Cell(text=shown.pct(tier.share_pct)),
            Cell(text=shown.rate(tier.usd_per_million)),
            Cell(text=shown.count(tier.latency_p95_ms)),
            Cell(text=tier.verdict),
        )

    return Table(
        columns=(
            Column(
                title=f"{words('quarter.tier')}, {words('quarter.models').lower()}",
                align="left",
                flexible=1.2,
            ),
            *(Column(title=words(f"quarter.{title}")) for title in ("tokens", "share", "per_million", "p95")),
            Column(title=words("quarter.verdict"), align="left", flexible=1.0),
        ),
        rows=tuple(row(tier) for tier in found.tiers),
    )
