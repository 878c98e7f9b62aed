"""Where the fleet stands between deploys."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from garnet_cli.actions.deploy.standing import ROLLBACK, history, offered, the_trial, undecided
from garnet_cli.errors import GarnetError
from garnet_cli.fleet.facts import NodeFacts
from node_scripts.journals import DeployRecord, Trial

TRIAL = Trial(
    schema=1, deploy="d-9", who="ada@desk", purpose="garnet deploy", started="t", updated="t",
    status="open", grace_s=60.0,
)  # fmt: skip


def record(deploy: str, ended: str, **more: Any) -> DeployRecord:
    """Return how a deploy ended on a node."""
    values = {
        "schema": 1,
        "who": "ada@desk",
        "purpose": "garnet deploy",
        "started": ended,
        "outcome": "confirmed",
    }
    return DeployRecord(
        **{**values, "release_before": "a", "release_after": "b", **more}, deploy=deploy, ended=ended
    )


def facts(*deploys: DeployRecord, trial: Trial | None = None) -> NodeFacts:
    """Return a node that remembers ``deploys``."""
    plain: dict[str, Any] = {
        "hostname": "h", "system": "Linux", "machine": "x", "chip": None, "os_version": None,
        "python": {"path": "p", "version": "3.11"}, "uv": None, "memory_bytes": 1,
        "memory_available_bytes": None, "disk_free_bytes": 1, "disk_total_bytes": 1, "time_unix": 0.0,
        "cpu_count": 1, "release": None, "releases": [], "environments": [], "artifacts": {},
        "fleet_sha256": None, "keys": None, "secret_fingerprint": None, "jobs": [],
        "supervisor": {"kind": "k", "running": True, "starts_at_boot": False}, "slots": None, "swaps": [],
        "listen_state": None, "lease": None, "next_serial": 1,
    }  # fmt: skip
    return replace(msgspec.convert(plain, NodeFacts), deploys=list(deploys), trial=trial)


def test_history_is_what_the_nodes_remember_together_the_latest_first() -> None:
    """A deploy that one node kept and another took back says both."""
    past = history({
        "one": facts(record("d-1", "2026-01-01"), record("d-2", "2026-01-02")),
        "two": facts(record("d-2", "2026-01-03", outcome="reverted", reason="slow")),
    })  # fmt: skip
    assert [one.deploy for one in past] == ["d-2", "d-1"]
    assert (past[0].outcome, past[0].reason, sorted(past[0].nodes)) == (
        "confirmed and reverted",
        "slow",
        ["one", "two"],
    )


def test_the_last_five_in_force_are_offered() -> None:
    """Neither what was taken back, nor rollbacks and what they undid: rolling back twice goes back two."""
    records = [record(f"d-{number}", f"2026-01-0{number}") for number in range(1, 8)]
    records.append(record("d-8", "2026-01-08", outcome="reverted"))
    records.append(record("r-1", "2026-01-09", purpose=f"{ROLLBACK} d-7"))
    assert [one.deploy for one in offered(history({"one": facts(*records)}))] == [
        "d-6", "d-5", "d-4", "d-3", "d-2",
    ]  # fmt: skip


def test_a_rollback_takes_later_deploys_along_and_one_that_failed_can_be_tried_again() -> None:
    """Rolling back d-1 took d-2 along; a rollback that one of two nodes kept did not take it back."""
    first, second = record("d-1", "2026-01-01"), record("d-2", "2026-01-02")
    back = record("r-1", "2026-01-03", purpose=f"{ROLLBACK} d-1")
    assert offered(history({"one": facts(first, second, back)})) == []
    half = record("r-2", "2026-01-03", purpose=f"{ROLLBACK} d-2")
    found = offered(history({"one": facts(first, second, half), "two": facts(first, second)}))
    assert [one.deploy for one in found] == ["d-2", "d-1"]


def test_a_trial_is_undecided_until_it_is_taken_back_or_if_it_began_at_all() -> None:
    """One whose fuse never ran changed nothing."""
    found = undecided({
        "open": facts(trial=TRIAL),
        "held": facts(trial=replace(TRIAL, status="held")),
        "reverting": facts(trial=replace(TRIAL, status="reverting")),
        "reverted": facts(trial=replace(TRIAL, status="reverted")),
        "unarmed": facts(trial=replace(TRIAL, armed=False)),
        "none": facts(),
    })  # fmt: skip
    assert sorted(found) == ["held", "open", "reverting"]


def test_what_to_resume_is_the_one_undecided_deploy() -> None:
    """None says who took the last one back; two are too many."""
    assert the_trial({"one": facts(trial=TRIAL), "two": facts()})[0] == "d-9"
    taken = replace(TRIAL, status="reverted", reason="nobody confirmed it")
    with pytest.raises(GarnetError, match="one took deploy d-9 back: nobody confirmed it"):
        the_trial({"one": facts(trial=taken)})
    with pytest.raises(GarnetError, match="different deploys: d-8, d-9"):
        the_trial({"one": facts(trial=TRIAL), "two": facts(trial=replace(TRIAL, deploy="d-8"))})
