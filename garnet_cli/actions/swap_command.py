"""All of `garnet swap`: what must be on the node first, whether it fits, then the steps."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from garnet_cli.actions import leases, provision
from garnet_cli.actions.loaders import LoaderPlan
from garnet_cli.actions.memory import memory_fit, require_memory
from garnet_cli.actions.swap import Swap, SwapPlan
from garnet_cli.errors import NodeError
from garnet_cli.fleet.artifact import resolve
from garnet_cli.fleet.facts import NodeFacts, decode_facts
from garnet_cli.fleet.inventory import Inventory, ModelEntry
from garnet_cli.fleet.jobs import NodeLayout
from garnet_cli.fleet.node import NodeHandle
from garnet_cli.fleet.release import Release
from garnet_cli.fleet.source import ModelSource
from garnet_cli.judge.difference import DesiredLoader, other_proxies
from node_scripts.journals import SwapJournal

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapSettings:
    """What the operator chose for this swap."""

    watch_s: float
    drain_timeout_s: float
    ready_timeout_s: float
    hub_endpoint: str | None = None


def swap(
    node: NodeHandle,
    inventory: Inventory,
    model: ModelEntry,
    source: ModelSource,
    release: Release,
    settings: SwapSettings,
    report: Report,
    *,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Swap ``model`` on ``node`` to ``source``, or go on with an unfinished swap to it.

    Returns the summary as plain JSON; with ``dry_run`` the lines of the plan instead. Raises
    :class:`NodeError` before anything was changed where the node is not up or two loaders do not
    fit, and :class:`RolledBackError` where the swap was undone.
    """
    artifact = resolve(source, report)
    facts = decode_facts(node.name, node.ask("facts", listen=None, artifacts=None))
    plan = _plan(inventory, model, source.text, artifact.identifier, facts, release, settings, node.name)
    wanted = plan.loader.wanted
    journal = next((entry for entry in facts.swaps if entry.model == model.name), None)
    slot = facts.slots.slots.get(model.name) if facts.slots else None
    if dry_run:
        return {"plan": _describe(wanted, facts, inventory, node.name)}
    if artifact.identifier not in facts.artifacts:
        access = provision.HubAccess(plan.loader.environment, settings.hub_endpoint)
        provision.place_artifact(node, artifact, access, report)

    def require_room(alone: bool) -> None:  # noqa: FBT001 -- RequireRoom
        report(f"memory: {require_memory(node, wanted, inventory, alone=alone)}")

    jobs = [job.name for job in facts.jobs]
    return Swap(node, plan, report, require_room).run(journal, slot, jobs).as_json()


def require_one_proxy(node: str, facts: NodeFacts) -> None:
    """Refuse to stop loaders under a proxy that only it and not the current one can speak for.

    After an `up` that was interrupted the older release's proxy may still stream from any of them.
    Raises :class:`NodeError`.
    """
    others = other_proxies(facts, facts.release or "")
    if others:
        raise NodeError(
            f"{', '.join(job.name for job in others)} of another release is not retired yet"
            " and may still stream from a loader that the swap would stop",
            node=node,
            remedy=f"run `garnet up {node}` first: it waits for its answers",
        )


def abort(
    node: NodeHandle,
    inventory: Inventory,
    model: str,
    settings: SwapSettings,
    report: Report,
    *,
    dry_run: bool = False,
) -> str:
    """Undo the unfinished swap of ``model`` and say what was done; safe to repeat.

    Raises :class:`NodeError` if the old loader is gone already: then the swap can only be finished.
    """
    facts = decode_facts(node.name, node.ask("facts", listen=None, artifacts=[]))
    journal = next((entry for entry in facts.swaps if entry.model == model), None)
    if journal is None:
        return f"no swap of {model} is unfinished: nothing to undo"
    require_one_proxy(node.name, facts)
    if journal.old is not None and journal.old_job is None and facts.job(journal.old.name) is None:
        raise NodeError(
            f"{journal.old.name}, from which {model} was served before, is stopped already",
            node=node.name,
            remedy=f"finish with `{going_on(node.name, journal, inventory)}`, then swap back with --to",
        )
    if dry_run:
        return f"would remove {journal.new.name} and leave {model} to {_name(journal.old)}"
    wanted = DesiredLoader(
        model=model,
        source=journal.new.source,
        artifact=journal.new.artifact,
        runtime=journal.new.runtime,
        context=0,
        concurrency=0,
    )
    entry = inventory.node(node.name)
    loader = LoaderPlan(
        wanted=wanted,
        layout=NodeLayout(root=entry.root, environments=entry.environments or f"{entry.root}/envs"),
        release=facts.release or "",
        environment="",
        ready_timeout_s=settings.ready_timeout_s,
        budget_ms=0,
    )
    plan = SwapPlan(
        loader=loader,
        who=leases.operator(),
        watch_s=settings.watch_s,
        drain_timeout_s=settings.drain_timeout_s,
    )
    Swap(node, plan, report).abort(journal)
    return f"undone: {model} is left to {_name(journal.old)}, {journal.new.name} is removed"


def going_on(node: str, journal: SwapJournal, inventory: Inventory) -> str:
    """Return the command that goes on with the unfinished swap of ``journal``."""
    command = ["garnet", "swap", node, journal.model]
    wanted = next((model.source.text for model in inventory.models if model.name == journal.model), None)
    if journal.new.source not in {"", wanted}:
        command += ["--to", journal.new.source]
    return shlex.join(command)


def _plan(
    inventory: Inventory,
    model: ModelEntry,
    source: str,
    artifact: str,
    facts: NodeFacts,
    release: Release,
    settings: SwapSettings,
    node: str,
) -> SwapPlan:
    environment = release.environment(facts.python.version, facts.system, facts.machine)
    if facts.release != release.identifier or environment not in facts.environments:
        raise NodeError(
            "the node's release is not this program's",
            node=node,
            remedy="run `garnet up` first",
        )
    require_one_proxy(node, facts)
    entry = inventory.node(node)
    wanted = DesiredLoader(
        model=model.name,
        source=source,
        artifact=artifact,
        runtime=release.runtime(environment, model.context, model.concurrency, model.cache_bytes),
        context=model.context,
        concurrency=model.concurrency,
        cache_bytes=model.cache_bytes,
    )
    loader = LoaderPlan(
        wanted=wanted,
        layout=NodeLayout(root=entry.root, environments=entry.environments or f"{entry.root}/envs"),
        release=release.identifier,
        environment=environment,
        ready_timeout_s=settings.ready_timeout_s,
        budget_ms=inventory.proxy.latency_budget_ms,
    )
    return SwapPlan(
        loader=loader,
        who=leases.operator(),
        watch_s=settings.watch_s,
        drain_timeout_s=settings.drain_timeout_s,
        in_place=True,
    )


def _describe(wanted: DesiredLoader, facts: NodeFacts, inventory: Inventory, node: str) -> list[str]:
    slot = facts.slots.slots.get(wanted.model) if facts.slots else None
    journal = next((entry for entry in facts.swaps if entry.model == wanted.model), None)
    active = slot.active if slot else None
    lines = [f"{node}: {wanted.model} from {active.source if active else 'nothing'} to {wanted.source}"]
    if journal is not None:
        begun = f"the swap to {journal.new.source} that {journal.who} began at {journal.started}"
        same = (journal.new.artifact, journal.new.runtime) == (wanted.artifact, wanted.runtime)
        lines.append(f"{'goes on with' if same else 'first finishes or undoes'} {begun} ({journal.step})")
    if wanted.artifact not in facts.artifacts:
        lines.append("the artifact is not on the node yet: it would be placed first, memory judged then")
    else:
        lines.append(f"memory: {memory_fit(wanted, facts, inventory, node)}")
    return lines


def _name(spec: Any) -> str:
    return f"{spec.name} ({spec.source})" if spec else "nothing, as before"
