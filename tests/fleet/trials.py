"""An operator's side of a trial, and the traffic and looks that judge what the node makes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from garnet_cli.actions import provision
from garnet_cli.actions.loaders import LoaderPlan
from garnet_cli.actions.swap import Swap, SwapPlan
from garnet_cli.demo.traffic import Traffic
from garnet_cli.fleet.facts import NodeFacts, decode_facts
from garnet_cli.fleet.jobs import NodeLayout, proxy_job
from garnet_cli.fleet.node import NodeHandle
from garnet_cli.fleet.release import build
from garnet_cli.judge.difference import DesiredLoader
from tests.conftest import CACHE
from tests.fleet.asking import local_agent
from tests.fleet.rack import RackNode

MODEL = "tiny"
GRACE_S = 2.0
WHO: dict[str, Any] = {"who": "ada@desk", "purpose": "garnet deploy"}


@contextmanager
def operating(node: RackNode, deploy: str, grace_s: float = GRACE_S) -> Iterator[NodeHandle]:
    """Yield an operator's agent with a trial; its end is that of an operator who has vanished."""
    with local_agent(node) as agent:
        agent.ask("take_lease", deploy=deploy, **WHO)
        assert agent.ask("begin_trial", deploy=deploy, grace_s=grace_s, **WHO)["armed"]
        yield agent


@contextmanager
def traffic(nodes: Sequence[RackNode]) -> Iterator[Traffic]:
    """Yield a trickle of requests, and assert that every one was answered."""
    trickle = Traffic([node.url for node in nodes], MODEL, workers=2, max_tokens=(4, 32), keep_alive=False)
    trickle.start()
    try:
        trickle.wait_for(5)
        yield trickle
        trickle.wait_for(len(trickle.seen) + 10)
    finally:
        trickle.stop()
    failed = [(one.outcome, one.error) for one in trickle.seen if one.outcome != "answered"]
    assert failed == [], failed


def facts(node: RackNode) -> NodeFacts:
    """Return what the node says of itself, to somebody who holds nothing."""
    with local_agent(node) as agent:
        return decode_facts(node.name, agent.ask("facts", artifacts=[]))


def swap(agent: NodeHandle, node: RackNode, *, hold: bool, runtime: str) -> None:
    """Swap the model's loader for one of the same artifact."""
    known = decode_facts(node.name, agent.ask("facts"))
    assert known.slots is not None
    old = known.slots.slots[MODEL].active
    assert old is not None
    wanted = DesiredLoader(
        model=MODEL, source="other", artifact=old.artifact, runtime=runtime, context=4096, concurrency=4
    )
    plan = LoaderPlan(
        wanted=wanted,
        layout=layout(node),
        release=str(known.release),
        environment=environment_of(agent, node),
        ready_timeout_s=120,
        budget_ms=60000,
    )
    swap_plan = SwapPlan(loader=plan, who="ada@desk", watch_s=0.2, drain_timeout_s=60, hold=hold)
    Swap(agent, swap_plan, lambda _message: None).run(None, known.slots.slots[MODEL], [])


def layout(node: RackNode) -> NodeLayout:
    """Return where the node keeps its files."""
    return NodeLayout(root=str(node.root), environments=str(CACHE / "envs"))


def environment_of(agent: NodeHandle, node: RackNode) -> str:
    """Return the environment that the node's proxy runs in."""
    release = agent.ask("facts", artifacts=[])["release"]
    config = (node.root / "etc" / "supervisor" / "jobs" / f"proxy-{release}.conf").read_text()
    return config.partition(f"{CACHE / 'envs'}/")[2][:16]


def taken_back(node: RackNode, deploy: str) -> bool:
    """Say whether the node has taken a deploy back by itself and removed the fuse."""
    path = node.root / "state" / "trial.json"
    trial = json.loads(path.read_text()) if path.exists() else {}
    done = (trial.get("deploy"), trial.get("status"), trial.get("by_node")) == (deploy, "reverted", True)
    return done and not (node.root / "state" / "fuse").exists()


def push_release(agent: NodeHandle, node: RackNode, code: Path) -> tuple[str, dict[str, Any]]:
    """Bring a release's code onto the node; return its id and its proxy's job. Nothing uses it yet."""
    release = build(code / "node_scripts")
    provision.push_release(agent, release, lambda _message: None)
    job = proxy_job(layout(node), release.identifier, environment_of(agent, node))
    return release.identifier, msgspec.to_builtins(job)


def change_configuration(agent: NodeHandle, node: RackNode) -> None:
    """Write another configuration of the proxy."""
    config = json.loads((node.root / "etc" / "fleet.json").read_text())
    config["proxy"]["queue_limit"] = 3
    agent.ask("write_file", path="etc/fleet.json", content=json.dumps(config), mode=0o600)
