"""Two operators at once: the second is told, and nothing has to be cleaned up after the first."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from garnet_cli.actions.leases import operator
from garnet_cli.errors import LeaseHeldError
from tests.fleet.asking import local_agent, proxy_status, ready_loader
from tests.fleet.rack import Rack, eventually

pytestmark = pytest.mark.fleet

MODEL = "tiny"


@pytest.fixture(scope="module")
def rack(tiny_model_a: Path, tiny_model_b: Path) -> Iterator[Rack]:
    """Return a node that serves model A while the inventory already wants B."""
    with Rack(["one"]) as rack:
        rack.serve(MODEL, tiny_model_a)
        rack.up()
        rack.serve(MODEL, tiny_model_b)
        yield rack


@pytest.fixture
def first(rack: Rack) -> Iterator[subprocess.Popen[str]]:
    """Yield the first operator's `garnet swap`, in its long watch of the new loader."""
    process = rack.begin("swap", "one", MODEL, "--watch", "600")
    try:
        node = rack.node("one")

        def watching() -> bool:
            slot = proxy_status(node)["slots"][0]
            return process.poll() is None and slot["previous"] is not None

        eventually(watching, "the first operator has flipped and watches")
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_the_second_is_told_at_once_and_works_when_the_first_is_killed(
    rack: Rack, first: subprocess.Popen[str]
) -> None:
    """Who, with what, since when; then kill -9 of the first, and the second goes on with its swap."""
    for command in (("swap", "one", MODEL), ("up", "--yes"), ("down", "--yes")):
        begin = time.monotonic()
        done = rack.garnet(*command, code=1)
        assert time.monotonic() - begin < 60
        line = done.stderr.strip().splitlines()[-1]
        assert operator() in line
        assert f"garnet swap one {MODEL}" in line
        assert time.strftime("%Y-%m-%d", time.gmtime()) in line
        assert "one: " in line
        assert first.poll() is None
    node = rack.node("one")
    assert ready_loader(node, MODEL), "the fleet serves as before"
    assert rack.status()["one"]["facts"]["lease"]["purpose"] == f"garnet swap one {MODEL}"

    os.kill(first.pid, signal.SIGKILL)
    done = rack.garnet("swap", "one", MODEL, "--watch", "0")
    assert "is served from" in done.stdout
    assert "nothing to do" in rack.up().stdout


def test_looking_needs_no_lease(rack: Rack) -> None:
    """While one operator holds the node, others see its state and that it is held."""
    with local_agent(rack.node("one")) as holder:
        holder.ask("take_lease", who="ada@desk", purpose="garnet deploy")
        lease = rack.status()["one"]["facts"]["lease"]
        assert (lease["who"], lease["purpose"]) == ("ada@desk", "garnet deploy")
        assert "nothing to do" in rack.up().stdout
        rack.garnet("up", "--dry-run")
        with local_agent(rack.node("one")) as second, pytest.raises(LeaseHeldError, match="ada@desk"):
            second.ask("take_lease", who="bob@desk", purpose="garnet up")
    assert rack.status()["one"]["facts"]["lease"] is None
