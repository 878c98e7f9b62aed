"""`garnet alerts`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from garnet_cli.actions import alerts as actions
from garnet_cli.actions import leases
from garnet_cli.cli.commands import invocation
from garnet_cli.cli.output import Output
from garnet_cli.errors import FleetError, GarnetError, NodeError, UnreachableError, UsageError
from garnet_cli.fleet.connect import Connection, ask_each, connected
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.inventory_file import load_inventory
from garnet_cli.fleet.secrets_file import read_secrets
from garnet_cli.store.connect import open_store, store_errors
from node_scripts.monitor.alerts.delivery import Delivered
from node_scripts.monitor.alerts.messages import duration, figure, when
from node_scripts.monitor.alerts.silences import ANY, Silence
from node_scripts.monitor.config import ROUTES

Json = Annotated[bool, typer.Option("--json", help="Write the answer as JSON.")]

ALERT_COLUMNS = ("node", "rule", "severity", "subject", "value", "threshold", "since", "told", "told by")
SILENCE_COLUMNS = ("id", "rule", "node", "until", "reason", "who")

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="List, test and silence alerts; watch for nodes that have fallen silent.\n\n"
    "Alerts are raised and sent by the nodes themselves, also while no operator's machine is on.",
)


@app.command("list")
def list_(context: typer.Context, *, as_json: Json = False) -> None:
    """List what fires now, by the word of each node's monitor.

    Exits with 1 if an alert fires that is neither silenced nor explained by another, or if a monitor does
    not run, and with 4 if a node does not answer.
    """
    now_unix = time.time()
    with _fleet(context, as_json=as_json) as (output, _, connection):
        found, failed = ask_each(connection.nodes, actions.read_alerts)
    errors = {**connection.errors, **failed}
    stale = [one.node for one in found.values() if not one.fresh(now_unix)]
    unread = {one.node: one.silences_error for one in found.values() if one.silences_error}
    document = {
        "alerts": [{"told_by": one.node, "alert": alert} for one in found.values() for alert in one.alerts],
        "monitors": {one.node: one.time_unix for one in found.values()},
        "not_running": stale,
        "silences_errors": unread,
        "unreachable": sorted(errors),
    }
    output.report(document, lambda out: out.table(ALERT_COLUMNS, _rows(list(found.values()), now_unix)))
    for node, why in unread.items():
        output.warning(f"{node}: nothing is silenced: {why}; remove that file and silence anew")
    if errors:
        raise FleetError(list(errors.values()))
    firing = [alert for one in found.values() for alert in one.alerts if actions.needs_attention(alert)]
    if stale:
        raise NodeError(f"no monitor runs on {', '.join(stale)}", remedy="run `garnet up`")
    if firing:
        raise GarnetError(f"{len(firing)} firing: {', '.join(sorted({alert.rule for alert in firing}))}")


@app.command("test")
def send_test(
    context: typer.Context,
    node: Annotated[str | None, typer.Argument(help="Node that sends it; else the first.")] = None,
    *,
    route: Annotated[str, typer.Option(help=f"One of {', '.join(ROUTES)}.")] = "alerts",
    here: Annotated[bool, typer.Option("--here", help="Send it from this machine instead.")] = False,
    as_json: Json = False,
) -> None:
    """Send a marked test message on a route; exits with 1 unless every URL took it."""
    if route not in ROUTES:
        raise UsageError(f'no route "{route}"; there are {", ".join(ROUTES)}')
    call = invocation(context)
    inventory = load_inventory(call.inventory)
    if here:
        sender, found = leases.operator(), _try_here(inventory, route, os.environ)
    else:
        entry = inventory.node(node) if node else inventory.nodes[0]
        with connected(inventory, [entry]) as connection:
            sender, found = entry.name, actions.try_route(connection.node(entry.name), route)
    rows = [(one.number, one.service or None, "taken" if one.ok else one.why) for one in found]
    call.output(as_json=as_json).report(
        {"route": route, "from": sender, "outcomes": found},
        lambda out: out.table(("url", "service", "outcome"), rows, f"route {route}, from {sender}"),
    )
    if not found:
        raise UsageError(f"{sender}: route {route} has no URL", remedy=f"set GARNET_ROUTE_{route.upper()}")
    failed = [f"URL {one.number}: {one.why}" for one in found if not one.ok]
    if failed:
        raise GarnetError(f"{sender}: route {route}: {'; '.join(failed)}")


@app.command()
def silence(
    context: typer.Context,
    rule: Annotated[
        str | None, typer.Argument(help='Rule, or "all"; with --end also a silence\'s id. None: list them.')
    ] = None,
    *,
    node: Annotated[str | None, typer.Option(help="Only alerts about this node.")] = None,
    lasting: Annotated[str | None, typer.Option("--for", help="How long: 30m, 2h, 3d.")] = None,
    reason: Annotated[str, typer.Option(help="Why; shown beside the alert.")] = "",
    end: Annotated[bool, typer.Option("--end", help="End the rule's silences now.")] = False,
    as_json: Json = False,
) -> None:
    """Silence a rule's alerts on every node for a while; without a rule, list the silences.

    What is silenced still fires, is shown, and is in the audit log; nobody is sent a message.
    """
    if rule is None and (lasting or end):
        raise UsageError('name a rule, or "all"')
    if rule is not None and bool(lasting) == end:
        raise UsageError("give either --for with --reason, or --end")
    now_unix, who = time.time(), leases.operator()
    with _fleet(context, as_json=as_json) as (output, inventory, connection):
        nodes = [entry.name for entry in inventory.nodes]
        if rule is None:
            found, failed = ask_each(connection.nodes, actions.read_silences)
            consequence = "their silences are not in this list"
        elif lasting is None:
            found, failed = _end(connection, rule, node, who, now_unix)
            consequence = "THERE IT IS STILL SILENCED: run the same command again"
        else:
            new = actions.new_silence(rule, node, lasting, reason, who, now_unix, nodes)
            found, failed = ask_each(connection.nodes, lambda one: actions.add_silence(one, new))
            consequence = "there it is not silenced: run the same command again"
    errors = {**connection.errors, **failed}
    live = [one for one in actions.merged(list(found.values())) if one.until_unix > now_unix]
    output.report({"silences": live}, lambda out: out.table(SILENCE_COLUMNS, [_silence(one) for one in live]))
    if errors:
        raise FleetError([*errors.values(), GarnetError(f"{', '.join(errors)}: {consequence}")])


@app.command()
def watch(
    context: typer.Context,
    *,
    max_age: Annotated[float, typer.Option(min=1, help="Seconds that the newest minute may be old.")] = 180,
    as_json: Json = False,
) -> None:
    """Look in the store whether every node still reports: the dead man's check, for cron.

    Exits with 1 naming the nodes that have not reported, and with 4 if the store cannot be read. It asks no
    node, so that it works where the fleet is out of reach.
    """
    call = invocation(context)
    inventory = load_inventory(call.inventory)
    now_unix = time.time()
    names = [entry.name for entry in inventory.nodes]
    try:
        with store_errors():
            store = open_store(inventory)
            found = actions.newest_minutes(
                store, inventory.fleet.name, names, now_unix, inventory.telemetry.minute_s
            )
    except UsageError:
        raise
    except GarnetError as error:
        raise UnreachableError(error.message, remedy=error.remedy) from error
    silent = actions.silent_nodes(found, now_unix, max_age)
    rows = [(one.node, _age(one, now_unix), "SILENT" if one in silent else "reports") for one in found]
    call.output(as_json=as_json).report(
        {"nodes": found, "silent": [one.node for one in silent], "max_age_s": max_age},
        lambda out: out.table(("node", "newest minute", "state"), rows),
    )
    if silent:
        shown = ", ".join(f"{one.node} ({_age(one, now_unix)})" for one in silent)
        raise GarnetError(f"not reported for {max_age:.0f} s: {shown}", remedy="run `garnet check`")


@contextmanager
def _fleet(context: typer.Context, *, as_json: bool) -> Iterator[tuple[Output, Inventory, Connection]]:
    call = invocation(context)
    inventory = load_inventory(call.inventory)
    with connected(inventory, inventory.nodes) as connection:
        if not connection.nodes:
            connection.require_all()
        yield call.output(as_json=as_json), inventory, connection


def _end(
    connection: Connection, rule: str, node: str | None, who: str, now_unix: float
) -> tuple[dict[str, list[Silence]], dict[str, GarnetError]]:
    """End the silences of a rule, or the one of that identifier; raises UsageError if there is none."""
    seen, _ = ask_each(connection.nodes, actions.read_silences)
    identifiers = {one.id for silences in seen.values() for one in silences}
    name = rule if rule in identifiers else actions.known_rule(rule)
    return ask_each(connection.nodes, lambda one: actions.end_silences(one, name, node, who, now_unix))


def _try_here(inventory: Inventory, route: str, environment: Mapping[str, str]) -> list[Delivered]:
    secrets = read_secrets(inventory, environment)
    return actions.try_route_here(inventory.fleet.name, route, secrets, leases.operator(), time.time())


def _rows(found: Sequence[actions.NodeAlerts], now_unix: float) -> list[Sequence[object]]:
    return [
        (
            *(alert.node, alert.rule, alert.severity, alert.subject or None),
            figure(alert.value, alert.unit),
            f"{alert.compare} {figure(alert.threshold, alert.unit)}",
            duration(now_unix - alert.since_unix),
            _told(alert.told, alert.silenced, alert.inhibited),
            one.node,
        )
        for one in found
        for alert in one.alerts
    ]


def _told(told: bool, silenced: str, inhibited: str) -> str:  # noqa: FBT001 -- a value, not a switch
    if silenced:
        return f"silenced: {silenced}"
    if inhibited:
        return f"explained by {inhibited}"
    return "yes" if told else "not yet"


def _silence(one: Silence) -> Sequence[object]:
    rule, node = ("all" if name == ANY else name for name in (one.rule, one.node))
    return (one.id, rule, node, when(one.until_unix), one.reason, one.who)


def _age(one: actions.Reported, now_unix: float) -> str:
    if one.end_unix is None:
        return "none of today or yesterday"
    return f"{duration(now_unix - one.end_unix)} ago"
