"""`garnet top`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from garnet_cli.cli.commands import invocation
from garnet_cli.cli.loading import load
from garnet_cli.cli.output import Output, clean
from garnet_cli.dashboard.keyboard import keyboard
from garnet_cli.dashboard.looks import Look, Node, look_once, watching
from garnet_cli.dashboard.top_cells import (
    DASH,
    MODEL_COLUMNS_WIDE,
    NODE_COLUMNS_WIDE,
    alert_line,
    model_cells,
    node_cells,
)
from garnet_cli.dashboard.top_data import TopView
from garnet_cli.dashboard.top_rows import top_view
from garnet_cli.errors import UnreachableError
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.inventory_contracts import node_target
from garnet_cli.fleet.node import NodeHandle

DRAW_EVERY_S = 0.5
"""Ages count up between two looks; a key is heard at once."""

QUIT_KEYS = ("q", "Q", "\x04")

Connect = Callable[[str], Node]


def top(
    context: typer.Context,
    nodes: Annotated[list[str] | None, typer.Argument(help="Nodes; all of them if none is named.")] = None,
    *,
    once: Annotated[bool, typer.Option("--once", help="Look once and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Look once and write JSON.")] = False,
) -> None:
    """Watch nodes, models, throttling and alerts as they are now.

    Looks every two seconds until q or Ctrl-C; once where there is no terminal. A dash is unknown. Looking
    once exits with 4 if a node does not answer.
    """
    call = invocation(context)
    output = call.output(as_json=as_json)
    inventory = load(call.inventory)
    names = [entry.name for entry in inventory.select(nodes)]
    models = [model.name for model in inventory.models if set(model.nodes) & set(names)]

    def connect(name: str) -> Node:
        return NodeHandle(node_target(inventory, inventory.node(name)), inventory.fleet.known_hosts)

    on_terminal = output.stdout.isatty() and output.environment.get("TERM") != "dumb"
    if on_terminal and not once and not as_json:
        _follow(output, inventory, names, models, connect)
        return
    view = _view(inventory, look_once(names, connect), models)
    output.report(view, lambda out: _draw(out, view) if on_terminal else write_plain(out, view))
    lost = [row.node for row in view.nodes if row.state == "lost"]
    if lost:
        raise UnreachableError(f"not reached: {', '.join(lost)}", remedy="run `garnet check`")


def write_plain(output: Output, view: TopView) -> None:
    """Write the view as aligned text."""
    output.table(NODE_COLUMNS_WIDE, [node_cells(row, wide=True) for row in view.nodes])
    output.line()
    output.table(MODEL_COLUMNS_WIDE, [model_cells(row, wide=True) for row in view.models])
    output.line()
    for row in view.nodes:
        if row.note:
            output.line(clean(f"{row.node}: {row.note}"))
    for alert in view.alerts:
        output.line(clean(f"alert: {alert_line(alert, None)}"))
    for incident in view.incidents_open:
        output.line(clean(f"open incident: {incident}"))
    waiting = DASH if view.spool_minutes is None else str(view.spool_minutes)
    output.line(f"store: {view.store}; minutes waiting to be shipped: {waiting}")


def _view(inventory: Inventory, looks: Sequence[Look], models: Sequence[str]) -> TopView:
    fleet = inventory.fleet
    return top_view(fleet.name, looks, time.time(), models, has_store=fleet.store is not None)


def _follow(
    output: Output, inventory: Inventory, names: Sequence[str], models: Sequence[str], connect: Connect
) -> None:
    from rich.console import Console  # noqa: PLC0415 -- 40 ms that only terminals pay
    from rich.live import Live  # noqa: PLC0415 -- likewise

    from garnet_cli.dashboard.top_screen import screen  # noqa: PLC0415 -- likewise

    console = Console(file=output.stdout, no_color="NO_COLOR" in output.environment, highlight=False)
    try:
        with (
            keyboard(sys.stdin) as keys,
            watching(names, connect) as watch,
            Live(console=console, screen=True, auto_refresh=False) as live,
        ):
            while True:
                view = _view(inventory, watch.looks(), models)
                live.update(screen(view, console.width, console.height), refresh=True)
                if keys.wait(DRAW_EVERY_S) in QUIT_KEYS:
                    break
    except KeyboardInterrupt:
        return


def _draw(output: Output, view: TopView) -> None:
    from rich.console import Console  # noqa: PLC0415 -- 40 ms that only terminals pay

    from garnet_cli.dashboard.top_screen import screen  # noqa: PLC0415 -- likewise

    console = Console(file=output.stdout, no_color="NO_COLOR" in output.environment, highlight=False)
    console.print(screen(view, console.width))
