"""The section on distribution: the placement map, whether to rebalance, and the load of each node."""

from __future__ import annotations

from garnet_cli.report.blocks import Drawing, Paragraph
from garnet_cli.report.layout import Block
from garnet_cli.report.palette import LADDER
from garnet_cli.report.placement_map import (
    FIGURES_FROM_PT,
    MOST_ROWS,
    NAMES_PT,
    height_pt,
    most_nodes,
    parts,
    placement,
)
from garnet_cli.report.sections import Move, NodeLoad
from garnet_cli.report.style import STRONG
from garnet_cli.report.table import Cell, Column, Table
from garnet_cli.report.view import NEAR_PT, View, note, section, subsection


def distribution(view: View) -> list[Block]:
    """Return the section's blocks."""
    words, found = view.words, view.report.distribution
    blocks = section(words("distribution.title"), found.says)
    if found.models and found.nodes:
        blocks += _maps(view)
    elif not found.says:
        blocks.append(Paragraph(text=words("distribution.none")))
    answer = {True: "yes", False: "no", None: "unknown"}[found.rebalance]
    blocks += [
        subsection(words("distribution.rebalance")),
        Paragraph(text=words(f"distribution.{answer}"), style=STRONG, keep_with_next=True),
        Paragraph(text=found.why),
    ]
    if found.moves:
        blocks += [subsection(words("distribution.moves")), _moves(view)]
        if found.solver:
            blocks.append(note(found.solver))
    if found.nodes:
        blocks += [subsection(words("distribution.nodes")), _nodes(view)]
    return blocks


def _maps(view: View) -> list[Block]:
    words, found, wide = view.words, view.report.distribution, view.form.text_width_pt
    names = [node.node for node in found.nodes]
    node_parts, model_parts = parts(names, most_nodes(wide)), parts(found.models, MOST_ROWS)
    figures = (wide - NAMES_PT) / len(node_parts[0]) >= FIGURES_FROM_PT
    aside = words("distribution.map_aside") + (f" {words('distribution.map_figures')}" if figures else "")
    blocks: list[Block] = [subsection(words("distribution.map"), aside)]
    for nodes in node_parts:
        for models in model_parts:
            if len(node_parts) > 1 and models is model_parts[0]:
                title = words("distribution.map_part", first=nodes[0], last=nodes[-1])
                blocks.append(Paragraph(text=title, style=STRONG, before_pt=NEAR_PT, keep_with_next=True))
            blocks.append(
                Drawing(
                    title=words("distribution.map"),
                    alt=_alt(view, set(models), set(nodes)),
                    height_pt=height_pt(models, nodes, wide),
                    paint=placement(models, nodes, found.placed, view.shown),
                    before_pt=NEAR_PT,
                )
            )
    return blocks


def _alt(view: View, models: set[str], nodes: set[str]) -> str:
    words = view.words
    pairs = [pair for pair in view.report.distribution.placed if pair.model in models and pair.node in nodes]
    busiest = max(
        (pair for pair in pairs if pair.busy_pct), key=lambda pair: pair.busy_pct or 0.0, default=None
    )
    told = words("distribution.map_alt_idle")
    if busiest is not None:
        told = words(
            "distribution.map_alt_busiest",
            model=busiest.model,
            node=busiest.node,
            pct=view.shown.pct(busiest.busy_pct),
        )
    return words(
        "distribution.map_alt",
        models=str(len(models)),
        nodes=str(len(nodes)),
        pairs=str(len(pairs)),
        busiest=told,
    )


def _moves(view: View) -> Table:
    words = view.words

    def row(move: Move) -> tuple[Cell, ...]:
        return Cell(text=move.action), Cell(text=move.model), Cell(text=move.node), Cell(text=move.reason)

    shares = {"action": 0.5, "model": 1.0, "node": 0.6, "reason": 1.6}
    return Table(
        columns=tuple(
            Column(title=words(f"distribution.{title}"), align="left", flexible=share)
            for title, share in shares.items()
        ),
        rows=tuple(row(move) for move in view.report.distribution.moves),
    )


def _nodes(view: View) -> Table:
    words, shown = view.words, view.shown

    def row(node: NodeLoad) -> tuple[Cell, ...]:
        return (
            Cell(text=node.node),
            Cell(text=shown.count(node.models)),
            Cell(bar=min(1.0, (node.busy_pct or 0.0) / 100)),
            Cell(text=shown.pct(node.busy_pct)),
            Cell(bar=min(1.0, (node.memory_pct or 0.0) / 100)),
            Cell(text=shown.pct(node.memory_pct)),
            Cell(text=shown.pct(node.throttle_pct, 2)),
        )

    return Table(
        columns=(
            Column(title=words("distribution.node"), align="left", flexible=1.0),
            Column(title=words("distribution.models")),
            Column(title="", align="left", flexible=0.45, bar_colour=LADDER[1]),
            Column(title=words("distribution.busy")),
            Column(title="", align="left", flexible=0.45, bar_colour=LADDER[2]),
            Column(title=words("distribution.memory")),
            Column(title=words("distribution.throttled")),
        ),
        rows=tuple(row(node) for node in view.report.distribution.nodes),
    )
