"""Raised nodes expire with the monitor that raised them."""

from __future__ import annotations

from node_scripts.monitor.raising import RAISED_AGAIN_S
from node_scripts.proxy.raised import RAISED_FOR_S, Raised


def test_raised_nodes_expire_unless_the_monitor_tells_them_again() -> None:
    """They keep the peers' alerts down, so they must not outlive the monitor."""
    raised = Raised()
    assert raised.nodes(0.0) == []
    raised.put(["two"], 10.0)
    assert raised.nodes(10.0 + RAISED_FOR_S - 1) == ["two"]
    assert raised.nodes(10.0 + RAISED_FOR_S) == []
    raised.put(["two"], 100.0)
    assert raised.nodes(101.0) == ["two"]
    raised.put([], 102.0)
    assert raised.nodes(102.0) == []


def test_the_monitor_tells_again_before_they_expire() -> None:
    """With time for one that fails."""
    assert 2 * RAISED_AGAIN_S < RAISED_FOR_S
