"""A deploy's change that nobody confirms: the node takes it back by itself, from wherever it was left."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from garnet_cli.errors import GarnetError, NodeError
from tests.fleet.asking import active_loader, local_agent, proxy_status
from tests.fleet.rack import Rack, RackNode, eventually, processes_below
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
    """Return two local nodes that serve the same model."""
    with Rack(["one", "two"]) as rack:
        rack.serve(MODEL, tiny_model_a)
        rack.up()
        yield rack


def test_an_unconfirmed_swap_is_taken_back(rack: Rack) -> None:
    """Left at its watch when its operator vanishes: the old loader, still there, takes the traffic again."""
    node = rack.node("one")
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
        assert time.monotonic() - begin > GRACE_S - 0.5
        eventually(lambda: taken_back(node, "d-swap"), "the trial is taken back")
    found = facts(node)
    assert found.deploys[0].outcome == "reverted"
    assert "nobody confirmed it" in found.deploys[0].reason
    assert found.swaps == []
    assert [job.name for job in found.jobs] == [before["name"], "monitor", f"proxy-{found.release}"]
    assert "nothing to do" in rack.up().stdout


def test_an_unconfirmed_release_and_configuration_are_taken_back(rack: Rack, tmp_path: Path) -> None:
    """The old proxy, already removed, takes the sockets over again; files and link are as before."""
    node = rack.node("one")
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


def test_confirmed_is_kept_and_held_waits(rack: Rack) -> None:
    """Confirmed: nothing happens after the grace time. Held: not before its time. Rollback brings back."""
    node = rack.node("one")
    before = active_loader(node, MODEL)["spec"]
    with traffic([node]):
        with operating(node, "d-kept", grace_s=1.0) as agent:
            swap(agent, node, hold=False, runtime="kept")
            agent.ask("confirm_trial", deploy="d-kept", summary={"verdict": "good"})
        kept = active_loader(node, MODEL)["spec"]
        with operating(node, "d-held", grace_s=1.0) as agent:
            until = time.time() + 4
            agent.ask("hold_trial", deploy="d-held", until_unix=until, reason="too little traffic")
        with pytest.raises(NodeError, match="held, too little traffic"), local_agent(node) as second:
            second.ask("take_lease", who="bob@desk", purpose="garnet up")
        while time.time() < until - 0.5:
            assert not taken_back(node, "d-held")
            time.sleep(0.1)
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


def test_without_room_for_two_the_peer_serves_meanwhile(rack: Rack) -> None:
    """The other loader goes out of the slot, is drained and stopped, and only then the old one started."""
    node = rack.node("one")
    before = active_loader(node, MODEL)["spec"]
    with traffic(rack.nodes):
        with operating(node, "d-tight") as agent:
            swap(agent, node, hold=False, runtime="other")
        eventually(lambda: taken_back(node, "d-tight"), "the trial is taken back")
    assert active_loader(node, MODEL)["spec"] == before
    assert sorted(path.name for path in (node.root / "served").iterdir()) == [before["name"]]
    log = (node.root / "log" / "fuse.log").read_text()
    assert "there is no room for two" in log


def test_nodes_without_room_for_two_do_not_go_out_together(rack: Rack) -> None:
    """Their fuses burn down at one moment, as those of a whole roll do when its operator is lost."""
    before = {node.name: active_loader(node, MODEL)["spec"] for node in rack.nodes}
    with traffic(rack.nodes):
        with ExitStack() as operators:
            for node in rack.nodes:
                swap(operators.enter_context(operating(node, "d-both")), node, hold=False, runtime="other")
        eventually(
            lambda: all(taken_back(node, "d-both") for node in rack.nodes), "both trials are taken back"
        )
    assert {node.name: active_loader(node, MODEL)["spec"] for node in rack.nodes} == before


def test_a_proxy_that_was_not_retired_yet_takes_the_sockets_again(rack: Rack, tmp_path: Path) -> None:
    """Its operator vanished between the new proxy's start and the old one's end."""
    node = rack.node("one")
    before = facts(node)
    code = changed_copy(tmp_path / "next", "node_scripts/proxy/app.py")
    with traffic([node]):
        with operating(node, "d-two") as agent:
            release, job = push_release(agent, node, code)
            agent.ask("link_release", release=release)
            agent.ask("ensure_job", job=job)
            eventually(lambda: proxy_status(node)["release"] == release, "the new proxy")
        eventually(lambda: taken_back(node, "d-two"), "the trial is taken back")
        assert proxy_status(node)["release"] == before.release
    assert [job.name for job in facts(node).jobs] == [job.name for job in before.jobs]


def test_a_release_that_cannot_start_is_taken_back_unnoticed(rack: Rack, tmp_path: Path) -> None:
    """The old proxy never gave its sockets away."""
    node = rack.node("one")
    before = proxy_status(node)
    code = changed_copy(tmp_path / "broken", "node_scripts/proxy/__main__.py")
    (code / "node_scripts" / "proxy" / "__main__.py").write_text("raise SystemExit('broken')\n")
    with traffic([node]):
        with operating(node, "d-broken") as agent:
            release, job = push_release(agent, node, code)
            agent.ask("link_release", release=release)
            agent.ask("ensure_job", job=job)
        eventually(lambda: taken_back(node, "d-broken"), "the trial is taken back")
    assert proxy_status(node)["pid"] == before["pid"]
    assert facts(node).release == before["release"]
    assert facts(node).job(f"proxy-{release}") is None


def test_a_proxy_that_hangs_is_replaced_first(rack: Rack, tmp_path: Path) -> None:
    """It holds the sockets, and nothing can be flipped before it is gone."""
    node = rack.node("one")
    before, loader = proxy_status(node), active_loader(node, MODEL)["spec"]
    code = changed_copy(tmp_path / "next", "node_scripts/proxy/app.py")
    with operating(node, "d-hung") as agent:
        swap(agent, node, hold=True, runtime="other")
        release, job = push_release(agent, node, code)
        agent.ask("link_release", release=release)
        agent.ask("ensure_job", job=job)
        eventually(lambda: proxy_status(node)["release"] == release, "the new proxy")
        agent.ask("remove_job", name=f"proxy-{before['release']}")
        os.kill(proxy_status(node)["pid"], signal.SIGSTOP)
    eventually(lambda: taken_back(node, "d-hung"), "the trial is taken back")
    assert proxy_status(node)["release"] == before["release"]
    assert active_loader(node, MODEL)["spec"] == loader


def test_a_revert_is_finished_whoever_is_ended_in_the_middle_of_it(rack: Rack) -> None:
    """The operator's agent, by another's `garnet deploy unlock`; then the fuse, by SIGKILL."""
    node = rack.node("one")
    before = active_loader(node, MODEL)["spec"]
    ended: list[GarnetError] = []

    with traffic([node]):
        with operating(node, "d-cut") as agent:
            agent.ask("begin_trial", deploy="d-cut", grace_s=GRACE_S, beside=[MODEL], **WHO)
            swap(agent, node, hold=False, runtime="other")

            def revert() -> None:
                try:
                    agent.ask("revert_trial", deploy="d-cut", reason="p95 is 40 % higher")
                except GarnetError as error:
                    ended.append(error)

            reverting = threading.Thread(target=revert)
            reverting.start()
            with local_agent(node) as second:
                eventually(
                    lambda: any(job["name"] == before["name"] for job in second.ask("jobs")),
                    "the old loader is being started",
                )
                lease = second.ask("read_lease")
                assert (lease["who"], lease["deploy"]) == ("ada@desk", "d-cut")
                broken = second.ask("break_lease")
                assert broken["lease"]["pid"] == lease["pid"]
                assert broken["signal"] == "SIGTERM"
                eventually(lambda: second.ask("read_lease"), "the node itself goes on")
                with pytest.raises(NodeError, match="the node itself holds the lease"):
                    second.ask("break_lease")
                fuse = facts(node).job("fuse")
                assert fuse is not None
                assert fuse.pid is not None
                os.kill(fuse.pid, signal.SIGKILL)
            reverting.join()
        eventually(lambda: taken_back(node, "d-cut"), "the trial is taken back")
    assert len(ended) == 1
    assert active_loader(node, MODEL)["spec"] == before
    found = facts(node)
    assert found.deploys[0].reason == "p95 is 40 % higher"
    assert found.trial is not None
    assert found.trial.attempts == 3


def test_a_reboot_does_not_save_a_trial(rack: Rack) -> None:
    """The fuse comes back with the other jobs and counts anew."""
    node = rack.node("one")
    before = active_loader(node, MODEL)["spec"]
    with operating(node, "d-boot", grace_s=600) as agent:
        swap(agent, node, hold=True, runtime="other")
        agent.ask("begin_trial", deploy="d-boot", grace_s=GRACE_S, **WHO)
        # A power cut ends all at once, the operator's agent with the rest.
        for pid in processes_below(node.root):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    subprocess.run(["/bin/sh", str(node.root / "etc" / "supervisor" / "start")], check=True)
    eventually(lambda: taken_back(node, "d-boot"), "the trial is taken back")
    assert active_loader(node, MODEL)["spec"] == before


def test_a_node_on_which_nothing_ran_has_nothing_to_lose(tmp_path: Path) -> None:
    """Its trial needs no fuse, keeps nobody out, and is taken back by who has it."""
    node = RackNode("bare", tmp_path / "bare", 0)
    with local_agent(node) as agent:
        agent.ask("take_lease", deploy="d-first", **WHO)
        begun = agent.ask("begin_trial", deploy="d-first", grace_s=GRACE_S, **WHO)
        assert begun == {"armed": False, "release": None, "models": []}
        agent.ask("write_file", path="etc/fleet.json", content="{}", mode=0o600)
    with local_agent(node) as second:
        second.ask("take_lease", who="bob@desk", purpose="garnet up")
    with local_agent(node) as agent:
        agent.ask("take_lease", deploy="d-first", **WHO)
        done = agent.ask("revert_trial", deploy="d-first", reason="it does not work")
        assert done["models"] == {}
    assert not (node.root / "etc" / "fleet.json").exists()
