"""`garnet top` on a terminal, by rich: clear at 80 columns, fuller from 130 on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from garnet_cli.cli.output import clean
from garnet_cli.dashboard.top_cells import (
    DASH,
    MODEL_COLUMNS,
    MODEL_COLUMNS_WIDE,
    NODE_COLUMNS,
    NODE_COLUMNS_WIDE,
    alert_line,
    clock,
    model_cells,
    node_cells,
)
from garnet_cli.dashboard.top_data import ModelRow, NodeRow, TopView

WIDE = 130
"""From so many columns on everything is shown."""
FURNITURE_LINES = 8
"""Headings, blank lines and the line of keys."""
FEWEST = 3
ALERTS_SHOWN = 5
WARM_PCT, HOT_PCT = 3.0, 5.0
SHORTEST_NAME = 8
ROOMY_NAME = 16
"""Names stand in a column this wide at least, where there is room."""

STATE_STYLES = {"serving": "green", "lost": "bold red", "no proxy": "bold red", "degraded": "bold red"}
LOADER_COLUMN = "loaders"


def screen(
    view: TopView, width: int, height: int | None = None, zone: tzinfo | None = None
) -> RenderableType:
    """Return the whole screen.

    Where ``height`` lines do not hold every row, nodes that ail come first and the rest is counted.
    """
    wide = width >= WIDE
    alerts = _alerts(view, zone)
    notes = [row for row in view.nodes if row.note][:ALERTS_SHOWN]
    room = None if height is None else max(2 * FEWEST, height - FURNITURE_LINES - len(alerts) - len(notes))
    nodes, models = _fitting(view, room)
    parts: list[RenderableType] = [_header(view, width, zone), *alerts, Text()]
    parts.append(_nodes(nodes, wide=wide, width=width))
    parts += _rest(len(view.nodes) - len(nodes), "nodes")
    parts += [Text(f"  {clean(row.node)}: {clean(row.note)}", style="dim", no_wrap=True, overflow="ellipsis")
              for row in notes]  # fmt: skip
    parts += [
        Text(),
        _models(models, wide=wide, width=width),
        *_rest(len(view.models) - len(models), "models"),
    ]
    hints = ["p50 and p95: 5 minutes, the slowest node"] if len(view.nodes) > 1 and view.models else []
    hints += ["q ends"] if height is not None else []
    parts.append(Text("   ".join(hints), style="dim"))
    return Group(*parts)


def _header(view: TopView, width: int, zone: tzinfo | None) -> RenderableType:
    lost = sum(row.state in ("lost", "no proxy") for row in view.nodes)
    count = f"{len(view.nodes)} nodes" if len(view.nodes) != 1 else "1 node"
    left = Text.assemble((clean(view.fleet), "bold"), f"  {count}" + (f", {lost} lost" if lost else ""))
    spool = DASH if view.spool_minutes is None else str(view.spool_minutes)
    store = Text("store ")
    store.append(view.store, style={"failing": "bold red", "ok": "green"}.get(view.store, "dim"))
    store.append(f"  spool {spool} min  {clock(view.time_unix, zone)}")
    grid = Table.grid(expand=True)
    grid.add_column(no_wrap=True, overflow="ellipsis")
    grid.add_column(justify="right", no_wrap=True)
    grid.add_row(left, store)
    grid.width = width
    return grid


def _alerts(view: TopView, zone: tzinfo | None) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for row in view.alerts[:ALERTS_SHOWN]:
        style = "dim" if row.untold else "bold red" if row.severity == "critical" else "yellow"
        line = Text("▲ ", style=style, no_wrap=True, overflow="ellipsis")
        line.append(clean(alert_line(row, zone)))
        lines.append(line)
    more = len(view.alerts) - ALERTS_SHOWN
    if more > 0:
        lines.append(Text(f"  and {more} more: garnet alerts list", style="dim"))
    if view.store_failing:
        lines.append(Text(f"▲ no store from {clean(', '.join(view.store_failing))}", style="bold red"))
    if view.incidents_open:
        lines.append(Text(f"open incidents: {clean(', '.join(view.incidents_open))}", style="yellow"))
    return lines


def _fitting(view: TopView, room: int | None) -> tuple[Sequence[NodeRow], Sequence[ModelRow]]:
    """Share ``room`` lines: models get what nodes leave, but at least FEWEST."""
    if room is None or len(view.nodes) + len(view.models) <= room:
        return view.nodes, view.models
    for_nodes = max(FEWEST, room - max(FEWEST, min(len(view.models), room // 2)))
    nodes = sorted(view.nodes, key=_concern)[:for_nodes]
    models = sorted(view.models, key=lambda row: -(row.tokens_per_s or 0))[: max(FEWEST, room - len(nodes))]
    return nodes, models


def _concern(row: NodeRow) -> tuple[bool, bool]:
    return (not row.ailing, (row.throttle_pct or 0.0) <= WARM_PCT)


def _rest(count: int, what: str) -> list[RenderableType]:
    return (
        [Text(f"  and {count} more {what}: a taller terminal shows them", style="dim")] if count > 0 else []
    )


def _nodes(rows: Sequence[NodeRow], *, wide: bool, width: int) -> Table:
    columns = NODE_COLUMNS_WIDE if wide else NODE_COLUMNS
    drawn = [[Text(clean(cell)) for cell in node_cells(row, wide=wide)] for row in rows]
    for row, cells in zip(rows, drawn, strict=True):
        cells[1].stylize(STATE_STYLES.get(row.state, "yellow" if row.ailing else ""))
        if row.throttle_pct is not None and row.throttle_pct > WARM_PCT:
            cells[3].stylize("bold red" if row.throttle_pct > HOT_PCT else "yellow")
        if row.state == "lost":
            cells[-1].stylize("bold red")
    return _table(columns, drawn, width)


def _models(rows: Sequence[ModelRow], *, wide: bool, width: int) -> Table:
    columns = MODEL_COLUMNS_WIDE if wide else MODEL_COLUMNS
    drawn = [[Text(clean(cell)) for cell in model_cells(row, wide=wide)] for row in rows]
    for row, cells in zip(rows, drawn, strict=True):
        if set(row.loaders) & {"down", "suspect"}:
            cells[-1].stylize("bold red")
    return _table(columns, drawn, width)


def _table(columns: Sequence[str], rows: Sequence[Sequence[Text]], width: int) -> Table:
    """Return a table as wide as it must be; where that is too wide, gaps shrink first and then names."""
    widths = [max([len(name), *(row[at].cell_len for row in rows)]) for at, name in enumerate(columns)]
    figures = sum(widths[1:])
    gap = 2 if sum(widths) + 2 * len(columns) <= width else 1
    room = max(SHORTEST_NAME, width - figures - gap * len(columns))
    table = Table(box=None, padding=(0, gap, 0, 0), header_style="dim", pad_edge=False)
    for at, name in enumerate(columns):
        left = at == 0 or name in ("state", LOADER_COLUMN)
        wide = min(room, max(widths[0], ROOMY_NAME)) if at == 0 else None
        justify: Literal["left", "right"] = "left" if left else "right"
        table.add_column(name, justify=justify, no_wrap=True, overflow="ellipsis", width=wide)
    for row in rows:
        row[0].stylize("bold")
        for cell in row:
            if cell.plain == DASH:
                cell.stylize("dim")
        table.add_row(*row)
    return table
