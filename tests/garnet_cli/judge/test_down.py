"""What makes `garnet status` fail."""

from __future__ import annotations

from typing import Any

import pytest

from garnet_cli.judge.down import what_is_down
from node_scripts.contracts import JobStatus, Latency, LoaderStatus, ProxyStatus, SlotStatus
from tests.garnet_cli.judge.test_difference import ACTIVE, facts


def proxy(state: str = "ready") -> ProxyStatus:
    """Return the proxy of a node whose one loader is in ``state``."""
    loader = LoaderStatus(
        spec=ACTIVE,
        state=state,  # type: ignore[arg-type]
        in_flight=0,
        queued=0,
        served=0,
        errors=0,
        latency=Latency(count=0),
    )
    return ProxyStatus(
        node="one",
        pid=1,
        release="r1",
        started_unix=0,
        listen="127.0.0.1:1",
        slots=[SlotStatus(model="m", active=loader)],
        peers=[],
        requests=0,
        failed=0,
        rejected=0,
        in_flight=0,
    )


def jobs(**states: Any) -> list[JobStatus]:
    """Return jobs by name, with ``_`` for ``-``, in these states."""
    return [JobStatus(name=name.replace("_", "-"), state=state) for name, state in states.items()]


def test_a_node_that_serves_is_well() -> None:
    """Nothing is named."""
    assert list(what_is_down(facts(), proxy())) == []


def test_a_proxy_or_a_loader_that_is_down_is_named() -> None:
    """By what it is to the operator: the proxy, or the model."""
    assert list(what_is_down(facts(), None)) == ["proxy"]
    assert list(what_is_down(facts(), proxy("down"))) == ["m"]


def test_a_new_proxy_that_does_not_come_up_is_named_while_the_old_one_serves() -> None:
    """An upgrade that hangs."""
    node = facts(jobs=jobs(proxy_r1="failed", proxy_r0="running", loader_1="running", monitor="running"))
    assert list(what_is_down(node, proxy())) == ["proxy-r1"]


@pytest.mark.parametrize("state", ["failed", "stopped"])
def test_a_dead_loader_that_a_new_proxy_takes_for_a_starting_one_is_named_once(state: str) -> None:
    """After a restart of the proxy, "never answered yet" hides that it never will."""
    node = facts(jobs=jobs(proxy_r1="running", loader_1=state, monitor="running"))
    assert list(what_is_down(node, proxy("starting"))) == ["m"]
    assert list(what_is_down(facts(jobs=jobs(proxy_r1="running")), proxy("starting"))) == ["m"]


def test_a_loader_that_really_starts_is_not_down() -> None:
    """Its job runs."""
    assert list(what_is_down(facts(), proxy("starting"))) == []
