"""Loaders that die, hang or are killed by a request, under traffic that two nodes serve."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from garnet_cli.demo.traffic import Seen, Traffic
from node_scripts.agent.unix_http import request_json
from tests.fleet.asking import CHAT, Answer, active_loader, chat, post, ready_loader
from tests.fleet.faulty import ABORTS, MUTES, RAISES, put_fault_in
from tests.fleet.rack import Rack, RackNode, eventually

pytestmark = pytest.mark.fleet

MODEL = "tiny"
UNLUCKY = "failed while it worked on this request; try again"
"""What a client hears whose request was at both loaders when a poisonous one killed them."""


@pytest.fixture(scope="module")
def rack(tiny_model_a: Path) -> Iterator[Rack]:
    """Return two nodes that both serve a model in which a fault waits for its characters."""
    with Rack(["one", "two"]) as rack:
        rack.proxy["queue_timeout_s"] = 60
        rack.serve(MODEL, tiny_model_a)
        rack.up()
        for node in rack.nodes:
            put_fault_in(node, MODEL, tiny_model_a)
        yield rack


@pytest.fixture(autouse=True)
def all_ready(rack: Rack) -> None:
    """Begin with both loaders ready and each proxy hearing the other."""
    eventually(lambda: all(ready_loader(node, MODEL) for node in rack.nodes), "both loaders are ready")


@contextmanager
def traffic_on(nodes: Sequence[RackNode], workers: int = 4) -> Iterator[Traffic]:
    """Keep a mix of streamed and plain, short and long requests going from the openai client."""
    traffic = Traffic([node.url for node in nodes], MODEL, workers, max_tokens=(2, 8, 24, 96))
    traffic.start()
    try:
        traffic.wait_for(10)
        yield traffic
    finally:
        traffic.stop()


def pid_of(node: RackNode) -> int:
    """Return the pid of the node's loader."""
    return int(active_loader(node, MODEL)["pid"])


def wait_for_another(node: RackNode, pid: int) -> dict[str, Any]:
    """Wait until another process than ``pid`` is ready, and has served."""
    loader: dict[str, Any] = eventually(
        lambda: (found := ready_loader(node, MODEL)) and found["pid"] != pid and found,
        f"{node.name} has another loader process than {pid}",
    )
    return loader


def assert_none_lost(seen: Sequence[Seen]) -> None:
    """Plain requests are all answered; a stream is complete, or its client was told that it is not."""
    assert [one for one in seen if not one.streamed and one.outcome != "answered"] == []
    broken = [one for one in seen if one.outcome != "answered"]
    assert [one for one in broken if not one.error.startswith("APIError: ")] == []
    assert [one for one in broken if one.first_token_s is None] == []


def test_a_killed_loader_costs_no_request(rack: Rack) -> None:
    """Kill -9 under traffic: the other node answers, the supervisor brings it back, it serves again."""
    one = rack.node("one")
    with traffic_on(rack.nodes) as traffic:
        pid = pid_of(one)
        os.kill(pid, signal.SIGKILL)
        back = wait_for_another(one, pid)
        eventually(lambda: active_loader(one, MODEL)["served"] > back["served"], "it serves again")
        traffic.wait_for(len(traffic.seen) + 10)
    assert_none_lost(traffic.seen)


def test_long_answers_of_a_killed_loader(rack: Rack) -> None:
    """Of two long answers in flight, the stream ends in an error and the plain one comes in full."""
    one = rack.node("one")
    plain: list[Answer] = []
    asking = threading.Thread(
        target=lambda: plain.append(post(one, chat(MODEL, "a plain story", max_tokens=800)))
    )
    pid = pid_of(one)
    with openai.OpenAI(base_url=f"{one.url}/v1", api_key="none", max_retries=0, timeout=60) as client:
        stream = client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": "a streamed story"}],
            max_tokens=4000,
            stream=True,
        )
        next(iter(stream))
        asking.start()
        eventually(lambda: active_loader(one, MODEL)["in_flight"] == 2, "both are in the loader")
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(openai.APIError):
            list(stream)
    asking.join()
    assert plain[0].status == 200
    assert plain[0].headers["garnet-node"] == "two"
    assert plain[0].json["usage"]["completion_tokens"] == 800
    wait_for_another(one, pid)


def test_a_hung_loader_is_routed_around_and_replaced(rack: Rack) -> None:
    """SIGSTOP under traffic: requests go to the other node, the process is killed and started anew."""
    one = rack.node("one")
    with traffic_on(rack.nodes) as traffic:
        pid = pid_of(one)
        os.kill(pid, signal.SIGSTOP)
        eventually(lambda: active_loader(one, MODEL)["state"] == "down", "it counts as down", 15)
        assert post(one, chat(MODEL)).headers["garnet-node"] == "two"
        back = wait_for_another(one, pid)
        eventually(lambda: active_loader(one, MODEL)["served"] > back["served"], "it serves again")
    assert_none_lost(traffic.seen)


def test_a_dead_generation_thread_is_noticed(rack: Rack) -> None:
    """The process lives, answers 503 and never comes back by itself: the proxy has it started anew."""
    one = rack.node("one")
    pid = pid_of(one)
    path = active_loader(one, MODEL)["spec"]["http_socket"]
    with traffic_on(rack.nodes, workers=2) as traffic:
        mute = threading.Thread(target=lambda: swallow(path, chat(MODEL, MUTES)))
        mute.start()
        wait_for_another(one, pid)
        mute.join()
    assert_none_lost(traffic.seen)
    log = "".join(path.read_text() for path in (one.root / "log").glob("proxy-*.log"))
    assert f"killed pid {pid}: health: dead" in log


def swallow(path: str, body: dict[str, Any]) -> None:
    """Send a request straight to a loader, whatever comes of it."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        request_json(path, "POST", CHAT, body, 60)


@pytest.mark.parametrize("mark", [RAISES, ABORTS], ids=["raises", "aborts"])
def test_poison_kills_two_loaders_at_most(rack: Rack, mark: str) -> None:
    """A request that kills its loader is tried at one other and then refused, by both nodes."""
    one, two = rack.nodes
    pids = {node.name: pid_of(node) for node in rack.nodes}
    poison = chat(MODEL, f"tell me {mark}")
    with traffic_on(rack.nodes, workers=2) as traffic:
        refused = post(one, poison)
        assert (refused.status, refused.json["error"]["code"]) == (400, "request_refused")
        after = {node.name: wait_for_another(node, pids[node.name])["pid"] for node in rack.nodes}
        for node in (one, two, one):
            again = post(node, poison)
            assert (again.status, again.json["error"]["code"]) == (400, "request_refused")
        traffic.wait_for(len(traffic.seen) + 10)
    assert {node.name: pid_of(node) for node in rack.nodes} == after
    unlucky = [one for one in traffic.seen if UNLUCKY in one.error]
    assert len(unlucky) <= 2, "each worker has one request in hand at a time"
    assert_none_lost([one for one in traffic.seen if one not in unlucky])
    assert post(one, chat(MODEL, "tell me")).status == 200
