"""The lease: who has it, and ending whoever does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from node_scripts.agent.context import Context
from node_scripts.agent.errors import StepError
from node_scripts.agent.leasing import break_lease, operators_host, read_lease, take_lease
from tests.conftest import ROOT
from tests.node_scripts.agent.local_agent import context_at

HOLD = """
import signal, sys, time
from pathlib import Path
from node_scripts.agent.lease import LeaseHolder
{ignore}
LeaseHolder(Path(sys.argv[1])).take("ada@desk", "garnet deploy", deploy="d-1", host="10.0.0.7")
print("held", flush=True)
time.sleep(60)
# {mark}
"""
MARK = "node_scripts.agent.__main__"


@pytest.fixture
def context() -> Iterator[Context]:
    """Yield the context of a node."""
    with tempfile.TemporaryDirectory(prefix="g", dir="/tmp") as folder:
        context = context_at(Path(folder))
        context.paths.make()
        yield context
        context.lease.release()


@contextmanager
def holder(context: Context, *, mark: str = MARK, ignore: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """Have another process hold the lease."""
    program = HOLD.format(mark=mark, ignore=ignore)
    command = [sys.executable, "-c", program, str(context.paths.lease_file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_the_lease_says_all_that_a_second_operator_wants_to_know(context: Context) -> None:
    """And nothing when it is free."""
    assert read_lease(context) is None
    with holder(context) as process:
        lease = read_lease(context)
        assert lease is not None
        assert lease.pop("since").startswith("20")
        assert lease == {
            "who": "ada@desk",
            "purpose": "garnet deploy",
            "pid": process.pid,
            "host": "10.0.0.7",
            "deploy": "d-1",
        }
        with pytest.raises(StepError, match="ada@desk is changing this node"):
            take_lease(context, who="bob@desk", purpose="garnet up")


@pytest.mark.parametrize(
    ("ignore", "expected"),
    [("", "SIGTERM"), ("signal.signal(signal.SIGTERM, signal.SIG_IGN)", "SIGKILL")],
)
def test_a_broken_lease_is_free(
    context: Context, monkeypatch: pytest.MonkeyPatch, ignore: str, expected: str
) -> None:
    """Its agent is ended, the hard way where need be; it is told who it was."""
    monkeypatch.setattr("node_scripts.agent.leasing.TERM_PATIENCE_S", 0.5)
    with holder(context, ignore=ignore) as process:
        broken = break_lease(context)
        assert broken["lease"]["who"] == "ada@desk"
        assert broken["signal"] == expected
        assert process.wait(5) == -getattr(signal, expected)
    take_lease(context, who="bob@desk", purpose="garnet up")


def test_only_an_agent_is_ended(context: Context) -> None:
    """A process that has the number of one that is gone must not suffer; the fuse is the node's own."""
    with holder(context, mark="something else") as process:
        with pytest.raises(StepError, match="which is not a garnet agent"):
            break_lease(context)
        assert process.poll() is None
    with holder(context, mark=f"{context.paths.fuse}/0.pyz") as process:
        with pytest.raises(StepError, match="the node itself holds the lease"):
            break_lease(context)
        assert process.poll() is None


def test_breaking_a_free_lease_or_ones_own_does_nothing(context: Context) -> None:
    """A stale file is no lease."""
    stale = {"who": "x", "purpose": "y", "since": "z", "pid": os.getpid()}
    context.paths.lease_file.write_text(json.dumps(stale))
    assert break_lease(context) == {"lease": None, "signal": None}
    take_lease(context, who="bob@desk", purpose="garnet up")
    assert break_lease(context) == {"lease": None, "signal": None}
    assert context.lease.held


def test_where_an_operator_connects_from() -> None:
    """As sshd tells; on the node itself its own name."""
    assert operators_host("10.0.0.7 51234 10.0.0.1 22") == "10.0.0.7"
    assert operators_host(None) != ""
