"""The sections on heat and on evictions."""

from __future__ import annotations

from garnet_cli.report.blocks import Drawing, Paragraph
from garnet_cli.report.chart_days import shares
from garnet_cli.report.layout import Block
from garnet_cli.report.sections import EvictionLine, NodeThermal
from garnet_cli.report.table import Cell, Column, Table
from garnet_cli.report.tiles import Tile, Tiles
from garnet_cli.report.view import NEAR_PT, View, section, subsection

CHART_PT = 106.0
TARGET_PCT = 1.0
"""Throttled share of inference time, of the scorecard."""


def thermal(view: View) -> list[Block]:
    """Return the blocks of the section on heat."""
    words, found = view.words, view.report.thermal
    blocks = section(words("thermal.title"), found.says)
    known = [day for day in found.days if day.throttle_pct is not None]
    if known:
        target = _target(view)
        aside = words("thermal.chart_aside", target=view.shown.target(target, "pct"))
        if len(known) < len(found.days):
            aside += f" {words('thermal.unknown_days')}"
        blocks += [subsection(words("thermal.chart"), aside), _days(view, target)]
    elif not found.says:
        blocks.append(Paragraph(text=words("thermal.no_level")))
    if found.ambient.says:
        blocks += [subsection(words("thermal.ambient")), Paragraph(text=found.ambient.says)]
    if found.nodes:
        blocks += [subsection(words("thermal.nodes")), _nodes(view)]
    return blocks


def _target(view: View) -> float:
    """Return the target of page 1, where it has one."""
    return next(
        (
            figure.target
            for figure in view.report.key_figures
            if figure.key == "throttle" and figure.target is not None
        ),
        TARGET_PCT,
    )


def _days(view: View, target_pct: float) -> Drawing:
    words, shown, days = view.words, view.shown, view.report.thermal.days
    peak = max((day for day in days if day.throttle_pct is not None), key=lambda day: day.throttle_pct or 0.0)
    return Drawing(
        title=words("thermal.chart"),
        alt=words("thermal.alt", peak=shown.pct(peak.throttle_pct), day=shown.day(peak.day)),
        height_pt=CHART_PT,
        paint=shares(
            [day.day for day in days],
            [day.throttle_pct for day in days],
            target_pct,
            words("thermal.target_label"),
            shown,
        ),
        before_pt=NEAR_PT,
    )


def _nodes(view: View) -> Table:
    words, shown = view.words, view.shown

    def row(node: NodeThermal) -> tuple[Cell, ...]:
        return (
            Cell(text=node.node),
            Cell(text=shown.number(node.peak_package_celsius, 1)),
            Cell(text=shown.number(node.peak_core_celsius, 1)),
            Cell(text=shown.number(node.busy_hours, 1)),
            Cell(text=shown.number(node.throttled_hours, 2)),
            Cell(text=shown.pct(node.throttle_pct, 2)),
            Cell(text=shown.count(node.throttle_events)),
        )

    titles = ("peak_package", "peak_core", "busy", "throttled", "share", "events")
    return Table(
        columns=(
            Column(title=words("thermal.node"), align="left", flexible=1.0),
            *(Column(title=words(f"thermal.{title}")) for title in titles),
        ),
        rows=tuple(row(node) for node in view.report.thermal.nodes),
    )


def evictions(view: View) -> list[Block]:
    """Return the blocks of the section on evictions."""
    words, shown, found = view.words, view.shown, view.report.evictions
    blocks = section(words("evictions.title"), found.says)
    nothing = not found.model_evictions and not found.cache_evictions and not found.lines
    if nothing:
        if not found.says:
            blocks.append(Paragraph(text=words("evictions.none")))
        return blocks
    before = ""
    if found.cache_evictions_before is not None:
        before = words(
            "evictions.against",
            value=shown.short(found.cache_evictions_before),
            before=shown.period(view.report.period.before_name),
        )
    blocks.append(
        Tiles(
            tiles=(
                Tile(label=words("evictions.models_evicted"), figure=shown.count(found.model_evictions)),
                Tile(
                    label=words("evictions.cache_evicted"),
                    figure=shown.short(found.cache_evictions),
                    note=before,
                ),
                Tile(label=words("evictions.cache_bytes"), figure=shown.bytes(found.cache_evicted_bytes)),
            ),
            before_pt=12.0,
        )
    )
    if found.lines:
        blocks += [subsection(words("evictions.top")), _lines(view)]
    return blocks


def _lines(view: View) -> Table:
    words, shown = view.words, view.shown

    def row(line: EvictionLine) -> tuple[Cell, ...]:
        return (
            Cell(text=line.model, note=line.node),
            Cell(text=words(f"evictions.what_{line.what}")),
            Cell(text=shown.count(line.count)),
            Cell(text=shown.bytes(line.evicted_bytes)),
            Cell(
                text=line.verdict,
                sign="unknown" if line.justified is None else "yes" if line.justified else "no",
            ),
            Cell(text=line.why),
        )

    return Table(
        columns=(
            Column(
                title=f"{words('evictions.model')}, {words('evictions.node').lower()}",
                align="left",
                flexible=1.0,
            ),
            Column(title=words("evictions.what"), align="left"),
            Column(title=words("evictions.count")),
            Column(title=words("evictions.bytes")),
            Column(title=words("evictions.verdict"), align="left", flexible=0.7),
            Column(title=words("evictions.why"), align="left", flexible=1.5),
        ),
        rows=tuple(row(line) for line in view.report.evictions.lines),
    )
