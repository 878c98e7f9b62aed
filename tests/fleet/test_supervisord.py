"""Jobs under a real supervisord, steered by real agents on this machine."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from garnet_cli.errors import NodeError
from garnet_cli.fleet.node import NodeHandle, NodeTarget

pytestmark = pytest.mark.fleet
PATIENCE_S = 30.0
Value = TypeVar("Value")


@pytest.fixture
def target(node_python: Path) -> Iterator[NodeTarget]:
    """Yield a node whose environment has supervisord; end its jobs and its supervisord."""
    folder = Path(tempfile.mkdtemp(prefix="g", dir="/tmp"))
    root = folder / "a 'root';#"
    environment = root / "envs" / "0123456789abcdef"
    environment.parent.mkdir(parents=True)
    environment.symlink_to(node_python.parent.parent)
    here = NodeTarget(name="mini-1", transport="local", root=str(root))
    try:
        yield here
    finally:
        with NodeHandle(here) as node:
            node.ask("stop_all", purge=False)
        shutil.rmtree(folder)


def job(target: NodeTarget, name: str, program: str, **changes: Any) -> dict[str, Any]:
    """Return a job that runs ``program`` with the environment's Python."""
    python = f"{target.root}/envs/0123456789abcdef/bin/python"
    log = f"{target.root}/log/{name}.log"
    return {
        "name": name,
        "argv": [python, "-u", "-c", program],
        "working_directory": target.root,
        "log": log,
    } | changes


def until(look: Callable[[], Value]) -> Value:
    """Wait until ``look`` returns something true, and return it."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < deadline, "it never became so"
        time.sleep(0.05)
    return found


def running_pid(node: NodeHandle, name: str) -> int:
    """Return the pid of a running job, 0 without one."""
    jobs = [each for each in node.ask("jobs") if each["name"] == name and each["state"] == "running"]
    return int(jobs[0]["pid"]) if jobs else 0


def alive(pid: int) -> bool:
    """Say whether a process is there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


SLEEP = "import time; print('up'); time.sleep(600)"


def test_a_job_outlives_its_agent_and_is_left_alone_by_a_second_ensure(target: NodeTarget) -> None:
    """Ensuring twice, by two agents, changes nothing the second time."""
    with NodeHandle(target) as node:
        assert node.ask("ensure_job", job=job(target, "loader-1", SLEEP))["changed"]
        pid = until(lambda: running_pid(node, "loader-1"))
    with NodeHandle(target) as node:
        assert not node.ask("ensure_job", job=job(target, "loader-1", SLEEP))["changed"]
        assert running_pid(node, "loader-1") == pid


def test_a_killed_job_comes_back(target: NodeTarget) -> None:
    """Kill -9 costs a second."""
    with NodeHandle(target) as node:
        node.ask("ensure_job", job=job(target, "loader-1", SLEEP))
        first = until(lambda: running_pid(node, "loader-1"))
        os.kill(first, signal.SIGKILL)
        second = until(lambda: (pid := running_pid(node, "loader-1")) and pid != first and pid)
        assert second != first


def test_a_changed_job_is_started_anew_and_others_are_not_touched(target: NodeTarget) -> None:
    """Only the job named is restarted."""
    with NodeHandle(target) as node:
        node.ask("ensure_job", job=job(target, "loader-1", SLEEP))
        node.ask("ensure_job", job=job(target, "loader-2", SLEEP))
        one = until(lambda: running_pid(node, "loader-1"))
        two = until(lambda: running_pid(node, "loader-2"))
        assert node.ask("ensure_job", job=job(target, "loader-1", SLEEP, environment={"A": "b"}))["changed"]
        assert until(lambda: running_pid(node, "loader-1")) != one
        assert running_pid(node, "loader-2") == two


def test_a_removed_job_is_gone_and_stays_gone(target: NodeTarget) -> None:
    """Removing is repeatable; the process ends."""
    with NodeHandle(target) as node:
        node.ask("ensure_job", job=job(target, "loader-1", SLEEP))
        pid = until(lambda: running_pid(node, "loader-1"))
        assert node.ask("remove_job", name="loader-1") == {"existed": True}
        assert not alive(pid)
        assert node.ask("jobs") == []
        assert node.ask("remove_job", name="loader-1") == {"existed": False}


def test_restarting_and_signalling(target: NodeTarget) -> None:
    """Restart gives a new process, a signal reaches it, an unknown job is an error."""
    program = "import signal, time; signal.signal(signal.SIGHUP, lambda *_: print('hup')); print('up'); "
    program += "time.sleep(600)"
    with NodeHandle(target) as node:
        node.ask("ensure_job", job=job(target, "proxy-1", program))
        first = until(lambda: running_pid(node, "proxy-1"))
        node.ask("restart_job", name="proxy-1")
        assert until(lambda: running_pid(node, "proxy-1")) != first
        until(lambda: lines_of(node, "proxy-1").count("up") == 2)
        node.ask("signal_job", name="proxy-1", signal="HUP")
        until(lambda: "hup" in lines_of(node, "proxy-1"))
        with pytest.raises(NodeError, match="there is no job other"):
            node.ask("restart_job", name="other")


def lines_of(node: NodeHandle, name: str) -> list[str]:
    """Return a job's log."""
    lines: list[str] = []
    node.ask("logs", progress=lambda value: lines.append(value["line"]), jobs=[name], lines=100, follow=False)
    return lines


def test_arguments_and_variables_arrive_as_they_are(target: NodeTarget) -> None:
    """Neither supervisord's ini syntax nor its expansions change a job."""
    odd = [
        "a b",
        "100%",
        "x ;y",
        "z #w",
        "'quoted'",
        '"double"',
        "%(ENV_HOME)s",
        "$HOME",
        "back\\slash",
        "é",
        "",
    ]
    program = (
        "import json, os, sys, time; print(json.dumps([sys.argv[1:], os.environ['ODD']])); time.sleep(600)"
    )
    wanted = job(target, "loader-1", program, environment={"ODD": 'it\'s "100%" ;#'})
    wanted["argv"] = [*wanted["argv"], *odd]
    with NodeHandle(target) as node:
        node.ask("ensure_job", job=wanted)
        line = until(lambda: lines_of(node, "loader-1"))[0]
    assert json.loads(line) == [odd, 'it\'s "100%" ;#']


def test_a_job_that_keeps_failing_is_failed_and_retried_by_ensure(target: NodeTarget) -> None:
    """It is reported as failed, and an ensure after the repair does not wait for the back-off."""
    flag = Path(target.root) / "repaired"
    program = f"import os, sys, time; os.path.exists({str(flag)!r}) or sys.exit(3); time.sleep(600)"
    with NodeHandle(target) as node:
        node.ask("ensure_job", job=job(target, "loader-1", program))
        until(lambda: node.ask("jobs")[0]["state"] == "failed")
        flag.touch()
        assert node.ask("ensure_job", job=job(target, "loader-1", program))["changed"]
        until(lambda: running_pid(node, "loader-1"))


def test_a_killed_supervisor_is_started_again_without_doubling_jobs(target: NodeTarget) -> None:
    """What a killed supervisord left running is ended before its jobs are started anew."""
    with NodeHandle(target) as node:
        node.ask("ensure_job", job=job(target, "loader-1", SLEEP))
        first = until(lambda: running_pid(node, "loader-1"))
        os.kill(int((Path(target.root) / "run" / "supervisor.pid").read_text()), signal.SIGKILL)
        until(lambda: node.ask("facts")["supervisor"]["running"] is False)
        assert node.ask("jobs")[0]["state"] == "stopped"
        assert node.ask("ensure_job", job=job(target, "loader-1", SLEEP))["changed"]
        second = until(lambda: running_pid(node, "loader-1"))
        assert second != first
        until(lambda: not alive(first))


def test_stopping_all_ends_everything_and_purging_deletes_it(target: NodeTarget) -> None:
    """Nothing runs, nothing is left; doing it again is fine."""
    with NodeHandle(target) as node:
        node.ask("ensure_job", job=job(target, "loader-1", SLEEP))
        pid = until(lambda: running_pid(node, "loader-1"))
        supervisor = int((Path(target.root) / "run" / "supervisor.pid").read_text())
        node.ask("stop_all", purge=True)
        assert not alive(pid)
        until(lambda: not alive(supervisor))
        assert not (Path(target.root) / "etc").exists()
    with NodeHandle(target) as node:
        node.ask("stop_all", purge=True)


def test_sockets_and_files_are_the_owners_only(target: NodeTarget) -> None:
    """Nobody else of the machine can steer or read the supervisor."""
    with NodeHandle(target) as node:
        node.ask("ensure_job", job=job(target, "loader-1", SLEEP))
    root = Path(target.root)
    for path in (root / "run" / "supervisor.sock", root / "etc" / "supervisor" / "supervisord.conf"):
        assert path.stat().st_mode & 0o777 == 0o600
    assert (root / "etc" / "supervisor" / "jobs" / "loader-1.conf").stat().st_mode & 0o777 == 0o600


TELL_END = (
    "import signal, sys, time; "
    "end = lambda *_: (time.sleep(0.3), open({ends!r}, 'a').write({line!r}), sys.exit(0));"
    " signal.signal(signal.SIGTERM, end); print('up'); time.sleep(600)"
)


def test_a_supervisor_that_is_told_to_end_ends_proxies_first(target: NodeTarget) -> None:
    """As at a reboot: a proxy's loaders live until it has answered, the monitor outlives both."""
    ends = Path(target.root) / "ends"
    names = ("loader-1", "monitor", "proxy-b", "loader-2", "proxy-a")
    with NodeHandle(target) as node:
        for name in names:
            node.ask("ensure_job", job=job(target, name, TELL_END.format(ends=str(ends), line=f"{name} ")))
        for name in names:
            until(lambda name=name: "up" in lines_of(node, name))  # type: ignore[misc]
        supervisor = int((Path(target.root) / "run" / "supervisor.pid").read_text())
        os.kill(supervisor, signal.SIGTERM)
        until(lambda: not alive(supervisor))
    order = ends.read_text().split()
    assert sorted(order) == sorted(names)
    assert {order[0], order[1]} == {"proxy-a", "proxy-b"}
    assert order[4] == "monitor"
