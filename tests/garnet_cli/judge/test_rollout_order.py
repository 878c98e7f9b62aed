"""Which node goes first."""

from __future__ import annotations

import pytest

from garnet_cli.errors import UsageError
from garnet_cli.judge.hard_gates import NodeHealth
from garnet_cli.judge.rollout_order import out_of_service, rollout_order
from garnet_cli.judge.watch import Observation

CHANGED = ["one", "two", "three"]


def test_the_node_with_the_least_traffic_is_the_canary() -> None:
    """The others follow as the inventory has them; of equals its first."""
    assert rollout_order(CHANGED, {"one": 9, "two": 2, "three": 9}, None) == ["two", "one", "three"]
    assert rollout_order(CHANGED, {}, None) == CHANGED


def test_a_canary_can_be_named() -> None:
    """Unless nothing changes on it."""
    assert rollout_order(CHANGED, {}, "three") == ["three", "one", "two"]
    with pytest.raises(UsageError, match="nothing changes on four"):
        rollout_order(CHANGED, {}, "four")


def test_new_nodes_come_last_and_are_no_canary() -> None:
    """They have no time before to be compared with."""
    assert rollout_order(CHANGED, {"one": 0, "two": 5, "three": 7}, None, ["one"]) == ["two", "three", "one"]
    assert rollout_order(["one"], {}, None, ["one"]) == ["one"]


def test_a_node_is_not_changed_while_another_does_not_serve_its_model() -> None:
    """Down, or without a loader; of another model it does not matter."""
    well = Observation(state="ready", served=1, errors=0, pid=1, last_error=None)
    down = Observation(state="down", served=1, errors=0, pid=1, last_error=None)
    healths = {"two": NodeHealth(proxy_pid=1, loaders={"a": well, "b": down})}
    assert out_of_service(["a"], healths) is None
    assert out_of_service(["b"], healths) == "b is out of service on two"
    assert out_of_service(["c"], {"two": NodeHealth(proxy_pid=1, loaders={}, unserved=["c"])}) is not None
