"""Deploys that are resumed, cancelled, met by another one, or whose lease is broken."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from garnet_cli.demo.traffic import Traffic
from tests.fleet.deploying import (
    GRACE_S,
    JUDGED,
    MODEL,
    WATCH,
    asked_all_the_time,
    back_by_themselves,
    good_release,
    killed_when,
    swapped,
    trial,
    two_nodes,
)
from tests.fleet.programs import Program, release_of
from tests.fleet.rack import Rack, eventually
from tests.fleet.sshd import Sshd

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def fleet(
    tmp_path_factory: pytest.TempPathFactory, tiny_model_a: Path
) -> Iterator[tuple[Rack, dict[str, Sshd]]]:
    """Return two nodes that serve one model, and their sshd."""
    with two_nodes(tmp_path_factory.mktemp("deploy"), tiny_model_a) as fleet:
        yield fleet


@pytest.fixture(scope="module")
def rack(fleet: tuple[Rack, dict[str, Sshd]]) -> Rack:
    """Return the two nodes."""
    return fleet[0]


@pytest.fixture(scope="module")
def other(rack: Rack) -> Program:
    """Return a release to deploy."""
    return good_release(rack)


@pytest.fixture
def traffic(rack: Rack) -> Iterator[Traffic]:
    """Ask both nodes all the time; no answer may fail."""
    with asked_all_the_time(rack) as sent:
        yield sent


@pytest.mark.parametrize("step", ["start", "watch"])
def test_a_deploy_that_was_killed_is_resumed(rack: Rack, other: Program, traffic: Traffic, step: str) -> None:
    """Also in the middle of the change; judged by what the canary was before, which the node has kept."""
    before = release_of(rack.node("one").root)
    rack.deploy["grace_s"] = 240.0
    rack.write()
    try:
        operator = other.begin("deploy", *WATCH, log=rack.folder / "deploy.log")
        assert killed_when(operator, lambda: swapped(rack.node("one"), step), f"the swap's {step}")
    finally:
        rack.deploy["grace_s"] = GRACE_S
        rack.write()
    assert "garnet deploy resume" in other.garnet("deploy", "--yes", code=1).stderr
    done = json.loads(other.garnet("deploy", "resume", *JUDGED).stdout)
    assert done["outcome"] == "done"
    assert rack.active("one", MODEL)["spec"]["name"] != "loader-1"
    assert [(node["node"], node["outcome"]) for node in done["nodes"]] == [
        ("one", "confirmed"),
        ("two", "confirmed"),
    ]
    other.garnet("deploy", "rollback", "--yes")
    assert {release_of(node.root) for node in rack.nodes} == {before}


def test_ended_as_actions_ends_a_job_the_nodes_go_back(rack: Rack, other: Program, traffic: Traffic) -> None:
    """SIGINT, then SIGTERM seconds later: no roll-back fits into that, and none is needed."""
    before = release_of(rack.node("one").root)
    log = rack.folder / "interrupted.log"
    operator = other.begin("deploy", *WATCH, log=log)
    eventually(
        lambda: swapped(rack.node("one"), "watch") or operator.poll() is not None, "the canary is watched"
    )
    os.killpg(operator.pid, signal.SIGINT)
    try:
        operator.wait(7.5)
    except subprocess.TimeoutExpired:
        os.killpg(operator.pid, signal.SIGTERM)
        operator.wait(2.5)
    assert operator.returncode == 130, log.read_text()
    assert "garnet deploy resume" in log.read_text()
    back_by_themselves(rack, before)


def test_two_deploys_at_once_and_a_lease_that_nobody_renews(
    rack: Rack, other: Program, traffic: Traffic
) -> None:
    """The second is told who, from where, since when and what; `unlock` shows it before it breaks it."""
    before = release_of(rack.node("one").root)
    operator = other.begin("deploy", *WATCH, log=rack.folder / "first.log")
    try:
        eventually(lambda: trial(rack.node("one")) == "open", "the first one has begun")
        second = rack.garnet("swap", "two", MODEL, code=1)
        assert "garnet deploy" in second.stderr
        assert "since" in second.stderr
        os.killpg(operator.pid, signal.SIGSTOP)
        shown = json.loads(rack.garnet("deploy", "status", "--json").stdout)
        assert {one["node"]: one["lease"]["purpose"] for one in shown} == {
            "one": "garnet deploy",
            "two": "garnet deploy",
        }
        assert "nobody is there to ask" in rack.garnet("deploy", "unlock", code=2).stderr
        broken = json.loads(rack.garnet("deploy", "unlock", "--yes", "--json").stdout)
        assert sorted(broken["held"]) == ["one", "two"]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(operator.pid, signal.SIGKILL)
        operator.wait()
    back_by_themselves(rack, before)


@pytest.mark.parametrize("lost", ["one", "two"])
def test_a_node_that_is_lost_in_mid_roll(
    fleet: tuple[Rack, dict[str, Sshd]], other: Program, traffic: Traffic, lost: str
) -> None:
    """Changed already, it goes back by itself; not changed yet, the others are taken back: all as before."""
    rack, servers = fleet
    before = release_of(rack.node("one").root)
    log = rack.folder / f"lost-{lost}.log"
    operator = other.begin("deploy", *WATCH, "--watch", "60", log=log)
    try:
        eventually(lambda: swapped(rack.node("one"), "watch") or operator.poll() is not None, "the watch")
        servers[lost].stop()
        operator.wait(120)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(operator.pid, signal.SIGKILL)
        operator.wait()
        servers[lost].start()
    assert operator.returncode == 3, log.read_text()
    assert f"{lost}: " in log.read_text()
    back_by_themselves(rack, before)
