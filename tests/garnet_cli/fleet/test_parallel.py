"""The same work on several nodes."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import dataclass

import pytest

from garnet_cli.errors import FleetError, NodeError, UnreachableError
from garnet_cli.fleet.parallel import attempt_each, for_each
from tests.conftest import ROOT


@dataclass
class Named:
    """Something with a node's name."""

    name: str


NODES = [Named("a"), Named("b"), Named("c")]


def test_work_runs_side_by_side_and_results_keep_the_nodes_order() -> None:
    """Each waits for all others: one after another would never end."""
    barrier = threading.Barrier(3, timeout=10)

    def work(node: Named) -> str:
        barrier.wait()
        return node.name.upper()

    assert list(for_each(NODES, work).items()) == [("a", "A"), ("b", "B"), ("c", "C")]


def fail_all_but_b(node: Named) -> str:
    """Fail in two ways."""
    if node.name == "a":
        raise NodeError("no space", node="a")
    if node.name == "c":
        raise UnreachableError("refuses connections", node="c")
    return "fine"


def test_every_node_that_failed_is_named() -> None:
    """With the worst exit code of all."""
    with pytest.raises(FleetError) as caught:
        for_each(NODES, fail_all_but_b)
    assert str(caught.value) == "a: no space\nc: refuses connections"
    assert caught.value.exit_code == 4


def test_one_node_fails_as_itself() -> None:
    """So that its kind and its code are seen."""
    with pytest.raises(NodeError):
        for_each(NODES[:1], fail_all_but_b)


def test_attempts_hold_results_and_errors() -> None:
    """For actions that go on without the nodes that failed."""
    outcomes = attempt_each(NODES, fail_all_but_b)
    assert outcomes["b"] == "fine"
    assert isinstance(outcomes["c"], UnreachableError)


def test_a_fault_of_the_program_is_raised_as_it_is() -> None:
    """It is nobody's node."""

    def work(_node: Named) -> None:
        raise KeyError("bug")

    with pytest.raises(KeyError):
        for_each(NODES, work)


def test_ctrl_c_ends_the_program_and_the_agents_at_once() -> None:
    """While a step runs that would take a minute."""
    program = (
        "import _thread, sys, tempfile, threading\n"
        "from garnet_cli.fleet.node import NodeHandle, NodeTarget\n"
        "from garnet_cli.fleet.parallel import for_each\n"
        "root = tempfile.mkdtemp(prefix='g', dir='/tmp')\n"
        "node = NodeHandle(NodeTarget(name='a', transport='local', root=root, python=sys.executable))\n"
        "interrupt = lambda _value: _thread.interrupt_main()\n"
        "path = root + '/run/loader-1.http'\n"
        "slow = dict(http_socket=path, model='m', timeout_s=60)\n"
        "work = lambda node: node.ask('wait_loader', progress=interrupt, **slow)\n"
        "try:\n    for_each([node], work)\n"
        "except KeyboardInterrupt:\n    print('interrupted')\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\n", "")
