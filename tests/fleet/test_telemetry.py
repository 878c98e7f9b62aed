"""Two nodes behind sshd with real loaders under load: what is in the store is what the clients counted."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from node_scripts.records import Event, Minute
from node_scripts.store.s3 import S3Store
from tests.fleet.asking import post, ready_loader
from tests.fleet.rack import Rack, RackNode, eventually
from tests.node_scripts.monitor.running import events_in, minutes_in
from tests.store_servers import address_of, rclone_s3

pytestmark = pytest.mark.fleet

MODEL = "tiny"
CANARY = "canary-b41c-of-a-prompt"
MINUTE_S = 4
WORKERS = 3


@dataclass
class Counted:
    """What the clients of one node have counted."""

    requests: int = 0
    answered: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, status: int, body: dict[str, Any]) -> None:
        """Count one whole answer."""
        with self.lock:
            self.requests += 1
            if status != 200:
                self.errors[body["error"]["code"]] += 1
                return
            self.answered += 1
            self.prompt_tokens += body["usage"]["prompt_tokens"]
            self.completion_tokens += body["usage"]["completion_tokens"]

    def sums(self) -> dict[str, Any]:
        """Return all of it for a comparison."""
        return {
            "requests": self.requests,
            "answered": self.answered,
            "errors": dict(self.errors),
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
        }


def bodies(number: int) -> Iterator[dict[str, Any]]:
    """Yield requests of every kind, some of which are refused."""
    words = {"messages": [{"role": "user", "content": f"{CANARY} {number} words"}]}
    usage = {"stream_options": {"include_usage": True}}
    yield {"model": MODEL, "max_tokens": 3 + number % 5, **words}
    yield {"model": MODEL, "max_tokens": 2 + number % 7, "stream": True, **usage, **words}
    yield {"model": f"{CANARY}-model", "max_tokens": 3, **words}
    yield {"model": MODEL, "max_tokens": -number - 1, **words}


def load(node: RackNode, counted: Counted, stop: threading.Event) -> None:
    """Ask one node until told to stop; every answer is counted."""
    number = 0
    while not stop.is_set():
        number += 1
        for body in bodies(number):
            answer = post(node, body)
            if body.get("stream") and answer.status == 200:
                payloads = [
                    line[6:] for line in answer.body.decode().splitlines() if line.startswith("data: ")
                ]
                assert payloads[-1] == "[DONE]", payloads
                counted.add(200, json.loads(payloads[-2]))
            else:
                counted.add(answer.status, answer.json)


def sums_in(minutes: list[Minute], node: str) -> dict[str, Any]:
    """Add up one node's minutes."""
    total = Counted()
    for minute in minutes:
        for model in minute.models.values() if minute.node == node else ():
            total.requests += model.client.requests
            total.answered += model.client.answered
            total.errors.update(model.client.errors)
            total.prompt_tokens += model.client.prompt_tokens
            total.completion_tokens += model.client.completion_tokens
    return total.sums()


@dataclass
class Ran:
    """A fleet that was under load, and its store."""

    rack: Rack
    store: S3Store
    counted: dict[str, Counted]
    secret: str
    begun_unix: float
    ended_unix: float


@pytest.fixture(scope="module")
def ran(ssh_rack: Rack, tiny_model_a: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """Have two nodes answer for a while, and keep the store open."""
    with rclone_s3(tmp_path_factory.mktemp("s3")) as (endpoint, keys, bucket):
        ssh_rack.store = f"s3://{bucket}/site"
        ssh_rack.telemetry = {
            "endpoint": endpoint,
            "region": "us-east-1",
            "minute_s": MINUTE_S,
            "sample_s": 0.5,
        }
        ssh_rack.secrets = {
            "GARNET_STORE_ACCESS_KEY_ID": keys.access_key_id,
            "GARNET_STORE_SECRET_ACCESS_KEY": keys.secret_access_key,
        }
        ssh_rack.serve(MODEL, tiny_model_a)
        ssh_rack.up()
        eventually(lambda: all(ready_loader(node, MODEL) for node in ssh_rack.nodes), "loaders are ready")
        store = S3Store(address_of(endpoint, bucket, "site"), keys)
        counted = {node.name: Counted() for node in ssh_rack.nodes}
        stop = threading.Event()
        threads = [
            threading.Thread(target=load, args=(node, counted[node.name], stop))
            for node in ssh_rack.nodes
            for _ in range(WORKERS)
        ]
        begun = time.time()
        for thread in threads:
            thread.start()
        time.sleep(5 * MINUTE_S)
        stop.set()
        for thread in threads:
            thread.join()
        yield Ran(ssh_rack, store, counted, keys.secret_access_key, begun, time.time())
        store.close()


def test_the_store_holds_what_the_clients_counted(ran: Ran) -> None:
    """Requests, answers, errors by code, prompt and completion tokens, by node: exactly."""
    for node, counted in ran.counted.items():
        assert counted.answered > 50
        expected = counted.sums()
        try:
            eventually(lambda n=node, e=expected: sums_in(minutes_in(ran.store, "test"), n) == e, "sums", 40)  # type: ignore[misc]
        except AssertionError:
            assert sums_in(minutes_in(ran.store, "test"), node) == expected, ran.rack.logs()


def test_minutes_arrive_as_time_passes(ran: Ran) -> None:
    """Each node's minutes are there without a gap, each with its samples, models, peers and sensors."""
    minutes = minutes_in(ran.store, "test")
    for node in ran.counted:
        own = [one for one in minutes if one.node == node and one.part == 0]
        first = int(ran.begun_unix // MINUTE_S + 1) * MINUTE_S
        last = int(ran.ended_unix // MINUTE_S - 1) * MINUTE_S
        within = [one for one in own if first <= one.minute_unix <= last]
        assert [one.minute_unix for one in within] == list(range(first, last + 1, MINUTE_S))
        for one in within:
            assert one.covered_s == pytest.approx(MINUTE_S, abs=2)
            loader = one.models[MODEL].loader
            assert loader.requests > 0
            assert loader.artifact
            assert one.peers
            assert one.memory.total_bytes
            assert one.release
        assert sum(one.models[MODEL].loader.lookups or 0 for one in within) > 0
        assert sum(one.models[MODEL].loader.busy_s or 0 for one in within) > 0


def test_operators_deeds_are_in_the_audit_log(ran: Ran) -> None:
    """`up` is an event beside the monitors' own."""

    def found() -> set[tuple[str, str]]:
        events: list[Event] = events_in(ran.store, "test")
        return {(event.node, event.kind) for event in events}

    nodes = list(ran.counted)
    wanted = {(node, kind) for node in nodes for kind in ("up", "monitor")}
    eventually(lambda: wanted <= found(), f"{wanted}, not only {found()}", 30)


def test_no_word_of_clients_leaves_or_stays(ran: Ran) -> None:
    """Prompts and names that clients chose are in no object, spool, log, nor in what people see."""
    stored = [(one.key, ran.store.get(one.key)) for one in ran.store.list("")]
    seen = [(key, gzip.decompress(body) if key.endswith(".gz") else body) for key, body in stored]
    for node in ran.rack.nodes:
        for folder in ("spool", "log", "run", "state"):
            files = [path for path in (node.root / folder).rglob("*") if path.is_file()]
            seen += [(str(path), path.read_bytes()) for path in files]
    assert len(seen) > 20
    assert [name for name, content in seen if CANARY.encode() in content] == []
    assert [name for name, content in seen if ran.secret.encode() in content] == []
