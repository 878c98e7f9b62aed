"""The operator's side dies or is cut off at every step of `up` and `swap`; the same command goes on."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from garnet_cli.demo.traffic import Traffic
from tests.fleet.asking import chat, post, proxy_status
from tests.fleet.conftest import ssh_lines
from tests.fleet.rack import Rack, RackNode, eventually
from tests.fleet.scissors import Scissors, When, cut_every_step, kill_agents
from tests.fleet.sshd import Sshd, running

pytestmark = pytest.mark.fleet

MODEL = "tiny"
OTHER = "other"
CONTEXT = 2048
"""Tokens; the rack begins with twice as many, so that an `up` changes limits too."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """Return one real sshd."""
    with running(tmp_path_factory.mktemp("sshd")) as started:
        yield started


@contextmanager
def rack_behind(server: Sshd) -> Iterator[Rack]:
    """Yield a fleet of one node behind ``server``, with nothing on it."""
    with Rack(["one"], lambda _name: ssh_lines(server)) as rack:
        server.known_hosts(rack.folder / "known_hosts")
        yield rack


@pytest.fixture(scope="module")
def rack(server: Sshd, tiny_model_a: Path) -> Iterator[Rack]:
    """Return a node behind sshd that serves model A under two names."""
    with rack_behind(server) as rack:
        rack.serve(MODEL, tiny_model_a)
        rack.serve(OTHER, tiny_model_a)
        rack.up()
        yield rack


@contextmanager
def trickle(node: RackNode) -> Iterator[None]:
    """Keep one client asking, streamed and plain in turn; every answer must come, and in full."""
    traffic = Traffic([node.url], MODEL, workers=1, max_tokens=(2, 8, 24))
    traffic.start()
    try:
        traffic.wait_for(2)
        yield
        traffic.wait_for(len(traffic.seen) + 2)
    finally:
        traffic.stop()
    assert [one for one in traffic.seen if one.outcome != "answered"] == []


def assert_at_rest(rack: Rack, models: set[str]) -> None:
    """Check that nothing is left to do, nothing is left over, and nobody holds the node."""
    assert "nothing to do" in rack.up().stdout
    node = rack.node("one")
    facts = rack.status()["one"]["facts"]
    slots = proxy_status(node)["slots"]
    assert {slot["model"] for slot in slots} == models
    assert all(slot["next"] is None and slot["previous"] is None for slot in slots)
    loaders = {slot["active"]["spec"]["name"] for slot in slots}
    jobs = [job["name"] for job in facts["jobs"] if not job["name"].startswith("proxy-")]
    assert sorted(jobs) == sorted([*loaders, "monitor"])
    assert len(facts["jobs"]) == len(jobs) + 1
    assert (facts["lease"], facts["swaps"]) == (None, [])
    assert {path.name for path in (node.root / "served").iterdir()} == loaders
    assert {path.stem for path in (node.root / "run").glob("loader-*")} == loaders
    assert list((node.root / "artifacts").glob(".partial-*")) == []
    answers = [post(node, chat(model)) for model in sorted(models)]
    assert [answer.body for answer in answers if answer.status != 200] == []


def test_up_cut_off_after_each_step(rack: Rack, server: Sshd, tiny_model_a: Path, tiny_model_b: Path) -> None:
    """The network fails after each step of an `up` that pushes, configures, swaps, starts and stops."""
    node = rack.node("one")
    del rack.models[OTHER]
    rack.serve(MODEL, tiny_model_b, context=CONTEXT)
    rack.alerts = {"disk_free_pct": 1}
    rack.secrets = {"GARNET_ROUTE_MONTHLY": "json://127.0.0.1:9"}
    rack.serve("third", tiny_model_a)
    scissors = Scissors(server.cut_sessions, "after")
    with trickle(node):
        cut_every_step(rack, scissors, "up", "--yes")
        rack.up()
    assert len(scissors.steps) > 30
    steps = {step.partition(" #")[0].strip() for step in scissors.steps}
    assert {"write etc/monitor.json", "write_monitor_secrets", "signal_job", "note_event"} <= steps
    assert_at_rest(rack, {MODEL, "third"})


@pytest.mark.parametrize("when", ["after", "during"])
def test_swap_cut_off_at_each_step(rack: Rack, tiny_model_a: Path, tiny_model_b: Path, when: When) -> None:
    """The agent is killed after, and in the middle of, each step of a swap under traffic."""
    node = rack.node("one")
    rack.serve(MODEL, tiny_model_a if when == "after" else tiny_model_b, context=CONTEXT)
    scissors = Scissors(lambda: kill_agents(node), when)
    with trickle(node):
        cut_every_step(rack, scissors, "swap", "one", MODEL, "--watch", "0")
        rack.garnet("swap", "one", MODEL, "--watch", "0")
        rack.up()
    assert len(scissors.steps) > 15
    assert_at_rest(rack, set(rack.models))


def test_a_killed_operator_of_a_first_up(server: Sshd, tiny_model_a: Path) -> None:
    """Kill -9 the operator's program as soon as the node shows each stage; the next run goes on."""
    with rack_behind(server) as rack:
        rack.serve(MODEL, tiny_model_a)
        root = rack.node("one").root
        stages: dict[str, Callable[[], bool]] = {
            "the lease": (root / "state" / "lease.json").exists,
            "the release": lambda: any(root.glob("releases/*")),
            "a part of the artifact": lambda: any(root.glob("artifacts/.partial-*")),
            "the artifact": lambda: any(root.glob("artifacts/[!.]*")),
            "the configuration": (root / "etc" / "fleet.json").exists,
            "the supervisor": (root / "run" / "supervisor.pid").exists,
            "the proxy": (root / "run" / "proxy.sock").exists,
            "the journal": (root / "state" / f"swap-{MODEL}.json").exists,
            "the loader's job": lambda: any(root.glob("etc/supervisor/jobs/loader-*.conf")),
            "the loader": lambda: any(root.glob("run/loader-*.http")),
            "the flip": lambda: any(slot["active"] for slot in proxy_status(rack.node("one"))["slots"]),
            "the monitor": (root / "run" / "monitor.json").exists,
        }
        killed = [stage for stage, reached in stages.items() if kill_when(rack.begin("up", "--yes"), reached)]
        rack.up()
        assert len(killed) >= 8
        assert_at_rest(rack, {MODEL})


def kill_when(operator: subprocess.Popen[str], reached: Callable[[], bool]) -> bool:
    """Kill the operator's program once a stage is reached; say whether it was still running."""
    try:
        eventually(lambda: reached() or operator.poll() is not None, "the stage is reached")
        return operator.poll() is None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(operator.pid, signal.SIGKILL)
        operator.communicate()
