"""Start, test and stop one loader on one node."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from garnet_cli.actions.control import Asks
from garnet_cli.errors import NodeError
from garnet_cli.fleet.jobs import NodeLayout, loader_job
from garnet_cli.judge.difference import DesiredLoader
from garnet_cli.judge.readiness import TEST_MAX_TOKENS, TEST_PROMPTS, TestRound
from node_scripts.contracts import LoaderSpec

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoaderPlan:
    """A loader that is wanted, and what it runs on."""

    wanted: DesiredLoader
    layout: NodeLayout
    release: str
    environment: str
    ready_timeout_s: float
    budget_ms: int


def prepare(node: Asks, plan: LoaderPlan) -> LoaderSpec:
    """Reserve a serial number and the folders of a new loader; nothing runs yet."""
    made = node.ask("prepare_loader", model=plan.wanted.model, artifact=plan.wanted.artifact)
    return LoaderSpec(
        name=made["name"],
        model=plan.wanted.model,
        artifact=plan.wanted.artifact,
        runtime=plan.wanted.runtime,
        http_socket=made["http_socket"],
        stats_socket=made["stats_socket"],
        source=plan.wanted.source,
    )


def start(node: Asks, plan: LoaderPlan, spec: LoaderSpec) -> None:
    """Have the supervisor run the loader of ``spec``; safe to repeat."""
    job = loader_job(
        plan.layout,
        spec,
        f"{plan.layout.root}/served/{spec.name}",
        release=plan.release,
        environment=plan.environment,
        context=plan.wanted.context,
        concurrency=plan.wanted.concurrency,
        cache_bytes=plan.wanted.cache_bytes,
    )
    node.ask("ensure_job", job=msgspec.to_builtins(job))


def wait(node: Asks, plan: LoaderPlan, spec: LoaderSpec, report: Report) -> None:
    """Wait until the loader has answered a real completion."""

    def progress(value: Any) -> None:
        report(f"{value['message']} ({value['elapsed_s']:.0f} s)")

    node.ask(
        "wait_loader",
        progress=progress,
        http_socket=spec.http_socket,
        model=spec.model,
        timeout_s=plan.ready_timeout_s,
        job=spec.name,
    )


def test(node: Asks, plan: LoaderPlan, spec: LoaderSpec, report: Report) -> TestRound:
    """Send test prompts until one round of them meets the budget, and return that round.

    The first rounds of a fresh loader are slow, so a slow one is repeated until the time to become
    ready is over. Raises :class:`NodeError` (code ``over_budget``) then, or at once for a prompt
    that was not answered.
    """
    deadline = time.monotonic() + plan.ready_timeout_s
    while True:
        answer = node.ask(
            "test_loader",
            http_socket=spec.http_socket,
            model=spec.model,
            prompts=list(TEST_PROMPTS),
            max_tokens=TEST_MAX_TOKENS,
            budget_ms=plan.budget_ms,
        )
        latest = TestRound(latencies_ms=answer["latencies_ms"], failures=answer["failures"])
        if latest.failures:
            raise NodeError(
                f"{spec.name} failed test prompts: {latest.failures[0]}",
                node=node.name,
                remedy=f"look at `garnet logs {node.name}`",
                code="test_failed",
            )
        if latest.within(plan.budget_ms):
            return latest
        if time.monotonic() > deadline:
            raise NodeError(
                f"{spec.name} answers test prompts at a p99 of {latest.p99_ms:.0f} ms, "
                f"the budget is {plan.budget_ms} ms",
                node=node.name,
                remedy="raise latency_budget_ms in [proxy], or choose a smaller model",
                code="over_budget",
            )
        report(f"p99 of test prompts {latest.p99_ms:.0f} ms, over the budget: once more")


def stop(node: Asks, name: str) -> None:
    """Stop a loader that takes no traffic and remove what it left; safe to repeat."""
    node.ask("remove_job", name=name)
    node.ask("discard_loader", name=name)
