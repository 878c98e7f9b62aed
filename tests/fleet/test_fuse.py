"""A deploy's change that nobody confirms: the node takes it back by itself, under traffic."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from garnet_cli.errors import NodeError
from tests.fleet.asking import active_loader, local_agent, proxy_status
from tests.fleet.rack import Rack, RackNode, eventually
from tests.fleet.test_upgrade import changed_copy
from tests.fleet.trials import (
    GRACE_S,
    MODEL,
    WHO,
    change_configuration,
    facts,
    operating,
    push_release,
    swap,
    taken_back,
    traffic,
)

pytestmark = pytest.mark.fleet


@pytest.fixture(scope="module")
def rack(tiny_model_a: Path) -> Iterator[Rack]:
    """Return one local node that serves a model."""
    with Rack(["one"]) as rack:
        rack.serve(MODEL, tiny_model_a)
        rack.up()
        yield rack


@pytest.fixture
def node(rack: Rack) -> RackNode:
    """Return the node, which no trial of an earlier test waits on."""
    return rack.node("one")


def test_an_unconfirmed_swap_is_taken_back(rack: Rack, node: RackNode) -> None:
    """Left at its watch when its operator vanishes: the old loader, still there, takes the traffic again."""
    before = active_loader(node, MODEL)["spec"]
    with traffic([node]):
        with operating(node, "d-swap") as agent:
            swap(agent, node, hold=True, runtime="other")
            assert active_loader(node, MODEL)["spec"]["name"] != before["name"]
            refused = rack.garnet("up", "--yes", code=1).stderr
            assert "ada@desk deployed here (garnet deploy, deploy d-swap)" in refused
            assert "garnet deploy rollback" in refused
        begin = time.monotonic()
        eventually(lambda: active_loader(node, MODEL)["spec"] == before, "the old loader is back")
        assert GRACE_S - 0.5 < time.monotonic() - begin < GRACE_S + 8
        eventually(lambda: taken_back(node, "d-swap"), "the trial is taken back")
    found = facts(node)
    assert found.deploys[0].outcome == "reverted"
    assert "nobody confirmed it" in found.deploys[0].reason
    assert found.swaps == []
    assert [job.name for job in found.jobs] == [before["name"], "monitor", f"proxy-{found.release}"]
    assert "nothing to do" in rack.up().stdout


def test_an_unconfirmed_release_and_configuration_are_taken_back(node: RackNode, tmp_path: Path) -> None:
    """The old proxy, already removed, takes the sockets over again; files and link are as before."""
    before = facts(node)
    code = changed_copy(tmp_path / "next", "node_scripts/proxy/app.py")
    with traffic([node]):
        with operating(node, "d-release") as agent:
            release, job = push_release(agent, node, code)
            change_configuration(agent, node)
            agent.ask("link_release", release=release)
            agent.ask("ensure_job", job=job)
            eventually(lambda: proxy_status(node)["release"] == release, "the new proxy")
            agent.ask("remove_job", name=f"proxy-{before.release}")
        eventually(lambda: proxy_status(node)["release"] == before.release, "the old proxy is back")
        eventually(lambda: taken_back(node, "d-release"), "the trial is taken back")
    after = facts(node)
    assert (after.release, after.fleet_sha256) == (before.release, before.fleet_sha256)
    assert after.settings_loaded
    assert [job.name for job in after.jobs] == [job.name for job in before.jobs]
    assert after.deploys[0].release_after == release


def test_a_killed_fuse_goes_on(node: RackNode) -> None:
    """Killed while it starts the old loader, which was stopped already: the model has room for two."""
    before = active_loader(node, MODEL)["spec"]
    with traffic([node]):
        with operating(node, "d-killed") as agent:
            agent.ask("begin_trial", deploy="d-killed", grace_s=GRACE_S, beside=[MODEL], **WHO)
            swap(agent, node, hold=False, runtime="another")
            assert facts(node).job(before["name"]) is None
        eventually(lambda: facts(node).job(before["name"]), "the old loader is being started")
        fuse = facts(node).job("fuse")
        assert fuse is not None
        assert fuse.pid is not None
        os.kill(fuse.pid, signal.SIGKILL)
        eventually(lambda: taken_back(node, "d-killed"), "the trial is taken back")
    assert active_loader(node, MODEL)["spec"] == before
    found = facts(node)
    assert found.trial is not None
    assert found.trial.attempts == 2


def test_confirmed_is_kept_and_held_waits(node: RackNode) -> None:
    """Confirmed: nothing happens after the grace time. Held: not before its time. Rollback brings back."""
    before = active_loader(node, MODEL)["spec"]
    with traffic([node]):
        with operating(node, "d-kept", grace_s=1.0) as agent:
            swap(agent, node, hold=False, runtime="kept")
            agent.ask("confirm_trial", deploy="d-kept", summary={"verdict": "good"})
        kept = active_loader(node, MODEL)["spec"]
        with operating(node, "d-held", grace_s=1.0) as agent:
            until = time.time() + 6
            agent.ask("hold_trial", deploy="d-held", until_unix=until, reason="too little traffic")
        with pytest.raises(NodeError, match="held, too little traffic"), local_agent(node) as second:
            second.ask("take_lease", who="bob@desk", purpose="garnet up")
        while time.time() < until - 1:
            trial = facts(node).trial
            assert trial is not None
            assert trial.status == "held"
            time.sleep(0.5)
        eventually(lambda: taken_back(node, "d-held"), "the held trial is taken back")
        assert active_loader(node, MODEL)["spec"] == kept
        with operating(node, "d-rollback") as agent:
            done = agent.ask("restore_deploy", deploy="d-kept", beside=[MODEL])
            assert list(done["models"]) == [MODEL]
            agent.ask("confirm_trial", deploy="d-rollback", summary={})
        assert active_loader(node, MODEL)["spec"] == before
    found = facts(node)
    assert found.trial is None
    assert found.job("fuse") is None
    assert [record.deploy for record in found.deploys][:3] == ["d-rollback", "d-held", "d-kept"]
