"""`garnet init`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from garnet_cli.actions.draft import Draft, DraftNode, pair, ssh_node, write
from garnet_cli.actions.trust import Confirm, Offer, offer, record
from garnet_cli.cli.commands import invocation
from garnet_cli.cli.output import Output
from garnet_cli.errors import UsageError
from garnet_cli.fleet.host_keys import HostKey
from garnet_cli.fleet.inventory import Inventory, NodeEntry
from garnet_cli.fleet.inventory_contracts import node_target
from garnet_cli.fleet.inventory_file import load_inventory
from garnet_cli.fleet.parallel import for_each
from garnet_cli.fleet.ssh import SshTransport

DEFAULT_ROOT = "/Users/Shared/garnet"


def init(  # noqa: PLR0913 -- Typer: an argument is an option
    context: typer.Context,
    nodes: Annotated[
        list[str] | None, typer.Argument(help="Nodes whose host keys are recorded; all if none is named.")
    ] = None,
    *,
    name: Annotated[str | None, typer.Option(help="The fleet's name.")] = None,
    node: Annotated[
        list[str] | None, typer.Option(metavar="NAME=[USER@]HOST[:PORT]", help="A node; repeat for each.")
    ] = None,
    local: Annotated[
        list[str] | None, typer.Option(metavar="NAME=FOLDER", help="A node in a folder of this machine.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=SOURCE", help="A model on all nodes: org/repo@commit, or a folder."),
    ] = None,
    root: Annotated[str, typer.Option(help="The nodes' folder, an absolute path there.")] = DEFAULT_ROOT,
    keys_only: Annotated[
        bool, typer.Option("--keys-only", help="Write no inventory; record host keys only.")
    ] = False,
    fingerprint: Annotated[
        list[str] | None,
        typer.Option(metavar="SHA256:…", help="A host key that is expected; nothing is asked then."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask: keys not named with --fingerprint fail.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write what was done as JSON.")] = False,
) -> None:
    """Write an inventory and record its nodes' host keys.

    An inventory that is there stays as it is. Safe to run again: known keys are left alone, new and
    changed ones are shown and recorded only when confirmed.
    """
    call = invocation(context)
    output = call.output(as_json=as_json)
    asks = output.stderr.isatty() and not yes
    written = False
    if keys_only or call.inventory.exists():
        inventory = load_inventory(call.inventory)
        if not keys_only:
            output.note(f"{call.inventory} is there and stays as it is")
    else:
        told = [ssh_node(*pair(text, "NAME=[USER@]HOST[:PORT]"), root) for text in node or []]
        told += [_local(*pair(text, "NAME=FOLDER")) for text in local or []]
        models = [pair(text, "NAME=SOURCE") for text in model or []]
        if asks and not told:
            name = name or typer.prompt("Name of the fleet", err=True)
            told = _ask_nodes(root)
        inventory = write(Draft(name=name or "garnet", nodes=told, models=models), call.inventory)
        written = True
        output.note(f"{call.inventory} written: {len(inventory.nodes)} nodes, {len(inventory.models)} models")
    confirm = _asking(output) if asks else None
    recorded = _record(inventory, inventory.select(nodes), fingerprint or [], confirm, output)
    document = {
        "inventory": call.inventory,
        "written": written,
        "recorded": [_json(each) for each in recorded],
    }
    output.report(document, lambda out: _render(out, inventory, recorded))


def _local(name: str, folder: str) -> DraftNode:
    return DraftNode(name=name, root=folder)


def _ask_nodes(root: str) -> list[DraftNode]:
    told: list[DraftNode] = []
    while True:
        name = typer.prompt("Name of a node (nothing to end)", default="", show_default=False, err=True)
        if not name and told:
            return told
        if not name:
            raise UsageError("an inventory needs a node")
        where = typer.prompt(f"Where is {name} ([user@]host[:port])", err=True)
        told.append(ssh_node(name, where, typer.prompt("Its folder there", default=root, err=True)))


def _record(
    inventory: Inventory,
    entries: Sequence[NodeEntry],
    fingerprints: list[str],
    confirm: Confirm | None,
    output: Output,
) -> list[Offer]:
    known_hosts = inventory.fleet.known_hosts
    reached = [entry for entry in entries if entry.transport == "ssh"]
    transports = {entry.name: _transport(inventory, entry, known_hosts) for entry in reached}
    # Jump hosts first: nodes behind them are reached only through one whose key is on record.
    first = {entry.jump: entry for entry in reached if entry.jump}
    jumps = _scan(list(first.values()), lambda entry: transports[entry.name].scan_jump(), output)
    offers = [_jump_offer(inventory, entry, jumps[entry.name]) for entry in first.values()]
    changed = record(offers, known_hosts, fingerprints, confirm)
    found = _scan(reached, lambda entry: transports[entry.name].scan(), output)
    offers = [
        offer(entry.name, entry.host or "", entry.port, found[entry.name], known_hosts) for entry in reached
    ]
    return changed + record(offers, known_hosts, fingerprints, confirm)


def _scan(
    entries: Sequence[NodeEntry], scan: Callable[[NodeEntry], list[HostKey]], output: Output
) -> dict[str, list[HostKey]]:
    if not entries:
        return {}
    with output.progress() as progress:
        for entry in entries:
            progress.step(entry.name, "asking for host keys")
        found = for_each(entries, scan)
        for entry in entries:
            progress.done(entry.name, f"{len(found[entry.name])} host keys")
    return found


def _transport(inventory: Inventory, entry: NodeEntry, known_hosts: Path) -> SshTransport:
    return SshTransport(node_target(inventory, entry), known_hosts)


def _jump_offer(inventory: Inventory, entry: NodeEntry, keys: Sequence[HostKey]) -> Offer:
    jump = node_target(inventory, entry).jump
    if jump is None:
        raise LookupError(f"{entry.name} has no jump host")
    return offer(f"jump host of {entry.name}", jump.host, jump.port, keys, inventory.fleet.known_hosts)


def _asking(output: Output) -> Confirm:
    def confirm(offers: Sequence[Offer]) -> bool:
        for each in offers:
            for key in each.offered:
                output.note(f"{each.node}  {each.host}  {each.state}  {key.kind}  {key.fingerprint}")
            for key in each.recorded if each.state == "changed" else ():
                output.note(f"{each.node}  {each.host}  on record until now  {key.kind}  {key.fingerprint}")
        question = "Are these the nodes' own keys (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub there)?"
        return typer.confirm(question, default=False, err=True)

    return confirm


def _json(each: Offer) -> dict[str, object]:
    keys = [{"kind": key.kind, "fingerprint": key.fingerprint} for key in each.offered]
    return {"node": each.node, "host": each.host, "port": each.port, "was": each.state, "offered": keys}


def _render(output: Output, inventory: Inventory, recorded: Sequence[Offer]) -> None:
    if recorded:
        names = ", ".join(each.node for each in recorded)
        output.line(f"host keys recorded in {inventory.fleet.known_hosts}: {names}")
    else:
        output.line("no host key was new")
    output.note("next: `garnet check`, then `garnet up`")
