"""A node is brought back to its snapshot from wherever a deploy, or a cut-off restore, has left it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from node_scripts.agent.errors import StepError
from node_scripts.agent.release import current_release
from node_scripts.agent.restore import restore
from node_scripts.agent.snapshot import take_snapshot
from node_scripts.contracts import Slot
from tests.node_scripts.agent.simulated_node import CutError, SimulatedNode, simulated

OLD, NEW = "0" * 12, "1" * 12
DEPLOY = "d-1"


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedNode]:
    """Yield a node that serves models ``m`` and ``n``, with a snapshot of it taken."""
    with tempfile.TemporaryDirectory(prefix="g", dir="/tmp") as folder:
        node = simulated(Path(folder), monkeypatch)
        proxy = node.add_release(OLD)
        node.context.paths.current.symlink_to(Path("releases") / OLD)
        node.start(proxy)
        node.start(node.job("monitor", OLD))
        for name, model in (("loader-1", "m"), ("loader-2", "n")):
            node.put(Slot(model=model, active=node.loader(name, model)))
            node.start(node.job(name, OLD))
        node.serving = OLD
        take_snapshot(node.context, DEPLOY)
        yield node


def deploy_everything(node: SimulatedNode, *, hold: bool) -> None:
    """Change all that a deploy can change; ``hold`` leaves the old loaders running without traffic."""
    paths = node.context.paths
    paths.fleet_file.write_text('{"fleet": "f", "node": "one", "new": true}')
    paths.monitor_file.write_text("{}")
    proxy = node.add_release(NEW)
    paths.current.unlink()
    paths.current.symlink_to(Path("releases") / NEW)
    node.start(proxy)
    node.serving = NEW
    del node.jobs[f"proxy-{OLD}"]
    node.start(node.job("monitor", NEW))
    for old, new, model in (("loader-1", "loader-3", "m"), ("loader-2", "loader-4", "n")):
        spec = node.loader(new, model)
        node.start(node.job(new, NEW))
        previous = node.slots[model].active
        node.put(Slot(model=model, active=spec, previous=previous if hold else None))
        (paths.state / f"swap-{model}.json").write_text(json.dumps({"step": "watch"}))
        if not hold:
            del node.jobs[old]
            node.answering.discard(old)
            (paths.served / old / model).unlink()
            (paths.served / old).rmdir()
    node.put(Slot(model="extra", active=node.loader("loader-5", "extra")))
    node.start(node.job("loader-5", NEW))


def is_as_before(node: SimulatedNode) -> bool:
    """Say whether all is as it was when the snapshot was taken."""
    paths = node.context.paths
    assert sorted(node.jobs) == ["loader-1", "loader-2", "monitor", f"proxy-{OLD}"]
    assert {model: slot.active.name for model, slot in node.slots.items() if slot.active} == {
        "m": "loader-1",
        "n": "loader-2",
    }
    assert all(slot.previous is None and slot.next is None for slot in node.slots.values())
    assert sorted(path.name for path in paths.served.iterdir()) == ["loader-1", "loader-2"]
    assert {path.name for path in paths.served.glob("*/*")} == {"m", "n"}
    assert list(paths.state.glob("swap-*.json")) == []
    assert (node.serving, current_release(paths)) == (OLD, OLD)
    assert paths.fleet_file.read_text() == '{"fleet": "f", "node": "one"}'
    assert not paths.monitor_file.exists()
    assert node.jobs["monitor"] == node.job("monitor", OLD)
    return node.loaded == node._settings()


@pytest.mark.parametrize("hold", [True, False])
def test_all_that_a_deploy_changes_is_brought_back(node: SimulatedNode, hold: bool) -> None:  # noqa: FBT001
    """With two loaders at once no model is ever without one that answers."""
    deploy_everything(node, hold=hold)
    node.guarded = {"m", "n"}
    done = restore(node.context, DEPLOY, ["m", "n"])
    assert is_as_before(node)
    assert sorted(done.models) == ["m", "n"]
    assert done.release == OLD
    assert done.remarks == []
    first_end = next(index for index, act in enumerate(node.acts) if act.startswith("remove"))
    assert node.acts.index("PUT /control/slots/n") < first_end, "traffic is right before any end"
    if hold:
        assert node.acts[:3] == ["wait for loader-1", "PUT /control/slots/m", "wait for loader-2"]


def test_nothing_is_done_where_nothing_is_to_do(node: SimulatedNode) -> None:
    """Only looked at, and settled as it is."""
    deploy_everything(node, hold=True)
    restore(node.context, DEPLOY, ["m", "n"])
    node.acts.clear()
    restore(node.context, DEPLOY, ["m", "n"])
    puts = ["PUT /control/slots/m?force=1", "PUT /control/slots/n?force=1"]
    assert node.acts == [f"ensure proxy-{OLD}", *puts, "ensure monitor", "HUP monitor"]


def test_without_room_the_other_goes_before_the_old_one_comes(node: SimulatedNode) -> None:
    """Out of the slot first, so that peers take the traffic; one model after the other."""
    deploy_everything(node, hold=False)
    node.guarded = {"n"}
    restore(node.context, DEPLOY, ["n"])
    assert is_as_before(node)
    first = node.acts.index("PUT /control/slots/m?force=1")
    assert node.acts[first : first + 5] == [
        "PUT /control/slots/m?force=1",
        "remove loader-3",
        "ensure loader-1",
        "wait for loader-1",
        "PUT /control/slots/m",
    ]
    assert node.acts.index("remove loader-5") < first, "models that were not there make room"
    assert node.acts.index(f"remove proxy-{NEW}") < first, "only it knows of its own streams"


@pytest.mark.parametrize("hold", [True, False])
@pytest.mark.parametrize("beside", [["m", "n"], []])
def test_cut_off_at_any_act_it_goes_on(
    node: SimulatedNode,
    hold: bool,  # noqa: FBT001
    beside: list[str],
) -> None:
    """Once, and then at every further act of the second attempt, too: each attempt does something."""
    deploy_everything(node, hold=hold)
    if beside:
        node.guarded = {"m", "n"}
    attempts = 0
    while True:
        node.acts.clear()
        # The first attempts end after their first act, later ones come ever further.
        node.cut_at = 1 + attempts // 4
        attempts += 1
        try:
            restore(node.context, DEPLOY, beside)
        except CutError:
            continue
        break
    assert attempts > 4
    assert is_as_before(node)


def test_every_single_cut_is_survived(node: SimulatedNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut after each act in turn, then left alone."""
    deploy_everything(node, hold=False)
    restore(node.context, DEPLOY, ["m"])
    acts = len(node.acts)
    for cut_at in range(acts):
        with tempfile.TemporaryDirectory(prefix="g", dir="/tmp") as folder:
            fresh = simulated(Path(folder), monkeypatch)
            fresh.start(fresh.add_release(OLD))
            fresh.context.paths.current.symlink_to(Path("releases") / OLD)
            fresh.start(fresh.job("monitor", OLD))
            for name, model in (("loader-1", "m"), ("loader-2", "n")):
                fresh.put(Slot(model=model, active=fresh.loader(name, model)))
                fresh.start(fresh.job(name, OLD))
            fresh.serving = OLD
            take_snapshot(fresh.context, DEPLOY)
            deploy_everything(fresh, hold=False)
            fresh.guarded = {"m"}
            fresh.cut_at = cut_at
            with pytest.raises(CutError):
                restore(fresh.context, DEPLOY, ["m"])
            fresh.cut_at = None
            restore(fresh.context, DEPLOY, ["m"])
            assert is_as_before(fresh)


def test_a_proxy_that_does_not_answer_is_replaced_before_anything_is_flipped(node: SimulatedNode) -> None:
    """There is nobody to flip with."""
    deploy_everything(node, hold=True)
    node.broken = {NEW}
    restore(node.context, DEPLOY, ["m", "n"])
    assert is_as_before(node)
    assert node.acts[0] == f"ensure proxy-{OLD}"


def test_a_proxy_that_hangs_is_killed(node: SimulatedNode) -> None:
    """It would keep the sockets for ever; only it, and only once the old one could not come."""
    deploy_everything(node, hold=True)
    node.hung = {NEW}
    restore(node.context, DEPLOY, ["m", "n"])
    assert is_as_before(node)
    killed = f"KILL proxy-{NEW}"
    assert node.acts[:3] == [f"ensure proxy-{OLD}", killed, f"ensure proxy-{OLD}"]
    assert [act for act in node.acts if act.startswith("KILL")] == [killed]


def test_a_model_that_cannot_be_restored_does_not_keep_the_others_from_it(node: SimulatedNode) -> None:
    """Its present loader goes on serving; the error names the artifact."""
    deploy_everything(node, hold=False)
    (node.context.paths.artifacts / "a").rmdir()
    (node.context.paths.artifacts / "b").mkdir()
    snapshot_file = node.context.paths.deploys / DEPLOY / "snapshot.json"
    snapshot = json.loads(snapshot_file.read_text())
    snapshot["slots"]["n"]["artifact"] = "b"
    snapshot_file.write_text(json.dumps(snapshot))
    node.guarded = {"m", "n"}
    with pytest.raises(StepError, match=r"m: artifact a \(source of loader-1\) is gone") as caught:
        restore(node.context, DEPLOY, ["m", "n"])
    assert caught.value.code == "restore_failed"
    actives = {model: slot.active.name for model, slot in node.slots.items() if slot.active}
    assert actives == {"m": "loader-3", "n": "loader-2"}
    assert node.serving == OLD
    assert [path.name for path in node.context.paths.state.glob("swap-*.json")] == ["swap-m.json"]


def test_a_loader_that_does_not_answer_any_more_leaves_the_other_its_traffic(node: SimulatedNode) -> None:
    """What is healthy is not stopped."""
    deploy_everything(node, hold=True)
    node.broken = {"loader-1"}
    node.guarded = {"m", "n"}
    with pytest.raises(StepError, match="m: loader-1 does not answer"):
        restore(node.context, DEPLOY, ["m", "n"])
    assert node.slots["m"].active is not None
    assert node.slots["m"].active.name == "loader-3"
    assert "loader-1" not in node.jobs, "no memory is taken from the one that serves"
    node.broken = set()
    restore(node.context, DEPLOY, ["m", "n"])
    assert is_as_before(node)


def test_a_damaged_copy_of_a_file_is_not_put_in_force(node: SimulatedNode) -> None:
    """The configuration stays as it is."""
    deploy_everything(node, hold=True)
    (node.context.paths.deploys / DEPLOY / "fleet.json").write_text("x")
    with pytest.raises(StepError, match=r"copy of etc/fleet\.json is damaged"):
        restore(node.context, DEPLOY, [])
    assert "new" in node.context.paths.fleet_file.read_text()
