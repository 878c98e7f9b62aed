"""Which proxies wait to be removed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from node_scripts.paths import NodePaths
from node_scripts.proxy.retirement import is_retired


def test_a_proxy_of_the_current_release_is_not_retired(tmp_path: Path) -> None:
    """It serves, and takes sockets over."""
    (tmp_path / "current").symlink_to("releases/r2")
    assert not is_retired(NodePaths.at(tmp_path), "r2")


def test_a_proxy_of_another_release_is_retired(tmp_path: Path) -> None:
    """It must not take the sockets back from its successor."""
    (tmp_path / "current").symlink_to("releases/r2")
    assert is_retired(NodePaths.at(tmp_path), "r1")


def test_a_proxy_that_runs_from_no_release_is_never_retired(tmp_path: Path) -> None:
    """As in tests and benchmarks, or before the first link is made."""
    assert not is_retired(NodePaths.at(tmp_path), "r1")
    (tmp_path / "current").symlink_to("releases/r2")
    assert not is_retired(NodePaths.at(tmp_path), "")


WAIT = (
    "from node_scripts.proxy.retirement import wait_to_be_removed\n"
    "print('waits', flush=True)\nwait_to_be_removed({})"
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_retired_proxy_ends_when_it_is_told_to(number: signal.Signals) -> None:
    """At once and in peace."""
    program = [sys.executable, "-c", WAIT.format(60)]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as waiting:
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == b"waits\n"
        waiting.send_signal(number)
        assert waiting.wait(20) in {0, -number}


def test_a_retired_proxy_ends_by_itself_in_time() -> None:
    """Its supervisor's signal may have been lost between fork and exec."""
    begin = time.monotonic()
    done = subprocess.run([sys.executable, "-c", WAIT.format(0.2)], timeout=60, check=False)
    assert done.returncode == 0
    assert time.monotonic() - begin >= 0.2
