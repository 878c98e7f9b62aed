"""The section on cost: totals, per million tokens by model against an API, and each node's parts."""

from __future__ import annotations

from garnet_cli.report.blocks import Drawing
from garnet_cli.report.chart_costs import drawable, height_pt, ladder
from garnet_cli.report.layout import Block
from garnet_cli.report.sections import Costs, ModelCost, NodeCost
from garnet_cli.report.style import SMALL
from garnet_cli.report.table import Cell, Column, Table
from garnet_cli.report.tiles import Tile, Tiles
from garnet_cli.report.view import NEAR_PT, View, note, section, subsection


def costs(view: View) -> list[Block]:
    """Return the section's blocks."""
    words, found = view.words, view.report.costs
    blocks = section(words("costs.title"), found.says)
    blocks += [_totals(view), _parts(view)]
    if found.range_says:
        blocks.append(note(found.range_says))
    charted = drawable(found.models)
    if charted:
        blocks += [subsection(words("costs.chart"), words("costs.chart_aside")), _chart(view, charted)]
    if found.models:
        blocks += [subsection(words("costs.models")), _models(view), *_references(view)]
    if found.nodes:
        blocks += [subsection(words("costs.nodes")), _nodes(view)]
    return blocks


def _range(view: View, low: str, high: str) -> str:
    return view.words("costs.range", low=low, high=high)


def _totals(view: View) -> Tiles:
    words, shown, found = view.words, view.shown, view.report.costs
    average, saved = words("costs.average_unit"), ""
    if found.usd_per_million_low is not None and found.usd_per_million_high is not None:
        average += "; " + _range(
            view, shown.rate(found.usd_per_million_low), shown.rate(found.usd_per_million_high)
        )
    if found.savings_usd_low is not None and found.savings_usd_high is not None:
        saved = _range(view, shown.usd(found.savings_usd_low), shown.usd(found.savings_usd_high))
    if found.savings_pct is not None:
        saved = f"{shown.pct(found.savings_pct)}; {saved}" if saved else shown.pct(found.savings_pct)
    return Tiles(
        tiles=(
            Tile(label=words("costs.total"), figure=shown.usd(found.total_usd), note=_before(view, found)),
            Tile(label=words("costs.average"), figure=shown.rate(found.usd_per_million), note=average),
            Tile(label=words("costs.api"), figure=shown.usd(found.api_usd), note=_compared(view, found)),
            Tile(label=words("costs.savings"), figure=shown.usd(found.savings_usd), note=saved),
        ),
        before_pt=12.0,
        keep_with_next=True,
    )


def _before(view: View, found: Costs) -> str:
    if found.total_usd_before is None:
        return ""
    before = view.shown.period(view.report.period.before_name)
    return view.words("evictions.against", value=view.shown.usd(found.total_usd_before), before=before)


def _compared(view: View, found: Costs) -> str:
    if not found.compared_tokens or found.compared_usd is None:
        return ""
    return view.words(
        "costs.compared",
        tokens=view.shown.short(found.compared_tokens),
        money=view.shown.usd(found.compared_usd),
    )


def _parts(view: View) -> Tiles:
    words, shown, found = view.words, view.shown, view.report.costs
    figures = (
        ("workload", shown.usd(found.workload_usd)),
        ("idle", shown.usd(found.idle_usd)),
        ("overhead", shown.usd(found.overhead_usd)),
        ("hardware", shown.usd(found.hardware_usd)),
        ("energy", shown.usd(found.energy_usd)),
        ("kwh", shown.figures(found.kwh)),
    )
    return Tiles(
        tiles=tuple(Tile(label=words(f"costs.{key}"), figure=figure) for key, figure in figures),
        small=True,
        before_pt=16.0,
    )


def _chart(view: View, models: list[ModelCost]) -> Drawing:
    words, shown = view.words, view.shown
    told = " ".join(
        words(
            "costs.chart_alt_line",
            model=model.model,
            here=shown.rate(model.usd_per_million),
            api=shown.rate(model.api_usd_per_million),
        )
        for model in models
    )
    return Drawing(
        title=words("costs.chart"),
        alt=words("costs.chart_alt", count=str(len(models)), lines=told),
        height_pt=height_pt(models),
        paint=ladder(models, shown),
        before_pt=NEAR_PT,
    )


def _models(view: View) -> Table:
    words, shown = view.words, view.shown

    def row(model: ModelCost) -> tuple[Cell, ...]:
        return (
            Cell(text=model.model, note=model.reference or model.why_not),
            Cell(text=shown.short(model.tokens)),
            Cell(text=shown.usd(model.usd)),
            Cell(text=shown.rate(model.usd_per_million)),
            Cell(
                text=shown.span(shown.rate(model.usd_per_million_low), shown.rate(model.usd_per_million_high))
            ),
            Cell(text=shown.rate(model.busy_usd_per_million)),
            Cell(text=shown.rate(model.api_usd_per_million)),
            Cell(text=shown.usd(model.savings_usd)),
            Cell(text=shown.pct(model.savings_pct)),
        )

    titles = ("tokens", "cost", "per_million", "range_head", "busy", "api_head", "saved", "saved_pct")
    head = f"{words('costs.model')}, {words('costs.reference').lower()}"
    return Table(
        columns=(
            Column(title=head, align="left", flexible=1.0),
            *(Column(title=words(f"costs.{title}"), style=SMALL) for title in titles),
        ),
        rows=tuple(row(model) for model in view.report.costs.models),
        between_pt=8.0,
    )


def _references(view: View) -> list[Block]:
    """Return where the compared prices come from, once each."""
    words = view.words
    known = {
        words(
            "costs.reference_line",
            reference=model.reference,
            date=model.reference_date,
            source=model.reference_source,
        ): None
        for model in view.report.costs.models
        if model.reference and model.reference_source
    }
    return [note(f"{words('costs.references')}: {'; '.join(known)}.")] if known else []


def _nodes(view: View) -> Table:
    words, shown = view.words, view.shown

    def row(node: NodeCost) -> tuple[Cell, ...]:
        return (
            Cell(text=node.node),
            Cell(text=shown.usd(node.hardware_usd)),
            Cell(text=shown.usd(node.energy_usd)),
            Cell(text=shown.usd(node.overhead_usd)),
            Cell(text=shown.usd(node.total_usd)),
            Cell(text=shown.figures(node.kwh)),
            Cell(text=node.energy_source),
        )

    return Table(
        columns=(
            Column(title=words("costs.node"), align="left", flexible=1.0),
            *(
                Column(title=words(f"costs.{title}"))
                for title in ("hardware", "energy", "overhead", "sum", "kwh")
            ),
            Column(title=words("costs.source"), align="left", flexible=0.5),
        ),
        rows=tuple(row(node) for node in view.report.costs.nodes),
    )
