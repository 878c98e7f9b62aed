"""Proxies and whole nodes that die while clients of the other node go on."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from garnet_cli.demo.traffic import Traffic
from tests.fleet.asking import active_loader, chat, post, proxy_status, ready_loader
from tests.fleet.rack import Rack, RackNode, eventually, processes_below, wait_for_end

pytestmark = pytest.mark.fleet

BOTH = "tiny"
ONLY_TWO = "solo"


@pytest.fixture(scope="module")
def rack(tiny_model_a: Path, tiny_model_b: Path) -> Iterator[Rack]:
    """Return two nodes: both serve one model, the second one more."""
    with Rack(["one", "two"]) as rack:
        rack.serve(BOTH, tiny_model_a)
        rack.serve(ONLY_TWO, tiny_model_b, nodes=["two"])
        rack.up()
        yield rack


@pytest.fixture(autouse=True)
def whole(rack: Rack) -> None:
    """Begin with every loader ready and node one hearing what node two serves."""
    eventually(lambda: is_whole(rack), "both nodes serve and know of each other")


def is_whole(rack: Rack) -> bool:
    """Say whether both nodes serve, and node one knows what node two has."""
    one, two = rack.nodes
    ready = ready_loader(one, BOTH) and ready_loader(two, BOTH) and ready_loader(two, ONLY_TWO)
    heard = {peer["name"]: peer["models"] for peer in proxy_status(one)["peers"]}
    return bool(ready) and set(heard["two"]) == {BOTH, ONLY_TWO}


def slots_of(node: RackNode) -> dict[str, tuple[str, int]]:
    """Return each slot's active loader and its pid."""
    slots = proxy_status(node)["slots"]
    return {slot["model"]: (slot["active"]["spec"]["name"], slot["active"]["pid"]) for slot in slots}


def answers(node: RackNode, model: str) -> bool:
    """Say whether a request at ``node`` is answered in full."""
    with contextlib.suppress(OSError):
        return post(node, chat(model)).status == 200
    return False


def start_as_at_boot(node: RackNode) -> None:
    """Run what the crontab's ``@reboot`` line runs."""
    script = node.root / "etc" / "supervisor" / "start"
    subprocess.run(["/bin/sh", str(script)], check=True, env={"PATH": "/usr/bin:/bin"}, cwd="/", timeout=30)


def supervisor_of(node: RackNode) -> int:
    """Return the pid of the node's supervisord."""
    return int((node.root / "run" / "supervisor.pid").read_text())


def test_a_killed_proxy_is_back_with_its_slots(rack: Rack) -> None:
    """Within seconds, with the same loader processes; clients of the other node notice nothing."""
    one, two = rack.nodes
    before = slots_of(two)
    pid = proxy_status(two)["pid"]
    traffic = Traffic([one.url], BOTH, workers=2, max_tokens=(2, 24))
    traffic.start()
    try:
        traffic.wait_for(5)
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: answers(two, ONLY_TWO), "the killed proxy's node serves again", 20)
        assert proxy_status(two)["pid"] != pid
        eventually(lambda: slots_of(two) == before, "its slots and loaders are what they were", 10)
        eventually(lambda: answers(one, ONLY_TWO), "the other node has found it again", 10)
    finally:
        traffic.stop()
    assert [one for one in traffic.seen if one.outcome != "answered"] == []


def test_a_dead_node_is_routed_around_and_comes_back_by_itself(rack: Rack) -> None:
    """Power loss: everything on it dies at once. The other node serves what it has and refuses the rest."""
    one, two = rack.nodes
    traffic = Traffic([one.url], BOTH, workers=2, max_tokens=(2, 24))
    traffic.start()
    try:
        traffic.wait_for(5)
        lost = processes_below(two.root)
        os.kill(supervisor_of(two), signal.SIGKILL)
        for pid in lost:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert not wait_for_end(lost)
        refused: Any = eventually(
            lambda: (answer := post(one, chat(ONLY_TWO))).status == 503 and answer, "refused in words", 10
        )
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json["error"]["code"] == "model_unavailable"
        assert post(one, chat(BOTH)).headers["garnet-node"] == "one"

        start_as_at_boot(two)
        eventually(lambda: is_whole(rack), "the node is back as it was")
        assert post(one, chat(ONLY_TWO)).headers["garnet-node"] == "two"
    finally:
        traffic.stop()
    assert [one for one in traffic.seen if one.outcome != "answered"] == []
    assert "nothing to do" in rack.up().stdout


def test_requests_in_flight_at_a_node_that_dies_go_to_another(rack: Rack) -> None:
    """What node one had passed on to node two, before its first byte, is answered by node one."""
    one, two = rack.nodes
    loader = active_loader(one, BOTH)
    os.kill(loader["pid"], signal.SIGSTOP)
    try:
        eventually(
            lambda: active_loader(one, BOTH)["state"] != "ready", "node one distrusts its own loader", 10
        )
        traffic = Traffic([one.url], BOTH, workers=3, max_tokens=(200,))
        traffic.start()
        try:
            eventually(lambda: active_loader(two, BOTH)["in_flight"] >= 3, "node two works for node one", 20)
            proxy = proxy_status(two)["pid"]
            os.kill(loader["pid"], signal.SIGCONT)
            os.kill(proxy, signal.SIGKILL)
            traffic.wait_for(6)
        finally:
            traffic.stop()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(loader["pid"], signal.SIGCONT)
    assert [seen for seen in traffic.seen if not seen.streamed and seen.outcome != "answered"] == []
    told = [seen for seen in traffic.seen if seen.outcome != "answered"]
    assert [seen for seen in told if not seen.error.startswith("APIError: ")] == []


def test_a_restarted_supervisor_brings_everything_back(rack: Rack) -> None:
    """Its orderly end stops the node's processes; its start brings proxy, slots and loaders back."""
    two = rack.node("two")
    before = slots_of(two)
    supervisor = supervisor_of(two)
    lost = processes_below(two.root)
    psutil.Process(supervisor).terminate()
    assert not wait_for_end([supervisor, *lost], 30)
    start_as_at_boot(two)
    eventually(lambda: is_whole(rack), "the node is back")
    after = slots_of(two)
    assert {model: name for model, (name, _) in after.items()} == {
        model: name for model, (name, _) in before.items()
    }
    assert answers(two, BOTH)
    assert answers(two, ONLY_TWO)
    assert "nothing to do" in rack.up().stdout
