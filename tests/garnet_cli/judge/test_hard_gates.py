"""What ends a watch at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from garnet_cli.judge.hard_gates import NodeHealth, closed_gate, failed_here
from garnet_cli.judge.watch import Observation
from node_scripts.records import RequestRecord

WELL = Observation(state="ready", served=5, errors=0, pid=7, last_error=None)
FIRST = NodeHealth(proxy_pid=1, loaders={"tiny": WELL}, throttle_pct=1.0, memory_pressure=1)


@pytest.mark.parametrize(
    ("latest", "reason"),
    [
        (FIRST, None),
        (replace(FIRST, loaders={"tiny": replace(WELL, served=50)}), None),
        (replace(FIRST, throttle_pct=None, memory_pressure=None), None),
        (replace(FIRST, throttle_pct=3.9), None),
        (replace(FIRST, unserved=["tiny"]), "no loader serves tiny"),
        (replace(FIRST, proxy_pid=2), "the proxy was restarted"),
        (replace(FIRST, loaders={"tiny": replace(WELL, pid=8)}), "the loader of tiny was restarted"),
        (replace(FIRST, loaders={"tiny": replace(WELL, state="down")}), "the loader of tiny is down"),
        (replace(FIRST, loaders={"tiny": replace(WELL, errors=2)}), "the loader of tiny failed 2 requests"),
        (replace(FIRST, failed=3), "3 requests failed"),
        (replace(FIRST, memory_pressure=4), "memory pressure became critical"),
        (replace(FIRST, throttle_pct=9.0), "the chip throttled 9.0 % of its work, 8.0 points more"),
    ],
)
def test_a_gate_closes_for_what_became_worse_and_says_why(latest: NodeHealth, reason: str | None) -> None:
    """What is unknown closes none."""
    assert closed_gate(FIRST, latest) == reason


def test_what_was_bad_before_is_not_the_changes_fault() -> None:
    """A hot node, a full memory."""
    hot = replace(FIRST, throttle_pct=20.0, memory_pressure=4)
    assert closed_gate(hot, replace(hot, throttle_pct=21.0)) is None


@pytest.mark.parametrize(
    ("status", "served_by", "here"),
    [(503, "", True), (200, "loader-1", True), (400, "", False), (429, "", False), (502, "peer:two", False)],
)
def test_a_failure_counts_where_it_is_the_nodes_own(status: int, served_by: str, *, here: bool) -> None:
    """A broken stream has status 200."""
    record = RequestRecord(end_unix=0, model="m", outcome="error", status=status, served_by=served_by)
    assert failed_here(record) is here
    assert not failed_here(replace(record, outcome="answered"))
