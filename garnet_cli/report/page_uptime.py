"""The section on uptime and incidents."""

from __future__ import annotations

from garnet_cli.report.blocks import Paragraph
from garnet_cli.report.layout import Block
from garnet_cli.report.sections import IncidentLine, NodeUptime
from garnet_cli.report.table import Cell, Column, Table
from garnet_cli.report.tiles import Tile, Tiles
from garnet_cli.report.view import View, section, subsection


def uptime(view: View) -> list[Block]:
    """Return the section's blocks."""
    words, found = view.words, view.report.uptime
    blocks = [*section(words("uptime.title"), found.says), _totals(view), _counts(view)]
    blocks.append(subsection(words("uptime.incidents")))
    blocks.append(_incidents(view) if found.incidents else Paragraph(text=words("uptime.no_incidents")))
    if found.nodes:
        blocks += [subsection(words("uptime.chart")), _nodes(view)]
    return blocks


def _totals(view: View) -> Tiles:
    words, shown, found = view.words, view.shown, view.report.uptime
    before = ""
    if found.serving_pct_before is not None:
        name = shown.period(view.report.period.before_name)
        before = words("evictions.against", value=shown.pct(found.serving_pct_before, 3), before=name)
    return Tiles(
        tiles=(
            Tile(label=words("uptime.serving"), figure=shown.pct(found.serving.uptime_pct, 3), note=before),
            Tile(label=words("uptime.fleet"), figure=shown.pct(found.fleet.uptime_pct, 3)),
            Tile(label=words("uptime.swap_window"), figure=shown.seconds(found.swap_window_max_s)),
        ),
        before_pt=12.0,
        keep_with_next=True,
    )


def _counts(view: View) -> Tiles:
    words, shown, found = view.words, view.shown, view.report.uptime
    counts = (
        ("incidents", len(found.incidents)),
        ("restarts", found.restarts),
        ("swaps", found.swaps),
        ("failed_swaps", found.failed_swaps),
        ("deploys", found.deploys),
    )
    return Tiles(
        tiles=tuple(Tile(label=words(f"uptime.{key}"), figure=shown.count(count)) for key, count in counts),
        small=True,
        before_pt=16.0,
    )


def _incidents(view: View) -> Table:
    words, shown = view.words, view.shown

    def row(incident: IncidentLine) -> tuple[Cell, ...]:
        lasted = words("uptime.going_on") if incident.lasted_s is None else shown.seconds(incident.lasted_s)
        what = ", ".join([*incident.rules, *incident.models])
        return (
            Cell(text=shown.local(incident.begin_local), note=lasted),
            Cell(text=incident.node, note=incident.severity),
            Cell(text=what),
            Cell(text=incident.cause or words("uptime.no_cause")),
            Cell(text=incident.fix or words("uptime.no_cause")),
        )

    return Table(
        columns=(
            Column(title=f"{words('uptime.begin')}, {words('uptime.lasted').lower()}", align="left"),
            Column(
                title=f"{words('uptime.node')}, {words('uptime.severity').lower()}",
                align="left",
                flexible=0.8,
            ),
            Column(title=words("uptime.rules"), align="left", flexible=1.0),
            Column(title=words("uptime.cause"), align="left", flexible=1.5),
            Column(title=words("uptime.fix"), align="left", flexible=1.5),
        ),
        rows=tuple(row(incident) for incident in view.report.uptime.incidents),
    )


def _nodes(view: View) -> Table:
    words, shown = view.words, view.shown

    def row(node: NodeUptime) -> tuple[Cell, ...]:
        return (
            Cell(text=node.node),
            Cell(text=shown.pct(node.uptime_pct, 3)),
            Cell(text=shown.seconds(node.down_s)),
            Cell(text=shown.seconds(node.unknown_s)),
            Cell(text=shown.seconds(node.cut_off_s)),
        )

    return Table(
        columns=(
            Column(title=words("uptime.node"), align="left", flexible=1.0),
            *(Column(title=words(f"uptime.{title}")) for title in ("uptime", "down", "unknown", "cut_off")),
        ),
        rows=tuple(row(node) for node in view.report.uptime.nodes),
    )
