"""What a node no longer needs is removed; what anything uses or may soon want stays."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from node_scripts.agent.context import Context
from node_scripts.agent.environment import identifier
from node_scripts.agent.loaders import discard_loader, prepare_loader
from node_scripts.agent.unused import remove_unused
from tests.node_scripts.agent.local_agent import context_at

KIND = "3.11 Linux x86_64"
WEEK_S = 7 * 86400


@pytest.fixture
def context() -> Iterator[Context]:
    """Yield the context of a root that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="g", dir="/tmp") as folder:
        yield context_at(Path(folder))


def make_artifact(context: Context, name: str, age_s: float) -> None:
    """Make an artifact of ten bytes that was used last ``age_s`` seconds ago."""
    folder = context.paths.artifacts / name
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(bytes(10))
    os.utime(folder, (time.time() - age_s,) * 2)


def test_artifacts_that_nothing_names_go_but_for_the_last_two(context: Context) -> None:
    """The inventory, slots, unfinished swaps and loaders' folders name some."""
    for age, name in enumerate(["new", "newer", "wanted", "old", "slot", "journal", "older", "folder"]):
        make_artifact(context, name, age * 100)
    context.paths.state.mkdir()
    slots = {"slots": {"m": {"active": {"artifact": "slot"}, "next": None}}}
    context.paths.slots_file.write_text(json.dumps(slots))
    (context.paths.state / "swap-m.json").write_text(
        json.dumps({"old": None, "new": {"artifact": "journal"}})
    )
    loader = context.paths.served / "loader-1"
    loader.mkdir(parents=True)
    (loader / "m").symlink_to(Path("../../artifacts/folder"))
    done = remove_unused(context, artifacts=["wanted"], kind=KIND)
    assert done["artifacts"] == {"count": 2, "bytes": 20}
    left = sorted(path.name for path in context.paths.artifacts.iterdir())
    assert left == ["folder", "journal", "new", "newer", "slot", "wanted"]
    assert remove_unused(context, artifacts=["wanted"], kind=KIND)["artifacts"]["count"] == 0


def test_what_arrived_of_an_artifact_stays_for_a_week(context: Context) -> None:
    """An interrupted fetch goes on from there."""
    make_artifact(context, ".partial-fresh", 60)
    make_artifact(context, ".partial-forgotten", WEEK_S + 60)
    make_artifact(context, ".partial-wanted", WEEK_S + 60)
    remove_unused(context, artifacts=["wanted"], kind=KIND)
    left = sorted(path.name for path in context.paths.artifacts.iterdir())
    assert left == [".partial-fresh", ".partial-wanted"]


def test_an_artifact_that_was_served_until_now_is_the_one_used_last(context: Context) -> None:
    """The order of use decides, not that of arrival."""
    for age, name in enumerate(["served", "b", "c"]):
        make_artifact(context, name, 1000 - age * 100)
    made = prepare_loader(context, model="m", artifact="served")
    discard_loader(context, name=made["name"])
    remove_unused(context, artifacts=[], kind=KIND)
    assert sorted(path.name for path in context.paths.artifacts.iterdir()) == ["c", "served"]


def make_release(context: Context, name: str, lock: bytes) -> str:
    """Make a release and its environment; return the environment's id."""
    folder = context.paths.releases / name / "node_scripts"
    folder.mkdir(parents=True)
    (folder / "requirements.lock").write_bytes(lock)
    return make_environment(context, identifier(lock, KIND))


def make_environment(context: Context, name: str) -> str:
    """Make a complete environment."""
    (context.paths.environments / name / "bin").mkdir(parents=True)
    (context.paths.environments / name / ".complete").touch()
    return name


def test_environments_of_no_release_go_unless_something_runs_from_them(context: Context) -> None:
    """A job's file, the supervisor's start, or a process says so."""
    needed = make_release(context, "a" * 12, b"mlx==1\n")
    unused, configured, started, running = (make_environment(context, digit * 16) for digit in "1234")
    jobs = context.paths.etc / "supervisor" / "jobs"
    jobs.mkdir(parents=True)
    (jobs / "loader-1.conf").write_text(f"command={context.paths.environments}/{configured}/bin/python\n")
    (jobs.parent / "start").write_text(f"exec {context.paths.environments}/{started}/bin/supervisord\n")
    python = context.paths.environments / running / "bin" / "python"
    python.symlink_to(sys.executable)
    with subprocess.Popen([str(python), "-c", "input()"], stdin=subprocess.PIPE) as process:
        done = remove_unused(context, artifacts=[], kind=KIND)
        process.communicate(b"\n", timeout=10)
    assert done["environments"]["count"] == 1
    left = {path.name for path in context.paths.environments.iterdir()}
    assert left == {needed, configured, started, running}
    assert unused not in left


def test_wheels_that_the_lock_does_not_name_go(context: Context) -> None:
    """By their content, whatever they are called."""
    locked = hashlib.sha256(b"locked").hexdigest()
    make_release(context, "a" * 12, f"idna==3 --hash=sha256:{locked}\n".encode())
    context.paths.current.symlink_to(Path("releases") / ("a" * 12))
    context.paths.wheelhouse.mkdir()
    (context.paths.wheelhouse / "idna-3-py3-none-any.whl").write_bytes(b"locked")
    (context.paths.wheelhouse / "idna-2-py3-none-any.whl").write_bytes(b"before")
    assert remove_unused(context, artifacts=[], kind=KIND)["wheels"] == {"count": 1, "bytes": 6}
    assert [path.name for path in context.paths.wheelhouse.iterdir()] == ["idna-3-py3-none-any.whl"]


def test_logs_of_five_ended_loaders_stay_for_a_week(context: Context) -> None:
    """Those of loaders that are there stay for good, and so do all others."""
    context.paths.log.mkdir()
    (context.paths.served / "loader-1").mkdir(parents=True)
    names = ["loader-1.log", "monitor.log", *(f"loader-{n}.log" for n in range(2, 10)), "loader-9.log.1"]
    for age, name in enumerate(names):
        (context.paths.log / name).touch()
        os.utime(context.paths.log / name, (time.time() - 100 + age,) * 2)
    os.utime(context.paths.log / "loader-8.log", (time.time() - WEEK_S - 60,) * 2)
    discard_loader(context, name="loader-99")
    left = sorted(path.name for path in context.paths.log.iterdir())
    assert left == sorted([
        "loader-1.log", "monitor.log", *(f"loader-{n}.log" for n in (4, 5, 6, 7, 9)), "loader-9.log.1",
    ])  # fmt: skip
