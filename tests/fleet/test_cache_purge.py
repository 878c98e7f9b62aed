"""`garnet cache purge` on a real node: its loader forgets under traffic, and no client notices."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from garnet_cli.demo.traffic import Traffic
from tests.fleet.asking import chat, post, ready_loader
from tests.fleet.rack import Rack, eventually

pytestmark = pytest.mark.fleet

MODEL = "tiny"
PROMPT = "a prompt that nobody else sends, long enough to be worth keeping"


@pytest.fixture(scope="module")
def rack(tiny_model_a: Path) -> Iterator[Rack]:
    """Return one node that serves the tiny model."""
    with Rack(["one"]) as made:
        made.proxy["queue_timeout_s"] = 120
        made.serve(MODEL, tiny_model_a)
        made.up()
        eventually(lambda: ready_loader(made.nodes[0], MODEL), "its loader is ready")
        yield made


def cached_tokens(rack: Rack) -> int:
    """Ask the same again and return how many of its tokens came from the prompt cache."""
    answer = post(rack.nodes[0], chat(MODEL, PROMPT))
    assert answer.status == 200, answer.body
    return int(answer.json["usage"]["prompt_tokens_details"]["cached_tokens"])


def test_a_purge_under_traffic_fails_nothing_and_forgets_all(rack: Rack) -> None:
    """The next identical prompt has no cached tokens; every client is answered, before and after."""
    cached_tokens(rack)
    assert cached_tokens(rack) > 0
    # A prompt of the traffic pushes this one out in time: so it must be quiet while that is told apart.
    dry = json.loads(rack.garnet("cache", "purge", "one", MODEL, "--dry-run", "--json").stdout)
    assert not dry["done"]
    assert dry["loaders"][0]["sequences"] > 0
    assert cached_tokens(rack) > 0
    rack.garnet("cache", "purge", "one", MODEL)
    assert cached_tokens(rack) == 0

    traffic = Traffic([rack.nodes[0].url], MODEL, workers=6, max_tokens=(2, 8, 24))
    traffic.start()
    try:
        traffic.wait_for(30)
        done = json.loads(rack.garnet("cache", "purge", "one", MODEL, "--json").stdout)
        traffic.wait_for(len(traffic.seen) + 30)
        again = rack.garnet("cache", "purge", "one", MODEL).stdout
        traffic.wait_for(len(traffic.seen) + 30)
    finally:
        traffic.stop()
    assert [one for one in traffic.seen if one.outcome != "answered"] == []
    assert done["done"]
    assert done["loaders"][0]["sequences"] > 0
    assert "purged" in again


def test_a_model_that_is_not_on_the_node_is_refused(rack: Rack) -> None:
    """An unknown model is a mistake of the command line."""
    failed = rack.garnet("cache", "purge", "one", "other", code=2)
    assert "other" in failed.stderr
