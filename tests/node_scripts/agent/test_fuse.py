"""When the fuse takes a trial back, and what it does when that fails."""

from __future__ import annotations

import itertools
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node_scripts.agent.context import Context
from node_scripts.agent.errors import StepError
from node_scripts.agent.fuse import Fuse, Quiet, move, pause_s, reason_of, remove_if_idle
from node_scripts.agent.fuse_job import archive, base_python, install_code
from node_scripts.agent.lease import LeaseHolder
from node_scripts.agent.sources import agent_sources
from node_scripts.agent.trial import read_trial, write_trial
from node_scripts.contracts import Job
from node_scripts.journals import Trial
from node_scripts.paths import NodePaths
from tests.node_scripts.agent.local_agent import context_at
from tests.node_scripts.agent.simulated_node import simulated

TRIAL = Trial(
    schema=1,
    deploy="d-1",
    who="ada@desk",
    purpose="garnet deploy",
    started="2026-11-21T09:00:00+00:00",
    updated="2026-11-21T09:00:00+00:00",
    status="open",
    grace_s=60.0,
)
HELD = replace(TRIAL, status="held", held_until_unix=1000.0, reason="too little traffic")


@pytest.mark.parametrize(
    ("trial", "quiet_s", "now_unix", "expected"),
    [
        (None, 1e6, 0.0, "nothing"),
        (TRIAL, 59.9, 0.0, "wait"),
        (TRIAL, 60.0, 0.0, "revert"),
        (HELD, 1e6, 999.0, "wait"),
        (HELD, 59.0, 1001.0, "wait"),
        (HELD, 60.0, 1000.0, "revert"),
        (replace(TRIAL, status="reverting"), 0.0, 0.0, "wait"),
        (replace(TRIAL, status="reverting"), 0.3, 0.0, "revert"),
        (replace(TRIAL, status="reverted"), 1e6, 0.0, "nothing"),
    ],
)
def test_moves(trial: Trial | None, quiet_s: float, now_unix: float, expected: str) -> None:
    """An open one after the grace time; a held one after its own time too; a half reverted one at once."""
    assert move(trial, confirmed=False, quiet_s=quiet_s, now_unix=now_unix) == expected
    assert move(trial, confirmed=True, quiet_s=quiet_s, now_unix=now_unix) == "nothing"


@given(
    status=st.sampled_from(["open", "held"]),
    grace_s=st.floats(0.1, 1e5),
    share=st.floats(0.0, 0.999),
    now_unix=st.floats(0, 4e9),
    until=st.floats(0, 4e9),
)
def test_nothing_is_reverted_while_its_operator_lives(
    status: Any, grace_s: float, share: float, now_unix: float, until: float
) -> None:
    """Whatever the wall clock says: only the monotonic clock tells for how long nobody was there."""
    trial = replace(TRIAL, status=status, grace_s=grace_s, held_until_unix=until)
    assert move(trial, confirmed=False, quiet_s=grace_s * share, now_unix=now_unix) == "wait"


@given(failures=st.integers(1, 1000))
def test_pauses_grow_up_to_five_minutes(failures: int) -> None:
    """Never shorter than before, never for ever."""
    assert 2.0 <= pause_s(failures) <= pause_s(failures + 1) <= 300.0


def test_reasons_say_what_happened() -> None:
    """For the alert, the record, and who comes back to a terminal."""
    assert reason_of(TRIAL) == "nobody confirmed it, and its operator was gone for 60 s"
    assert reason_of(HELD) == (
        "it was held until 1970-01-01T00:16:40+00:00 (too little traffic) and nobody decided"
    )
    assert reason_of(replace(TRIAL, status="reverting", reason="p95")) == "p95"


class Clock:
    """A monotonic clock that stands still."""

    def __init__(self) -> None:
        """Begin somewhere."""
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def context() -> Iterator[Context]:
    """Yield the context of a node."""
    with tempfile.TemporaryDirectory(prefix="g", dir="/tmp") as folder:
        context = context_at(Path(folder))
        context.paths.make()
        yield context


def test_the_lease_is_quiet_from_its_last_holder_on(context: Context) -> None:
    """One that was held and given back between two looks counts as held just now."""
    clock = Clock()
    quiet = Quiet(context.paths.lease_file, clock)
    assert quiet.seconds() == 0.0
    clock.now += 5
    assert quiet.seconds() == 5.0
    operator = LeaseHolder(context.paths.lease_file)
    operator.take("ada@desk", "garnet deploy")
    for _ in range(3):
        clock.now += 5
        assert quiet.seconds() == 0.0
    operator.release()
    clock.now += 5
    assert quiet.seconds() == 5.0
    operator.take("ada@desk", "garnet deploy resume")
    operator.release()
    clock.now += 5
    assert quiet.seconds() == 0.0


def fuse_of(context: Context, clock: Clock, take_back: Any) -> Fuse:
    """Return a fuse by ``clock``."""
    return Fuse(context, Quiet(context.paths.lease_file, clock), monotonic=clock, take_back=take_back)


def test_it_reverts_under_the_lease_and_gives_it_back(context: Context) -> None:
    """Named as the node itself, with what for."""
    seen: list[Any] = []
    clock = Clock()
    write_trial(context.paths, TRIAL)

    def take_back(_context: Context, trial: Trial, *, reason: str, by_node: bool) -> None:
        with pytest.raises(
            StepError, match=r"the node itself is changing this node \(reverting deploy d-1\)"
        ):
            LeaseHolder(context.paths.lease_file, sleep=lambda _s: None).take("bob@desk", "garnet up")
        seen.append((trial.deploy, reason, by_node))

    fuse = fuse_of(context, clock, take_back)
    assert fuse.look() == "wait"
    clock.now += 59
    assert fuse.look() == "wait"
    clock.now += 1
    assert fuse.look() == "revert"
    assert seen == [("d-1", "nobody confirmed it, and its operator was gone for 60 s", True)]
    assert not context.lease.held


def test_a_failed_revert_is_tried_again_ever_later(context: Context) -> None:
    """Between two attempts the lease is free for who would mend it."""
    clock = Clock()
    write_trial(context.paths, replace(TRIAL, grace_s=0.1))
    attempts: list[float] = []

    def take_back(_context: Context, trial: Trial, **_named: Any) -> None:
        attempts.append(clock.now)
        write_trial(context.paths, replace(trial, status="reverting"))
        raise StepError("restore_failed", "no proxy")

    fuse = fuse_of(context, clock, take_back)
    for _ in range(1200):
        fuse.look()
        assert not context.lease.held
        clock.now += 0.25
    pauses = [later - earlier for earlier, later in itertools.pairwise(attempts)]
    expected = [2, 4, 8, 16, 32, 64, 128]
    assert len(pauses) == len(expected)
    assert all(wanted <= pause < wanted + 1.1 for pause, wanted in zip(pauses, expected, strict=True))


def test_a_trial_that_changed_before_the_lease_was_taken_is_left_alone(context: Context) -> None:
    """Its operator came back in that instant."""
    clock = Clock()
    write_trial(context.paths, TRIAL)
    called: list[Trial] = []
    fuse = fuse_of(context, clock, lambda _context, trial, **_named: called.append(trial))
    fuse.look()
    clock.now += 60
    take = context.lease.take

    class Late(LeaseHolder):
        def take(self, *arguments: Any, **named: Any) -> None:
            write_trial(context.paths, replace(HELD, held_until_unix=9e9))
            take(*arguments, **named)

        def release(self) -> None:
            lease.release()

    lease, context.lease = context.lease, Late(context.paths.lease_file)
    fuse.look()
    assert called == []
    assert not lease.held


def test_an_idle_fuse_is_removed_but_never_one_that_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also by a process that outlived the trial that it was started for."""
    with tempfile.TemporaryDirectory(prefix="g", dir="/tmp") as folder:
        node = simulated(Path(folder), monkeypatch)
        job = Job(name="fuse", argv=["x"], working_directory="/", log="/l")
        node.start(job)
        for status in ("open", "held", "reverting"):
            write_trial(node.context.paths, replace(TRIAL, status=status))
            assert remove_if_idle(node.context) is False
        assert "fuse" in node.jobs
        write_trial(node.context.paths, replace(TRIAL, status="reverted"))
        assert remove_if_idle(node.context) is True
        assert "fuse" not in node.jobs
        assert read_trial(node.context.paths) is not None, "the alert reads it"


def test_its_code_runs_by_the_bare_python_alone(tmp_path: Path) -> None:
    """One file of equal bytes for equal sources; whatever it imports is in it."""
    path = install_code(NodePaths.at(tmp_path))
    assert path.read_bytes() == archive(agent_sources())
    assert install_code(NodePaths.at(tmp_path)) == path
    main = f"import sys; sys.path = [{str(path)!r}, *sys.path]; import node_scripts.agent.fuse as fuse; "
    done = subprocess.run(
        [base_python(), "-I", "-S", "-B", "-c", main + "print(fuse.__file__)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == f"{path}/node_scripts/agent/fuse.py"
    removed = subprocess.run(
        [base_python(), "-I", "-S", "-B", str(path), str(tmp_path), str(tmp_path / "envs"), "--remove"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (removed.returncode, removed.stderr) == (0, "")
