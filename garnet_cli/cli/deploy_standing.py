"""`garnet deploy status`, `history`, `rollback` and `unlock`: what stands, and how to undo it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from garnet_cli.actions import leases
from garnet_cli.actions.deploy import rollback as actions
from garnet_cli.actions.deploy import standing
from garnet_cli.actions.deploy.command import new_deploy
from garnet_cli.actions.deploy.result import DeployResult, NodeResult
from garnet_cli.actions.deploy.standing import PastDeploy
from garnet_cli.actions.deploy.trial import TrialSettings
from garnet_cli.cli.commands import invocation
from garnet_cli.cli.deploy_outcome import conclude
from garnet_cli.cli.loading import load
from garnet_cli.cli.output import Output
from garnet_cli.cli.seconds import of_seconds
from garnet_cli.errors import GarnetError, UsageError
from garnet_cli.fleet.connect import Connection, ask_each, connected
from garnet_cli.fleet.facts import NodeFacts, decode_facts
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.node import NodeHandle

Json = Annotated[bool, typer.Option("--json", help="Write the answer as JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

PURPOSE = standing.ROLLBACK


def status(context: typer.Context, *, as_json: Json = False) -> None:
    """Show who holds nodes, and which changes are not confirmed.

    Exits with 4 if a node does not answer.
    """
    output = invocation(context).output(as_json=as_json)
    inventory = load(invocation(context).inventory)
    with connected(inventory, inventory.nodes) as connection:
        facts, failed = _facts(connection)
    errors = {**connection.errors, **failed}
    document = [
        {
            "node": entry.name,
            "lease": facts[entry.name].lease if entry.name in facts else None,
            "trial": facts[entry.name].trial if entry.name in facts else None,
            "error": str(errors[entry.name]) if entry.name in errors else None,
        }
        for entry in inventory.nodes
    ]
    output.report(document, lambda out: _show_status(out, inventory, facts, errors))
    for error in errors.values():
        raise error


def history(context: typer.Context, *, as_json: Json = False) -> None:
    """List the deploys that the nodes remember, the latest first; those kept can be rolled back."""
    output = invocation(context).output(as_json=as_json)
    inventory = load(invocation(context).inventory)
    with connected(inventory, inventory.nodes) as connection:
        facts, failed = _facts(connection)
    for error in [*connection.errors.values(), *failed.values()]:
        output.warning(str(error))
    past = standing.history(facts)
    output.report([one.as_json() for one in past], lambda out: _show_history(out, past))


def rollback(
    context: typer.Context,
    deploy: Annotated[
        str | None, typer.Argument(help="The deploy to take back; the open one, else the last, if not given.")
    ] = None,
    *,
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be taken back.")] = False,
    wait: Annotated[float, of_seconds("Seconds to wait for a lease that somebody else holds.")] = 0.0,
    as_json: Json = False,
) -> None:
    """Take a deploy back: at once, with no canary, one node after another.

    Without an argument: the one that is open or held, else the last that was kept; on a terminal the last
    five are offered. What later deploys changed on the same nodes goes with it.
    """
    call = invocation(context)
    output = call.output(as_json=as_json)
    inventory = load(call.inventory)
    began = time.monotonic()
    with connected(inventory, inventory.nodes) as connection:
        nodes = connection.nodes
        facts, failed = _facts(connection)
        for error in [*connection.errors.values(), *failed.values()]:
            output.warning(f"not reached and left as it is: {error}")
        trials = standing.undecided(facts)
        if trials and (deploy is None or deploy in {trial.deploy for trial in trials.values()}):
            words = [f"{name}: deploy {trial.deploy}, {trial.status}" for name, trial in trials.items()]
            if _stop_here(output, words, yes=yes, dry_run=dry_run):
                return
            result = _take_back(output, nodes, facts, wait)
        else:
            past = _chosen(output, standing.history(facts), deploy, yes=yes or dry_run)
            words = [
                f"{name}: to before {past.deploy} ({_before(record)})" for name, record in past.nodes.items()
            ]
            if _stop_here(output, words, yes=yes, dry_run=dry_run):
                return
            result = _restore(output, inventory, nodes, facts, past, wait)
    result.seconds = time.monotonic() - began
    conclude(output, result, inventory, os.environ)
    output.note("the inventory and this program are as they were: `garnet deploy` would bring it again")


def unlock(context: typer.Context, *, yes: Yes = False, as_json: Json = False) -> None:
    """Show who holds the nodes' leases, and break them: the commands that hold them end there.

    A lease ends by itself half a minute after its command has. What a deploy had not confirmed is then
    taken back by the nodes.
    """
    output = invocation(context).output(as_json=as_json)
    inventory = load(invocation(context).inventory)
    with connected(inventory, inventory.nodes) as connection:
        nodes = connection.nodes
        found, failed = ask_each(nodes, lambda node: node.ask("read_lease"))
        for error in [*connection.errors.values(), *failed.values()]:
            output.warning(f"not reached: {error}")
        held = {name: lease for name, lease in found.items() if lease}
        words = [
            f"{name}: {lease['who']} from {lease.get('host') or '?'} ({lease['purpose']})"
            f" since {lease['since']}"
            for name, lease in held.items()
        ]
        if held and not yes:
            _confirm(output, words, "End them?")
        broken, failed = ask_each(
            [node for node in nodes if node.name in held], lambda n: n.ask("break_lease")
        )
    output.report(
        {"held": held, "broken": broken},
        lambda out: _lines(out, words or ["no lease is held"]),
    )
    for error in failed.values():
        raise error


def _take_back(
    output: Output, nodes: Sequence[NodeHandle], facts: Mapping[str, NodeFacts], wait: float
) -> DeployResult:
    trials = standing.undecided(facts)
    chosen = [node for node in nodes if node.name in trials]
    who = leases.operator()
    first = next(iter(trials.values()))
    result = DeployResult(
        deploy=first.deploy, who=who, release="none", started_unix=time.time(), outcome="done"
    )
    with output.progress() as progress:
        for node in chosen:
            leases.wait_and_take([node], PURPOSE, trials[node.name].deploy, wait, progress.step)
        done = actions.take_back(
            chosen,
            {name: one.deploy for name, one in trials.items()},
            who,
            f"rollback by {who}",
            progress.step,
        )
    for name, one in done.items():
        result.release = one.get("release") or "none"
        result.nodes.append(
            NodeResult(node=name, role="rollback", outcome="reverted", seconds={"revert": one["seconds"]})
        )
    return result


def _restore(
    output: Output,
    inventory: Inventory,
    nodes: Sequence[NodeHandle],
    facts: Mapping[str, NodeFacts],
    past: PastDeploy,
    wait: float,
) -> DeployResult:
    who, identifier = leases.operator(), new_deploy()
    chosen = [node for node in nodes if node.name in standing.kept_on(past) and node.name in facts]
    release = next(iter(past.nodes.values())).release_before or "none"
    result = DeployResult(
        deploy=identifier, who=who, release=release, started_unix=time.time(), outcome="done"
    )
    settings = TrialSettings(
        deploy=identifier, who=who, purpose=f"{PURPOSE} {past.deploy}", grace_s=inventory.deploy.grace_s
    )
    with output.progress() as progress:
        leases.wait_and_take(nodes, settings.purpose, identifier, wait, progress.step)
        actions.restore(chosen, past.nodes, facts, inventory, settings, result, progress.step)
    return result


def _facts(connection: Connection) -> tuple[dict[str, NodeFacts], dict[str, GarnetError]]:
    return ask_each(
        connection.nodes,
        lambda node: decode_facts(node.name, node.ask("facts", listen=None, artifacts=None)),
    )


def _chosen(output: Output, past: Sequence[PastDeploy], wanted: str | None, *, yes: bool) -> PastDeploy:
    if wanted is not None:
        known = standing.kept(past)
        found = next((one for one in known if one.deploy == wanted), None)
        if found is None:
            raise UsageError(
                f"no node remembers deploy {wanted} as kept",
                remedy=f"it can be one of {', '.join(one.deploy for one in known) or 'none'}",
            )
        return found
    offered = standing.offered(past)
    if not offered:
        raise GarnetError("the nodes remember no deploy that is in force: there is nothing to roll back to")
    if yes or not output.stderr.isatty() or len(offered) == 1:
        return offered[0]
    for place, one in enumerate(offered, 1):
        output.note(f"{place}  {one.deploy} by {one.who}, {one.ended}, on {', '.join(one.nodes)}")
    number: int = typer.prompt("Take back which, with all since?", default=1, type=int, err=True)
    if not 1 <= number <= len(offered):
        raise UsageError(f"{number} is none of them")
    return offered[number - 1]


def _stop_here(output: Output, words: Sequence[str], *, yes: bool, dry_run: bool) -> bool:
    if dry_run:
        output.report({"would take back": list(words)}, lambda out: _lines(out, words))
        return True
    if not yes:
        _confirm(output, words, "Take it back?")
    return False


def _confirm(output: Output, words: Sequence[str], question: str) -> None:
    for word in words:
        output.note(word)
    if not output.stderr.isatty():
        raise UsageError("nobody is there to ask", remedy="add --yes")
    typer.confirm(question, abort=True, err=True)


def _before(record: Any) -> str:
    models = ", ".join(f"{model} from {source}" for model, source in record.models_before.items())
    return f"release {record.release_before}" + (f"; {models}" if models else "")


def _lines(output: Output, words: Sequence[str]) -> None:
    for word in words:
        output.line(word)


def _show_status(
    output: Output, inventory: Inventory, facts: Mapping[str, NodeFacts], errors: Mapping[str, GarnetError]
) -> None:
    rows: list[tuple[object, ...]] = []
    for entry in inventory.nodes:
        fact = facts.get(entry.name)
        lease, trial = (fact.lease, fact.trial) if fact else (None, None)
        held = f"{lease.who} ({lease.purpose}) since {lease.since}" if lease else None
        trial = trial if trial and trial.armed else None
        change = f"{trial.deploy}: {trial.status}" if trial else None
        why = errors[entry.name].message if entry.name in errors else trial.reason if trial else None
        rows.append((entry.name, held, change, why or None))
    output.table(("node", "held by", "deploy", "why"), rows)


def _show_history(output: Output, past: Sequence[PastDeploy]) -> None:
    if not past:
        output.line("the nodes remember no deploy")
        return
    output.table(
        ("deploy", "ended", "who", "outcome", "nodes", "why"),
        [
            (one.deploy, one.ended, one.who, one.outcome, ", ".join(one.nodes), one.reason or None)
            for one in past
        ],
        left_out_first=("ended",),
    )
