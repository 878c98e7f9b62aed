"""What of a node is down: what makes `garnet status` fail."""

from __future__ import annotations

from collections.abc import Iterator

from garnet_cli.fleet.facts import NodeFacts
from node_scripts.contracts import JobStatus, LoaderStatus, ProxyStatus

RUNS = frozenset({"running", "starting", "unknown"})


def failed_jobs(facts: NodeFacts) -> list[JobStatus]:
    """Return the jobs that end as often as the supervisor starts them, or that it has given up."""
    return [job for job in facts.jobs if job.state == "failed"]


def is_down(loader: LoaderStatus, facts: NodeFacts) -> bool:
    """Tell whether ``loader`` serves nothing and nothing is on its way to change that.

    To a proxy that has started anew, a loader that is dead for good is one that has not answered yet.
    """
    if loader.state != "starting":
        return loader.state == "down"
    job = facts.job(loader.spec.name)
    return job is None or job.state not in RUNS


def what_is_down(facts: NodeFacts, proxy: ProxyStatus | None) -> Iterator[str]:
    """Yield the proxy, each model whose loader is down, and each failed job that is none of these."""
    if proxy is None:
        yield "proxy"
    named = set()
    for slot in proxy.slots if proxy else []:
        if slot.active is not None and is_down(slot.active, facts):
            named.add(slot.active.spec.name)
            yield slot.model
    for job in failed_jobs(facts):
        if job.name not in named:
            yield job.name
