"""`garnet status`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from garnet_cli.actions.status import NodeStatus
from garnet_cli.actions.status import status as ask_status
from garnet_cli.actions.swap_command import going_on
from garnet_cli.cli.commands import invocation
from garnet_cli.cli.loading import load
from garnet_cli.cli.output import Output
from garnet_cli.errors import NodeError, UnreachableError
from garnet_cli.fleet.connect import connected
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.judge.memory import GIB
from garnet_cli.judge.monitoring import status_lines
from node_scripts.contracts import LoaderStatus

COLUMNS = (
    *("node", "model", "slot", "loader", "state", "in flight", "queued", "served", "errors", "p95 ms"),
    *("memory", "source", "last error"),
)


def status(
    context: typer.Context,
    nodes: Annotated[list[str] | None, typer.Argument(help="Nodes; all of them if none is named.")] = None,
    *,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again every two seconds.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, one document a look.")] = False,
) -> None:
    """Show nodes, loaders and slots as they are.

    Exits with 4 if a node does not answer and with 1 if a proxy or a loader is down.
    """
    call = invocation(context)
    output = call.output(as_json=as_json)
    inventory = load(call.inventory)
    entries = inventory.select(nodes)
    names = [entry.name for entry in entries]
    with connected(inventory, entries) as connection:
        while True:
            found = ask_status(names, connection.nodes, connection.errors)
            if watch and not as_json and output.stdout.isatty():
                output.stdout.write("\x1b[H\x1b[2J")
            if as_json:
                output.json([one_as_json(one) for one in found])
            else:
                render(output, found, inventory)
            if not watch:
                break
            time.sleep(2)
    _raise_for(found)


def render(output: Output, found: Sequence[NodeStatus], inventory: Inventory) -> None:
    """Write the table of slots, then what else is wrong."""
    output.table(COLUMNS, [row for one in found for row in _rows(one)])
    for one in found:
        for peer in one.proxy.peers if one.proxy else []:
            if not peer.reachable:
                output.line(f"{one.node} does not reach {peer.name}: {peer.last_error or 'no heartbeat'}")
        for journal in one.facts.swaps if one.facts else []:
            output.line(
                f"{one.node}: a swap of {journal.model} by {journal.who} is unfinished since "
                f"{journal.started}; go on with `{going_on(one.node, journal, inventory)}`,"
                f" or undo it with `garnet swap {one.node} {journal.model} --abort`"
            )
        for line in status_lines(one.node, one.facts) if one.facts else []:
            output.line(line)
        lease = one.facts.lease if one.facts else None
        if lease:
            output.line(f"{one.node}: {lease.who} runs `{lease.purpose}` since {lease.since}")


def one_as_json(one: NodeStatus) -> dict[str, Any]:
    """Return one node's status as plain JSON."""
    import msgspec  # noqa: PLC0415 -- not for --help

    return msgspec.to_builtins(one)  # type: ignore[no-any-return]


def _rows(one: NodeStatus) -> list[Sequence[object]]:
    if one.proxy is None:
        state = "unreachable" if one.unreachable else "proxy down"
        return [(one.node, None, None, None, state, *[None] * 7, one.error)]
    rows: list[Sequence[object]] = []
    for slot in one.proxy.slots:
        for role, loader in (("active", slot.active), ("next", slot.next), ("previous", slot.previous)):
            if loader is not None:
                rows.append(_loader_row(one.node, slot.model, role, loader))
    rows.extend(_loader_row(one.node, loader.spec.model, "draining", loader) for loader in one.proxy.draining)
    return rows or [(one.node, None, None, None, "no model", *[None] * 7, one.proxy.last_error)]


def _loader_row(node: str, model: str, role: str, loader: LoaderStatus) -> Sequence[object]:
    memory = loader.stats.memory_bytes if loader.stats else None
    p95 = loader.latency.p95_ms
    return (
        *(node, model, role, loader.spec.name, loader.state, loader.in_flight, loader.queued),
        *(loader.served, loader.errors, None if p95 is None else f"{p95:.0f}"),
        None if memory is None else f"{memory / GIB:.2f} GiB",
        *(loader.spec.source or loader.spec.artifact, loader.last_error),
    )


def _raise_for(found: Sequence[NodeStatus]) -> None:
    lost = [one.node for one in found if one.unreachable]
    if lost:
        raise UnreachableError(f"not reached: {', '.join(lost)}", remedy="run `garnet check`")
    down = [one.node for one in found if one.proxy is None]
    down += [
        f"{one.node} ({slot.model})"
        for one in found
        for slot in (one.proxy.slots if one.proxy else [])
        if slot.active is not None and slot.active.state == "down"
    ]
    if down:
        raise NodeError(f"down: {', '.join(down)}", remedy="run `garnet logs` and `garnet up`")
