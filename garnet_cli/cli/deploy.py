"""`garnet deploy`, its plan and its resume; the other sub-commands are in `deploy_standing`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from garnet_cli.actions import leases
from garnet_cli.actions.check import require_possible
from garnet_cli.actions.deploy import command
from garnet_cli.actions.deploy.command import DeployChoice, Desired, careful_settings
from garnet_cli.actions.deploy.gate import run_tests
from garnet_cli.actions.deploy.standing import undecided, working
from garnet_cli.actions.node_work import WorkSettings
from garnet_cli.actions.survey import FleetSurvey, look
from garnet_cli.cli.commands import invocation
from garnet_cli.cli.deploy_live import LiveWatch
from garnet_cli.cli.deploy_outcome import conclude, interrupted
from garnet_cli.cli.deploy_standing import history, rollback, status, unlock
from garnet_cli.cli.loading import load, resolve_all
from garnet_cli.cli.output import Output
from garnet_cli.cli.seconds import of_seconds
from garnet_cli.errors import GarnetError, HeldError, UsageError
from garnet_cli.fleet.connect import connected
from garnet_cli.fleet.facts import NodeFacts
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.node import NodeHandle
from garnet_cli.fleet.release import build
from garnet_cli.fleet.secrets_file import OperatorSecrets
from garnet_cli.judge.deploy_plan import KINDS, nodes_of, plan_difference, plan_document
from garnet_cli.judge.difference import Change

WAIT_LOOK_S = 3.0

Json = Annotated[bool, typer.Option("--json", help="Write the answer as JSON.")]
Nodes = Annotated[
    list[str] | None, typer.Option("--node", help="A node to change; all if none is named. Repeatable.")
]
Wheelhouse = Annotated[
    Path | None,
    typer.Option(help="A folder of wheels to push and install from, with no internet on the nodes."),
]
Hub = Annotated[str | None, typer.Option(envvar="HF_ENDPOINT", help="A mirror of the Hugging Face hub.")]
Watch = Annotated[float | None, of_seconds("Seconds to watch the first node; else the inventory's.")]
RollWatch = Annotated[float | None, of_seconds("Seconds to watch each further node; else the inventory's.")]
Strict = Annotated[
    bool, typer.Option("--strict", help="Judge by the ratio of the p95s alone, whatever chance explains.")
]
Wait = Annotated[float, of_seconds("Seconds to wait for a lease that somebody else holds.")]
Ready = Annotated[float, of_seconds("Seconds a loader may take to answer.")]

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    help="Bring the fleet to the inventory behind a canary, and take it back where it got slower.",
)
for standing in (status, history, rollback, unlock):
    app.command()(standing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What every way to begin has in hand: open channels, and what the fleet is to become."""

    output: Output
    desired: Desired
    nodes: Sequence[NodeHandle]
    facts: dict[str, NodeFacts]
    only: Sequence[str]

    @property
    def inventory(self) -> Inventory:
        """Return the inventory."""
        return self.desired.inventory

    def choice(
        self, *, strict: bool, tests: str, wait: float, work: WorkSettings, **said: Any
    ) -> DeployChoice:
        """Return what the command line said, with the inventory's for the rest."""
        careful = careful_settings(self.inventory, **said)
        if careful.canary is not None:
            self.inventory.node(careful.canary)
        return DeployChoice(
            careful=careful, work=work, strict=strict, tests=tests, wait_s=wait, only=self.only
        )


@app.callback(invoke_without_command=True)
def deploy(  # noqa: PLR0913 -- each is an option of the command
    context: typer.Context,
    *,
    node: Nodes = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and stop.")] = False,
    plan: Annotated[
        Path | None, typer.Option(help="Do what this file of `garnet deploy plan --json` says, or nothing.")
    ] = None,
    canary: Annotated[str | None, typer.Option(help="The node to change first.")] = None,
    watch: Watch = None,
    roll_watch: RollWatch = None,
    strict: Strict = False,
    skip_tests: Annotated[
        bool, typer.Option("--skip-tests", help="Go on without the inventory's test command; recorded.")
    ] = False,
    wait: Wait = 0.0,
    wheelhouse: Wheelhouse = None,
    hub_endpoint: Hub = None,
    ready_timeout: Ready = 600.0,
    as_json: Json = False,
) -> None:
    """Bring the fleet to the inventory behind a canary, and take it back where it got slower.

    Runs the tests, changes one node and watches it against the others, then changes the rest one at a time,
    each watched. A node that gets slower, fails or restarts has everything taken back at once; a node that
    nobody confirms takes itself back. Exits with 3 when taken back, with 5 when held for want of evidence.
    """
    if context.invoked_subcommand is not None:
        return
    with _session(context, node, as_json=as_json, wait_s=wait) as session:
        output = session.output
        _require_none_open(session)
        fleet = session.desired.compare(session.facts, session.only)
        document = plan_document(fleet.changes, fleet.notes)
        if plan is not None:
            _require_plan(plan, fleet.changes)
        if not fleet.changes or dry_run:
            output.report({**document, "done": False}, lambda out: show_plan(out, fleet))
            return
        if not as_json:
            show_plan(output, fleet)
        changed = nodes_of(fleet.changes)
        _require_canary(canary, changed, session.inventory.deploy.staging)
        require_possible(session.inventory, session.facts, session.desired.artifacts, changed)
        work = _work(session, wheelhouse, hub_endpoint, ready_timeout)
        command_line = session.inventory.deploy.test_command
        tests = "none" if command_line is None else "skipped" if skip_tests else "passed"
        choice = session.choice(
            strict=strict, tests=tests, wait=wait, work=work,
            canary=canary, watch_s=watch, roll_watch_s=roll_watch,
        )  # fmt: skip
        if not yes and plan is None:
            _ask(output, len(fleet.changes), changed)
        if command_line is not None and not skip_tests:
            output.note(f"running the tests: {command_line}")
            run_tests(command_line, session.inventory.path.parent)
        with output.progress() as progress, interrupted(choice.careful):
            show = LiveWatch(progress, terminal=output.stderr.isatty())
            result = command.deploy(
                session.nodes, session.desired, fleet.changes, choice, progress.step, show
            )
    conclude(output, result, session.inventory, os.environ)


@app.command()
def resume(  # noqa: PLR0913 -- each is an option of the command
    context: typer.Context,
    *,
    watch: Watch = None,
    roll_watch: RollWatch = None,
    strict: Strict = False,
    wait: Wait = 0.0,
    wheelhouse: Wheelhouse = None,
    hub_endpoint: Hub = None,
    ready_timeout: Ready = 600.0,
    as_json: Json = False,
) -> None:
    """Go on with a deploy that was interrupted or is held: watch what was changed, then change the rest."""
    with _session(context, None, as_json=as_json) as session:
        output = session.output
        work = _work(session, wheelhouse, hub_endpoint, ready_timeout)
        choice = session.choice(
            strict=strict, tests="none", wait=wait, work=work, watch_s=watch, roll_watch_s=roll_watch
        )
        with output.progress() as progress, interrupted(choice.careful):
            show = LiveWatch(progress, terminal=output.stderr.isatty())
            result = command.resume(session.nodes, session.desired, choice, progress.step, show)
    conclude(output, result, session.inventory, os.environ)


@app.command("plan")
def plan_(context: typer.Context, *, node: Nodes = None, as_json: Json = False) -> None:
    """Show what a deploy would change: release, configuration and models, node by node."""
    with _session(context, node, as_json=as_json) as session:
        fleet = session.desired.compare(session.facts, session.only)
    document = plan_document(fleet.changes, fleet.notes)
    session.output.report(document, lambda out: show_plan(out, fleet))


def show_plan(output: Output, fleet: FleetSurvey) -> None:
    """Write the plan for people, or that there is nothing to do."""
    if fleet.changes:
        output.table(("node", "plan", "what", "of", "detail"), [
            (change.node, KINDS[change.kind], change.kind, change.subject, change.detail or None)
            for change in fleet.changes
        ], left_out_first=("plan",))  # fmt: skip
    else:
        output.line(f"nothing to deploy: {len(fleet.nodes)} nodes are as the inventory wants them")
    for note in fleet.notes:
        output.line(note)


@contextmanager
def _session(
    context: typer.Context, only: list[str] | None, *, as_json: bool, wait_s: float = 0.0
) -> Iterator[Session]:
    call = invocation(context)
    output = call.output(as_json=as_json)
    inventory = load(call.inventory)
    chosen = [entry.name for entry in inventory.select(only)]
    secrets = OperatorSecrets.read(inventory, os.environ)
    # All nodes, whoever is changed: those that are not are what the others are compared with.
    with connected(inventory, inventory.nodes) as connection:
        with output.progress() as progress:
            artifacts = resolve_all(inventory, progress)
            nodes = connection.require_all()
            desired = Desired(inventory=inventory, release=build(), artifacts=artifacts, secrets_here=secrets)
            deadline = time.monotonic() + wait_s
            while True:
                facts = look(nodes, inventory, list(artifacts.values()), secrets)
                busy = working(facts)
                if not busy or time.monotonic() >= deadline:
                    break
                # The plan is made of what is there once nobody works on it.
                for name, lease in busy.items():
                    progress.step(name, f"waiting for {lease.who} ({lease.purpose}) since {lease.since}")
                time.sleep(WAIT_LOOK_S)
        yield Session(output=output, desired=desired, nodes=nodes, facts=facts, only=chosen)


def _work(session: Session, wheelhouse: Path | None, hub: str | None, ready_s: float) -> WorkSettings:
    if wheelhouse is not None and not any(wheelhouse.glob("*.whl")):
        raise UsageError(f"{wheelhouse} holds no wheels", remedy="fill it with `pip download`")
    return WorkSettings(
        who=leases.operator(),
        secrets=session.desired.secrets_here.told,
        wheelhouse=wheelhouse,
        hub_endpoint=hub,
        ready_timeout_s=ready_s,
    )


def _require_none_open(session: Session) -> None:
    for name, trial in undecided(session.facts).items():
        kind = HeldError if trial.status == "held" else GarnetError
        raise kind(
            f"deploy {trial.deploy} of {trial.who} is {trial.status} since {trial.started}"
            + (f": {trial.reason}" if trial.reason else ""),
            node=name,
            remedy="`garnet deploy resume` goes on with it, `garnet deploy rollback` takes it back",
        )


def _require_plan(path: Path, found: Sequence[Change]) -> None:
    """Raise where the plan in the file is not what there is to do now."""
    try:
        document = json.loads(path.read_bytes())
        shown = [
            Change(change["node"], change["kind"], change["subject"], content=change["content"])
            for change in document["changes"]
        ]
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is no plan", remedy="write it with `garnet deploy plan --json`") from error
    differs = plan_difference(shown, found)
    if differs:
        raise GarnetError(
            f"the plan in {path} is not what there is to do now ({differs}); nothing was changed",
            remedy="make the plan anew and look at it",
        )


def _require_canary(canary: str | None, changed: Sequence[str], staging: str | None) -> None:
    possible = [name for name in changed if name != staging]
    if canary is not None and canary not in possible:
        raise UsageError(
            f"nothing that serves clients changes on {canary}: it cannot be the canary",
            remedy=f"name one of {', '.join(possible)}, or none" if possible else "leave --canary out",
        )


def _ask(output: Output, changes: int, nodes: Sequence[str]) -> None:
    if not output.stderr.isatty():
        raise UsageError("this would change the fleet, and nobody is there to ask", remedy="add --yes")
    typer.confirm(f"Deploy these {changes} changes on {len(nodes)} nodes?", abort=True, err=True)
