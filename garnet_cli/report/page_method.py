"""How far the figures can be trusted: completeness, method, sources, glossary."""

from __future__ import annotations

from garnet_cli.report.blocks import Drawing, Paragraph
from garnet_cli.report.chart_days import strip
from garnet_cli.report.layout import Block
from garnet_cli.report.style import SMALL
from garnet_cli.report.table import Cell, Column, Table
from garnet_cli.report.tiles import Tile, Tiles
from garnet_cli.report.view import NEAR_PT, View, section, subsection

CHART_PT = 62.0
LOSSES = ("dropped_minutes", "missed_samples", "unrecorded_requests", "corrupt_lines", "set_aside_objects")


def completeness(view: View) -> list[Block]:
    """Return the blocks of the section on completeness."""
    words, shown, found = view.words, view.shown, view.report.completeness
    blocks = section(words("completeness.title"))
    blocks += [Paragraph(text=text, before_pt=2.0) for text in found.notes]
    blocks.append(
        Tiles(
            tiles=(
                Tile(label=words("completeness.share"), figure=shown.pct(found.complete_pct, 2)),
                Tile(label=words("completeness.expected"), figure=shown.count(found.expected_minutes)),
                Tile(label=words("completeness.present"), figure=shown.count(found.present_minutes)),
            ),
            medium=True,
            before_pt=12.0,
            keep_with_next=True,
        )
    )
    losses = tuple(
        Tile(label=words(f"completeness.{key}"), figure=shown.count(getattr(found, key))) for key in LOSSES
    )
    blocks.append(Tiles(tiles=losses, small=True, before_pt=16.0))
    if found.days:
        blocks += [subsection(words("completeness.chart")), _days(view)]
    if found.nodes:
        rows = tuple(
            (
                Cell(text=node.node),
                Cell(text=shown.count(node.expected_minutes)),
                Cell(text=shown.count(node.present_minutes)),
                Cell(text=shown.pct(node.complete_pct, 2)),
            )
            for node in found.nodes
        )
        columns = (
            Column(title=words("completeness.node"), align="left", flexible=1.0),
            *(Column(title=words(f"completeness.{title}")) for title in ("expected", "present", "share")),
        )
        blocks += [subsection(words("completeness.nodes")), Table(columns=columns, rows=rows)]
    return blocks


def _days(view: View) -> Drawing:
    words, shown, days = view.words, view.shown, view.report.completeness.days
    least = min(days, key=lambda day: day.complete_pct or 0.0)
    return Drawing(
        title=words("completeness.chart"),
        alt=words("completeness.chart_alt", least=shown.pct(least.complete_pct), day=shown.day(least.day)),
        height_pt=CHART_PT,
        paint=strip([day.day for day in days], [day.complete_pct for day in days], shown),
        before_pt=NEAR_PT,
    )


def method(view: View) -> list[Block]:
    """Return the blocks on method, on each figure's source, and the glossary."""
    words, report = view.words, view.report
    blocks = section(words("method.title"))
    if report.method:
        columns = (
            Column(title="", align="left", flexible=1.0, style=SMALL.but(weight="semibold")),
            Column(title="", align="left", flexible=3.6, style=SMALL),
        )
        entries = tuple((Cell(text=entry.title), Cell(text=entry.text)) for entry in report.method)
        blocks.append(Table(columns=columns, rows=entries, before_pt=4.0))
    if report.key_figures:
        titles = {entry.name: entry.title for entry in report.method}
        rows = tuple(
            (
                Cell(text=figure.label),
                Cell(text=figure.trace.source),
                Cell(text=titles.get(figure.trace.formula, figure.trace.formula)),
            )
            for figure in report.key_figures
        )
        heads = (
            Column(title=words("method.figure"), align="left", flexible=0.9),
            Column(title=words("method.records"), align="left", flexible=1.4, style=SMALL),
            Column(title=words("method.formula"), align="left", flexible=1.0, style=SMALL),
        )
        blocks += [subsection(words("method.sources")), Table(columns=heads, rows=rows)]
    return blocks


def glossary(view: View) -> list[Block]:
    """Return the blocks of the glossary."""
    words = view.words
    rows = tuple(
        (Cell(text=entry["term"]), Cell(text=entry["meaning"]))
        for entry in words.entries("glossary", "entries")
    )
    columns = (
        Column(title="", align="left", flexible=1.0, style=SMALL.but(weight="semibold")),
        Column(title="", align="left", flexible=3.6, style=SMALL),
    )
    return [*section(words("glossary.title")), Table(columns=columns, rows=rows, before_pt=4.0)]
