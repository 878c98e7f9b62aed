"""The steps of a deploy on one node: what each needs, changes and refuses."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from garnet_cli.fleet.facts import decode_facts
from node_scripts.agent import deploy as steps
from node_scripts.agent.errors import StepError
from node_scripts.agent.facts import facts
from node_scripts.agent.leasing import take_lease
from node_scripts.agent.release import link_release
from node_scripts.agent.snapshot import read_snapshot
from node_scripts.agent.trial import deploy_records, read_trial, write_trial
from node_scripts.agent.unused import named_artifacts
from node_scripts.contracts import Slot
from node_scripts.records import Event
from tests.node_scripts.agent.local_agent import context_at
from tests.node_scripts.agent.simulated_node import SimulatedNode, simulated

OLD, NEW = "0" * 12, "1" * 12
BEGIN: dict[str, Any] = {"who": "ada@desk", "purpose": "garnet deploy", "grace_s": 60.0}


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedNode]:
    """Yield a node that serves a model, whose lease is held."""
    with tempfile.TemporaryDirectory(prefix="g", dir="/tmp") as folder:
        node = simulated(Path(folder), monkeypatch)
        node.start(node.add_release(OLD))
        node.add_release(NEW)
        link_release(node.context, release=OLD)
        node.put(Slot(model="m", active=node.loader("loader-1", "m")))
        node.start(node.job("loader-1", OLD))
        node.serving = OLD
        node.context.lease.take("ada@desk", "garnet deploy", deploy="d-1")
        yield node
        node.context.lease.release()


def change(node: SimulatedNode, loader: str = "loader-2") -> None:
    """Have another loader serve the model, the one before gone."""
    before = node.slots["m"].active
    assert before is not None
    node.start(node.job(loader, OLD))
    node.put(Slot(model="m", active=node.loader(loader, "m")))
    node.remove(before.name, None)


def actions(node: SimulatedNode) -> list[tuple[str, str, str]]:
    """Return subject, action and actor of each event of a deploy, in order."""
    files = sorted(node.context.paths.event_journal.glob("*.jsonl"))
    events = [msgspec.json.decode(file.read_bytes(), type=Event) for file in files]
    return [(event.subject, event.action, event.who) for event in events if event.kind == "deploy"]


def active(node: SimulatedNode) -> str:
    """Return the name of the loader that takes the traffic."""
    spec = node.slots["m"].active
    assert spec is not None
    return spec.name


def test_a_trial_is_begun_with_a_snapshot_and_a_fuse(node: SimulatedNode) -> None:
    """Which runs by no release's and no environment's code, and is told of in the facts."""
    begun = steps.begin_trial(node.context, deploy="d-1", beside=["m"], **BEGIN)
    assert begun == {"armed": True, "release": OLD, "models": ["m"]}
    job = node.jobs["fuse"]
    assert str(node.context.paths.releases) not in " ".join(job.argv)
    assert Path(job.argv[4]).is_file()
    assert Path(job.argv[0]).is_file()
    trial = read_trial(node.context.paths)
    assert trial is not None
    assert (trial.deploy, trial.status, trial.grace_s, trial.beside) == ("d-1", "open", 60.0, ["m"])
    found = decode_facts("one", facts(node.context))
    assert found.trial == trial
    assert found.deploys == []
    assert found.lease is not None
    assert (found.lease.deploy, found.lease.pid) == ("d-1", found.lease.pid)


def test_begun_again_the_first_snapshot_stays(node: SimulatedNode) -> None:
    """Else the half of a change would be what is gone back to."""
    steps.begin_trial(node.context, deploy="d-1", **BEGIN)
    first = read_snapshot(node.context.paths, "d-1")
    change(node)
    steps.begin_trial(node.context, deploy="d-1", **{**BEGIN, "grace_s": 30.0}, beside=["m"])
    assert read_snapshot(node.context.paths, "d-1") == first
    trial = read_trial(node.context.paths)
    assert trial is not None
    assert (trial.grace_s, trial.beside) == (30.0, ["m"])


def test_a_reverted_trial_leaves_the_node_as_before_and_a_record(node: SimulatedNode) -> None:
    """Its end is noted as an event; reverting again changes nothing."""
    steps.begin_trial(node.context, deploy="d-1", beside=["m"], **BEGIN)
    change(node)
    done = steps.revert_trial(node.context, deploy="d-1", reason="p95 is 40 % higher")
    assert (list(done["models"]), done["already"]) == (["m"], False)
    assert active(node) == "loader-1"
    assert "fuse" not in node.jobs
    assert not node.context.paths.fuse.exists()
    assert actions(node) == [("d-1", "reverting", "ada@desk"), ("d-1", "reverted", "ada@desk")]
    (record,) = deploy_records(node.context.paths)
    assert (record.outcome, record.reason, record.by_node) == ("reverted", "p95 is 40 % higher", False)
    assert (record.release_before, record.models_before) == (OLD, {"m": "source of loader-1"})
    assert steps.revert_trial(node.context, deploy="d-1", reason="x")["already"] is True


def test_a_confirmed_trial_is_over(node: SimulatedNode) -> None:
    """Nothing is left but its record and the snapshot, to roll back to."""
    steps.begin_trial(node.context, deploy="d-1", **BEGIN)
    change(node)
    assert steps.confirm_trial(node.context, deploy="d-1", summary={"p95": 1}) == {"already": False}
    assert steps.confirm_trial(node.context, deploy="d-1", summary={}) == {"already": True}
    assert active(node) == "loader-2"
    assert read_trial(node.context.paths) is None
    assert "fuse" not in node.jobs
    (record,) = deploy_records(node.context.paths)
    assert (record.outcome, record.summary) == ("confirmed", {"p95": 1})
    with pytest.raises(StepError, match="no trial of deploy d-1"):
        steps.revert_trial(node.context, deploy="d-1", reason="too late")
    with pytest.raises(StepError, match="deploy d-1 ended here: confirmed"):
        steps.begin_trial(node.context, deploy="d-1", **BEGIN)


def test_a_rollback_goes_back_to_before_the_named_deploy(node: SimulatedNode) -> None:
    """Within a trial of its own, after others; one that the node does not know is refused."""
    for deploy, loader in (("d-1", "loader-2"), ("d-2", "loader-3")):
        steps.begin_trial(node.context, deploy=deploy, **BEGIN)
        change(node, loader)
        steps.confirm_trial(node.context, deploy=deploy, summary={})
    with pytest.raises(StepError, match="no open trial"):
        steps.restore_deploy(node.context, deploy="d-1", beside=["m"])
    steps.begin_trial(node.context, deploy="d-3", **BEGIN)
    with pytest.raises(StepError, match="no record of deploy d-9"):
        steps.restore_deploy(node.context, deploy="d-9", beside=["m"])
    steps.restore_deploy(node.context, deploy="d-1", beside=["m"])
    assert active(node) == "loader-1"
    steps.revert_trial(node.context, deploy="d-3", reason="that was worse", beside=["m"])
    assert active(node) == "loader-3"


def test_a_trial_keeps_other_deploys_and_commands_out(node: SimulatedNode) -> None:
    """Who deployed, since when, held or open, and what to do; not the deploy's own operator."""
    steps.begin_trial(node.context, deploy="d-1", **BEGIN)
    with pytest.raises(StepError) as caught:
        steps.begin_trial(node.context, deploy="d-2", **BEGIN)
    assert caught.value.code == "trial_open"
    steps.hold_trial(node.context, deploy="d-1", until_unix=1795000000.0, reason="too little traffic")
    node.context.lease.release()
    other = context_at(node.context.paths.root)
    with pytest.raises(StepError) as caught:
        take_lease(other, who="bob@desk", purpose="garnet up")
    assert caught.value.code == "trial_open"
    assert "ada@desk deployed here (garnet deploy, deploy d-1) since 20" in caught.value.message
    assert caught.value.message.endswith("held, too little traffic")
    assert caught.value.remedy == (
        "`garnet deploy resume`, `garnet deploy rollback`, or wait until the node takes it back at "
        "2026-11-18T11:06:40+00:00"
    )
    assert not other.lease.held
    take_lease(other, who="ada@ci", purpose="garnet deploy resume", deploy="d-1")
    steps.open_trial(other, deploy="d-1")
    trial = read_trial(node.context.paths)
    assert trial is not None
    assert (trial.status, trial.held_until_unix, trial.reason) == ("open", None, "")
    other.lease.release()


def test_a_reverted_trial_keeps_nobody_out(node: SimulatedNode) -> None:
    """It stays only to be told of."""
    steps.begin_trial(node.context, deploy="d-1", **BEGIN)
    steps.revert_trial(node.context, deploy="d-1", reason="x")
    for step in (steps.open_trial, steps.confirm_trial):
        more: dict[str, Any] = {"summary": {}} if step is steps.confirm_trial else {}
        with pytest.raises(StepError, match="deploy d-1 was taken back on this node by ada@desk: x"):
            step(node.context, deploy="d-1", **more)
    node.context.lease.release()
    other = context_at(node.context.paths.root)
    take_lease(other, who="bob@desk", purpose="garnet deploy", deploy="d-2")
    other.lease.release()
    node.context.lease.take("bob@desk", "garnet deploy", deploy="d-2")
    steps.begin_trial(node.context, deploy="d-2", **BEGIN)


def test_nothing_is_done_without_the_lease(node: SimulatedNode) -> None:
    """Two could change the node at once."""
    node.context.lease.release()
    asks: list[tuple[Any, dict[str, Any]]] = [
        (steps.begin_trial, {**BEGIN}),
        (steps.hold_trial, {"until_unix": time.time(), "reason": "x"}),
        (steps.open_trial, {}),
        (steps.confirm_trial, {"summary": {}}),
        (steps.revert_trial, {"reason": "x"}),
        (steps.restore_deploy, {"beside": []}),
    ]
    for step, arguments in asks:
        with pytest.raises(StepError, match="does not hold the node's lease"):
            step(node.context, deploy="d-1", **arguments)
    assert not node.context.paths.trial_file.exists()


@pytest.mark.parametrize("deploy", ["", ".", "../x", "a/b", "x" * 65])
def test_names_that_are_paths_are_refused(node: SimulatedNode, deploy: str) -> None:
    """A deploy's name is a folder's."""
    with pytest.raises(StepError, match="cannot name a deploy"):
        steps.begin_trial(node.context, deploy=deploy, **BEGIN)


def test_the_last_five_deploys_are_kept_and_that_of_the_trial(node: SimulatedNode) -> None:
    """Whatever their outcome."""
    for number in range(7):
        steps.begin_trial(node.context, deploy=f"d-{number}", **BEGIN)
        steps.confirm_trial(node.context, deploy=f"d-{number}", summary={})
    steps.begin_trial(node.context, deploy="d-now", **BEGIN)
    names = sorted(path.name for path in node.context.paths.deploys.iterdir())
    assert names == ["d-2", "d-3", "d-4", "d-5", "d-6", "d-now"]
    assert [record.deploy for record in deploy_records(node.context.paths)] == names[4::-1]


def test_what_a_snapshot_needs_is_not_removed(node: SimulatedNode) -> None:
    """Of the open trial, and of the last confirmed deploy, to which a rollback goes."""
    paths = node.context.paths
    steps.begin_trial(node.context, deploy="d-1", **BEGIN)
    node.put(Slot(model="m", active=node.loader("loader-2", "m", artifact="b")))
    (paths.served / "loader-1" / "m").unlink()
    assert named_artifacts(paths) == {"a", "b"}
    steps.confirm_trial(node.context, deploy="d-1", summary={})
    assert named_artifacts(paths) == {"a", "b"}
    del node.jobs[f"proxy-{OLD}"]
    for number in range(2, 9):
        node.add_release(f"{number}" * 12)
        link_release(node.context, release=f"{number}" * 12)
    assert (paths.releases / OLD).is_dir()
    assert not (paths.releases / NEW).exists()


def test_a_fuse_that_is_gone_is_armed_again(node: SimulatedNode) -> None:
    """By whoever goes on with the deploy."""
    steps.begin_trial(node.context, deploy="d-1", **BEGIN)
    node.remove("fuse", None)
    steps.begin_trial(node.context, deploy="d-1", **BEGIN)
    assert "fuse" in node.jobs


def test_without_a_fuse_nothing_is_begun(node: SimulatedNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nobody is kept out by a trial that nothing watches."""
    monkeypatch.setattr("node_scripts.agent.fuse_job.START_PATIENCE_S", 0.0)
    node.broken = {"fuse"}
    with pytest.raises(StepError, match="the fuse does not stay up: it wrote no log"):
        steps.begin_trial(node.context, deploy="d-1", **BEGIN)
    assert read_trial(node.context.paths) is None
    assert "fuse" not in node.jobs
    node.broken = set()
    assert steps.begin_trial(node.context, deploy="d-1", **BEGIN)["armed"] is True


def test_a_revert_that_fails_is_begun_again(node: SimulatedNode) -> None:
    """What failed is in the trial and in the audit log; the record names the release that was tried."""
    steps.begin_trial(node.context, deploy="d-1", beside=["m"], **BEGIN)
    change(node)
    link_release(node.context, release=NEW)
    node.broken = {"loader-1"}
    with pytest.raises(StepError, match="m: loader-1 does not answer"):
        steps.revert_trial(node.context, deploy="d-1", reason="p95")
    trial = read_trial(node.context.paths)
    assert trial is not None
    assert (trial.status, trial.attempts, trial.failure) == ("reverting", 1, "m: loader-1 does not answer")
    assert deploy_records(node.context.paths) == []
    assert "fuse" in node.jobs, "it goes on once the operator has gone"
    node.broken = set()
    steps.revert_trial(node.context, deploy="d-1", reason="p95")
    trial = read_trial(node.context.paths)
    assert trial is not None
    assert (trial.status, trial.attempts, trial.failure) == ("reverted", 2, "")
    assert [action for _, action, _ in actions(node)] == [
        "reverting",
        "revert failed",
        "reverting",
        "reverted",
    ]
    (record,) = deploy_records(node.context.paths)
    assert (record.release_before, record.release_after) == (OLD, NEW)


def test_a_damaged_configuration_does_not_keep_a_deploy_from_being_taken_back(node: SimulatedNode) -> None:
    """The event of it cannot be noted then; what was damaged is what is brought back."""
    steps.begin_trial(node.context, deploy="d-1", **BEGIN)
    node.context.paths.fleet_file.write_text("{")
    steps.revert_trial(node.context, deploy="d-1", reason="x")
    assert json.loads(node.context.paths.fleet_file.read_text())["fleet"] == "f"
    assert actions(node) == [("d-1", "reverted", "ada@desk")]


def test_a_newer_trial_is_not_misread(node: SimulatedNode) -> None:
    """What a later Garnet wrote is refused by its schema; fields that are only more are not."""
    steps.begin_trial(node.context, deploy="d-1", **BEGIN)
    trial = read_trial(node.context.paths)
    assert trial is not None
    content = json.loads(node.context.paths.trial_file.read_text())
    node.context.paths.trial_file.write_text(json.dumps({**content, "more": 1}))
    assert read_trial(node.context.paths) == trial
    write_trial(node.context.paths, replace(trial, schema=2))
    with pytest.raises(StepError, match="newer Garnet"):
        read_trial(node.context.paths)
