"""Trials that end in the worst moments: half done, half reverted, with what was there before gone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from garnet_cli.errors import GarnetError, NodeError
from tests.fleet.asking import active_loader, local_agent, proxy_status
from tests.fleet.rack import Rack, RackNode, eventually
from tests.fleet.test_upgrade import changed_copy
from tests.fleet.trials import GRACE_S, MODEL, WHO, facts, operating, push_release, swap, taken_back, traffic

pytestmark = pytest.mark.fleet


@pytest.fixture(scope="module")
def rack(tiny_model_a: Path) -> Iterator[Rack]:
    """Return two local nodes that serve the same model."""
    with Rack(["one", "two"]) as rack:
        rack.serve(MODEL, tiny_model_a)
        rack.up()
        yield rack


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


def test_a_dead_proxy_is_replaced_first(rack: Rack, tmp_path: Path) -> None:
    """Nothing can be flipped before."""
    node = rack.node("one")
    before, loader = proxy_status(node), active_loader(node, MODEL)["spec"]
    code = changed_copy(tmp_path / "broken", "node_scripts/proxy/__main__.py")
    (code / "node_scripts" / "proxy" / "__main__.py").write_text("raise SystemExit('broken')\n")
    with operating(node, "d-dead") as agent:
        agent.ask("begin_trial", deploy="d-dead", grace_s=GRACE_S, beside=[MODEL], **WHO)
        swap(agent, node, hold=True, runtime="other")
        release, job = push_release(agent, node, code)
        agent.ask("link_release", release=release)
        agent.ask("remove_job", name=f"proxy-{before['release']}")
        agent.ask("ensure_job", job=job)
    eventually(lambda: taken_back(node, "d-dead"), "the trial is taken back")
    assert proxy_status(node)["release"] == before["release"]
    assert active_loader(node, MODEL)["spec"] == loader


def test_a_revert_whose_agent_is_ended_is_finished_by_the_node(rack: Rack) -> None:
    """By a second operator's `garnet deploy unlock`, say, who has to wait while the node itself works."""
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
            reverting.join()
        eventually(lambda: taken_back(node, "d-cut"), "the trial is taken back")
    assert len(ended) == 1
    assert active_loader(node, MODEL)["spec"] == before
    assert facts(node).deploys[0].reason == "p95 is 40 % higher"


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
