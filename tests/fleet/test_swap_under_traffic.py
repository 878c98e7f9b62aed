"""A model replaced under live traffic, judged by what every client received."""

from __future__ import annotations

from pathlib import Path

import pytest

from garnet_cli.demo.traffic import PROMPTS, Seen, Traffic
from tests.fleet.rack import Rack

pytestmark = pytest.mark.fleet

MODEL = "tiny"
LENGTHS = (2, 8, 24, 96)


@pytest.fixture(scope="module")
def rack(ssh_rack: Rack, tiny_model_a: Path) -> Rack:
    """Return two nodes behind two real sshd on different ports, each serving model A."""
    ssh_rack.proxy["queue_timeout_s"] = 120
    ssh_rack.serve(MODEL, tiny_model_a)
    ssh_rack.up()
    return ssh_rack


def spoken(rack: Rack) -> dict[tuple[str, int], str]:
    """Return what node one's model says to every prompt at every length, asked one at a time."""
    traffic = Traffic([rack.node("one").url], MODEL, workers=1)
    client = traffic.clients()[0]
    with client:
        return {
            (prompt, length): traffic.ask(client, prompt, length, streamed=False).text
            for prompt in PROMPTS
            for length in LENGTHS
        }


def test_three_hundred_mixed_requests_see_no_swap(rack: Rack, tiny_model_b: Path) -> None:
    """Streamed, plain, long and short: each answer is complete and wholly from A or from B."""
    from_a = spoken(rack)
    traffic = Traffic([node.url for node in rack.nodes], MODEL, workers=12, max_tokens=LENGTHS)
    traffic.start()
    try:
        traffic.wait_for(100)
        first = rack.garnet("swap", "one", MODEL, "--to", str(tiny_model_b), "--watch", "2")
        second = rack.garnet("swap", "two", MODEL, "--to", str(tiny_model_b), "--watch", "2")
        traffic.wait_for(max(300, len(traffic.seen) + 50))
    finally:
        traffic.stop()
    assert "is served from" in first.stdout + second.stdout
    from_b = spoken(rack)
    assert [one for one in traffic.seen if one.outcome != "answered"] == []
    assert len(traffic.seen) >= 300
    sources = [source_of(one, from_a, from_b) for one in traffic.seen]
    assert sources.count("A") >= 50
    assert sources.count("B") >= 30
    assert sources.count("mixed") == 0


def source_of(one: Seen, from_a: dict[tuple[str, int], str], from_b: dict[tuple[str, int], str]) -> str:
    """Say which model an answer is from, by its content alone."""
    key = (one.prompt, one.completion_tokens)
    if one.text == from_a.get(key):
        return "A"
    return "B" if one.text == from_b.get(key) else "mixed"


def test_up_after_a_swap_by_hand_swaps_back_and_then_changes_nothing(rack: Rack) -> None:
    """The inventory is the truth: what was swapped by hand is a difference."""
    difference = rack.garnet("up", "--dry-run").stdout
    assert difference.count("swap loader") == 2
    rack.up()
    again = rack.up()
    assert "nothing to do" in again.stdout
