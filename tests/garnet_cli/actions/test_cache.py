"""Which loaders a purge reaches, what it notes, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from garnet_cli.actions.cache import purge
from garnet_cli.errors import NodeError
from node_scripts.contracts import Latency, LoaderSpec, LoaderState, LoaderStatus, ProxyStatus, SlotStatus
from node_scripts.loader_stats import LoaderStats

MODEL = "tiny"


def loader(number: int, state: LoaderState = "ready") -> LoaderStatus:
    """Return the status of one loader that holds three sequences."""
    name = f"loader-{number}"
    spec = LoaderSpec(
        name=name,
        model=MODEL,
        artifact="a",
        runtime="r",
        http_socket=f"/run/{name}.http",
        stats_socket=f"/run/{name}.stats",
    )
    stats = LoaderStats(pid=1, started_unix=0.0, cache_sequences=3, cache_bytes=3000)
    return LoaderStatus(
        spec=spec,
        state=state,
        in_flight=number,
        queued=0,
        served=0,
        errors=0,
        latency=Latency(count=0),
        stats=stats,
    )


class Node:
    """A node whose proxy and loaders answer from memory."""

    name = "one"

    def __init__(self, *slots: SlotStatus) -> None:
        """Keep the slots and begin with nothing asked."""
        self.slots = list(slots)
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def ask(self, step: str, *, progress: Callable[[Any], None] | None = None, **arguments: Any) -> Any:
        """Answer one step."""
        del progress
        if step == "control":
            status = ProxyStatus(
                node="one",
                release="r",
                pid=1,
                started_unix=0.0,
                listen="127.0.0.1:1",
                requests=0,
                failed=0,
                rejected=0,
                in_flight=0,
                slots=self.slots,
                draining=[],
                peers=[],
            )
            return {"status": 200, "body": msgspec.to_builtins(status)}
        self.asked.append((step, arguments))
        return {"sequences": 3, "size_bytes": 3000, "in_flight": 1}


def quiet(_: str) -> None:
    """Take a line of progress."""


def test_every_loader_of_the_slot_that_answers_is_purged_and_noted() -> None:
    """A flip back must not bring the old cache back; one that never answered holds nothing."""
    node = Node(SlotStatus(model=MODEL, active=loader(2), next=loader(3, "starting"), previous=loader(1)))
    done = purge(node, MODEL, "me@here", quiet)
    assert [one.loader for one in done.loaders] == ["loader-2", "loader-1"]
    purged = [arguments["http_socket"] for step, arguments in node.asked if step == "purge_loader"]
    assert purged == ["/run/loader-2.http", "/run/loader-1.http"]
    noted = [arguments for step, arguments in node.asked if step == "note_event"]
    assert [(one["kind"], one["subject"], one["action"], one["who"]) for one in noted] == [
        ("cache", MODEL, "purged", "me@here")
    ] * 2


def test_a_dry_run_asks_no_loader() -> None:
    """It tells what the caches hold, and nothing is noted."""
    node = Node(SlotStatus(model=MODEL, active=loader(2)))
    done = purge(node, MODEL, "me@here", quiet, dry_run=True)
    assert not done.done
    assert (done.loaders[0].sequences, done.loaders[0].size_bytes, done.loaders[0].in_flight) == (3, 3000, 2)
    assert node.asked == []


@pytest.mark.parametrize("slots", [[], [SlotStatus(model=MODEL)], [SlotStatus(model="b", active=loader(1))]])
def test_a_node_without_a_loader_of_the_model_is_an_error(slots: list[SlotStatus]) -> None:
    """The error names the node and what to do."""
    with pytest.raises(NodeError, match=r"one: no loader of tiny is here; .*garnet up"):
        purge(Node(*slots), MODEL, "me@here", quiet)
