"""`garnet status`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from garnet_cli.actions.status import Looks, NodeStatus
from garnet_cli.actions.swap_command import going_on
from garnet_cli.cli.commands import invocation
from garnet_cli.cli.loading import load
from garnet_cli.cli.output import Output, clean
from garnet_cli.errors import NodeError, UnreachableError
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.inventory_contracts import node_target
from garnet_cli.fleet.node import NodeHandle
from garnet_cli.fleet.source import COMMIT
from garnet_cli.judge.down import failed_jobs, what_is_down
from garnet_cli.judge.memory import GIB
from garnet_cli.judge.monitoring import status_lines
from node_scripts.contracts import LoaderStatus, ProxyStatus

COLUMNS = (
    *("node", "model", "slot", "loader", "state", "in flight", "queued", "served", "errors", "p95 ms"),
    *("memory GiB", "source"),
)
LOOK_EVERY_S = 2.0
LEFT_OUT_FIRST = ("source", "queued", "memory GiB", "served", "slot")
"""Columns that a narrow terminal does without, in this order."""


def status(
    context: typer.Context,
    nodes: Annotated[list[str] | None, typer.Argument(help="Nodes; all of them if none is named.")] = None,
    *,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again every two seconds.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, one document a look.")] = False,
) -> None:
    """Show nodes, loaders and slots as they are.

    Exits with 4 if a node does not answer and with 1 if a proxy, a loader or another job is down.
    """
    call = invocation(context)
    output = call.output(as_json=as_json)
    inventory = load(call.inventory)
    looks = Looks(
        [entry.name for entry in inventory.select(nodes)],
        lambda name: NodeHandle(node_target(inventory, inventory.node(name)), inventory.fleet.known_hosts),
    )
    try:
        while True:
            found = looks.look()
            if watch and not as_json and output.stdout.isatty():
                output.stdout.write("\x1b[H\x1b[2J")
            if as_json:
                output.json([one_as_json(one) for one in found])
            else:
                render(output, found, inventory)
            if not watch:
                break
            time.sleep(LOOK_EVERY_S)
    finally:
        looks.close()
    _raise_for(found)


def render(output: Output, found: Sequence[NodeStatus], inventory: Inventory) -> None:
    """Write the table of slots, then what else is wrong."""
    output.table(COLUMNS, [row for one in found for row in _rows(one)], left_out_first=LEFT_OUT_FIRST)
    for one in found:
        for line in _errors(one):
            output.line(clean(line))
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


def short_source(source: str) -> str:
    """Return the last part of a source's path, with the first digits of its commit."""
    name, _, revision = source.rstrip("/").rpartition("/")[2].partition("@")
    if not revision:
        return name
    return f"{name}@{revision[:8] if COMMIT.fullmatch(revision) else revision}"


def _rows(one: NodeStatus) -> list[Sequence[object]]:
    if one.proxy is None:
        state = "unreachable" if one.unreachable else "proxy down"
        return [(one.node, None, None, None, state, *[None] * 7)]
    rows: list[Sequence[object]] = [
        _loader_row(one.node, role, loader) for role, loader in _loaders(one.proxy)
    ]
    return rows or [(one.node, None, None, None, "no model", *[None] * 7)]


def _loaders(proxy: ProxyStatus) -> Iterator[tuple[str, LoaderStatus]]:
    for slot in proxy.slots:
        for role, loader in (("active", slot.active), ("next", slot.next), ("previous", slot.previous)):
            if loader is not None:
                yield role, loader
    for loader in proxy.draining:
        yield "draining", loader


def _loader_row(node: str, role: str, loader: LoaderStatus) -> Sequence[object]:
    memory = loader.stats.memory_bytes if loader.stats else None
    p95 = loader.latency.p95_ms
    return (
        *(node, loader.spec.model, role, loader.spec.name, loader.state, loader.in_flight, loader.queued),
        *(loader.served, loader.errors, None if p95 is None else f"{p95:.0f}"),
        None if memory is None else f"{memory / GIB:.2f}",
        short_source(loader.spec.source or loader.spec.artifact),
    )


def _errors(one: NodeStatus) -> Iterator[str]:
    """Yield what went wrong last on a node, a line each."""
    if one.error:
        yield f"{one.node}: {one.error}"
    if one.proxy is not None:
        if one.proxy.last_error:
            yield f"{one.node}: the proxy's last error: {one.proxy.last_error}"
        for _, loader in _loaders(one.proxy):
            if loader.last_error:
                yield f"{one.node}: the last error of {loader.spec.name}: {loader.last_error}"
    for job in failed_jobs(one.facts) if one.facts else []:
        why = f": {job.detail}" if job.detail else ""
        yield f"{one.node}: {job.name} does not stay up{why}; see `garnet logs {one.node} --job {job.name}`"


def _raise_for(found: Sequence[NodeStatus]) -> None:
    lost = [one.node for one in found if one.unreachable]
    if lost:
        raise UnreachableError(f"not reached: {', '.join(lost)}", remedy="run `garnet check`")
    down = [
        f"{one.node} ({what})" for one in found if one.facts for what in what_is_down(one.facts, one.proxy)
    ]
    if down:
        raise NodeError(f"down: {', '.join(down)}", remedy="run `garnet logs` and `garnet up`")
