"""Every rule on a simulated series: it fires at the right sample and ends after its hysteresis."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from node_scripts.monitor.alerts.messages import title
from node_scripts.monitor.alerts.rules import RULES
from node_scripts.monitor.sample import TakenBack
from node_scripts.records import Eviction
from tests.node_scripts.monitor.alerts.simulation import Simulation, config_of, latencies, model_sample

MIB = 1024 * 1024


def model(**fields: Any) -> dict[str, Any]:
    """Return the fields of a sample with one model."""
    return {"models": {"m": model_sample(**fields)}}


def answered(milliseconds: float, count: int = 10) -> dict[str, Any]:
    """Return the fields of a sample in which requests were answered."""
    return {"latency_ms": {"m": latencies(*[milliseconds] * count)}, **model()}


def evicted(count: int) -> dict[str, Any]:
    """Return the fields of a sample in which a cache evicted."""
    new = [Eviction(serial=serial, time_unix=0, kind="user") for serial in range(count)]
    return model(evictions=count, new_evictions=new)


@dataclass(frozen=True, kw_only=True)
class Series:
    """Good for ten minutes, bad until it fires, then in between, then good until it ends."""

    good: dict[str, Any]
    bad: dict[str, Any]
    fires_after_s: float
    """From the first bad sample to the sample that fires."""
    between: dict[str, Any] = field(default_factory=dict)
    """Keeps it firing; none for rules without a band."""
    ends_after_s: float
    """From the first good sample to the one that ends it."""
    subject: str = ""


SERIES = {
    "node-missing": Series(
        good={"peers": {"b": True}},
        bad={"peers": {"b": False}},
        fires_after_s=10,
        ends_after_s=25,
        subject="b",
    ),
    "proxy-down": Series(good={"proxy_up": True}, bad={"proxy_up": False}, fires_after_s=25, ends_after_s=25),
    "model-down": Series(
        good=model(), bad=model(state="down"), fires_after_s=55, ends_after_s=25, subject="m"
    ),
    "deploy-taken-back": Series(
        good={},
        bad={"taken_back": TakenBack(deploy="d-1", reason="nobody confirmed it", attempts=1)},
        fires_after_s=0,
        ends_after_s=55,
        subject="d-1",
    ),
    # 300 s of packed samples: 3 % is passed with the 2nd throttled sample of 5 s, 5 % with the 4th.
    "packed-throttle": Series(
        good={"thermal_level": 0, **model(packed=True)},
        bad={"thermal_level": 1, **model(packed=True)},
        fires_after_s=15,
        # 20 s were bad: below 4 % once the first two of the four have left the window.
        ends_after_s=300 - 20 + 5 + 55,
    ),
    "packed-throttle-warning": Series(
        good={"thermal_level": 0, **model(packed=True)},
        bad={"thermal_level": 1, **model(packed=True)},
        fires_after_s=5,
        ends_after_s=300 - 10 + 55,
    ),
    "latency-p95": Series(
        good=answered(50),
        bad=answered(500),
        # The 3rd of 60 samples makes more than 5 % of the requests slow; then for a minute.
        fires_after_s=15 + 60,
        between=answered(95),
        # Good once only three samples of those in between are left in the window.
        ends_after_s=300 - 20 + 55,
        subject="m",
    ),
    "loader-restarts": Series(
        good=model(),
        bad=model(restarted=True),
        fires_after_s=10,
        # The window of ten minutes holds fewer than two once two of three have left it.
        ends_after_s=600 - 10 + 55,
        subject="m",
    ),
    "eviction-rate": Series(
        good=evicted(0),
        bad=evicted(12),
        # 12 in 5 s over a window of 300 s: above 30 a minute with the 13th; then for a minute.
        fires_after_s=60 + 60,
        # 25 samples were bad; 24 a minute, where it is good again, are ten of them.
        ends_after_s=300 - 55 + 55,
        subject="m",
    ),
    "memory-critical": Series(good={"pressure": 1}, bad={"pressure": 4}, fires_after_s=30, ends_after_s=55),
    "memory-pressure": Series(good={"pressure": 1}, bad={"pressure": 2}, fires_after_s=60, ends_after_s=55),
    "swap": Series(
        good={"swap_used_bytes": 0},
        bad={"swap_used_bytes": 1025 * MIB},
        fires_after_s=60,
        between={"swap_used_bytes": 1000 * MIB},
        ends_after_s=55,
    ),
    "disk": Series(
        good={"disk_free_bytes": 20, "disk_total_bytes": 100},
        bad={"disk_free_bytes": 9, "disk_total_bytes": 100},
        fires_after_s=60,
        between={"disk_free_bytes": 10.5, "disk_total_bytes": 100},
        ends_after_s=55,
    ),
    "clock": Series(
        good={"clock_offset_s": 0.1},
        bad={"clock_offset_s": -2.1},
        fires_after_s=60,
        between={"clock_offset_s": -1.9},
        ends_after_s=55,
    ),
    "spool-backlog": Series(
        good={"spool_minutes": 1},
        bad={"spool_minutes": 16},
        fires_after_s=60,
        between={"spool_minutes": 9},
        ends_after_s=55,
    ),
    "store-unreachable": Series(
        good={"store_unreachable_s": 0.0},
        bad={"store_unreachable_s": 600.0},
        fires_after_s=0,
        ends_after_s=55,
    ),
}


def test_every_rule_has_a_series() -> None:
    """A new rule comes with its test."""
    assert set(SERIES) == {rule.name for rule in RULES}


@pytest.mark.parametrize("name", SERIES)
def test_rule_fires_at_the_right_sample_and_ends_after_its_hysteresis(name: str) -> None:
    """Not a sample earlier, not a sample later."""
    series = SERIES[name]
    node = Simulation(config_of(nodes=["a", "b"]))
    node.run(600, **series.good)
    assert node.events == []
    node.run(series.fires_after_s, **series.bad)
    assert name not in [rule for _, _, rule, _ in node.events]
    node.step(**series.bad)
    assert (600 + series.fires_after_s, "fired", name, series.subject) in node.events
    if series.between:
        node.run(900, **series.between)
        assert (name, series.subject) in node.firing()
    begin = node.second
    node.run(1500, **series.good)
    ends = [
        second - begin
        for second, kind, rule, _ in node.told + node.events
        if rule == name and kind in ("resolved", "dropped")
    ]
    assert set(ends) == {series.ends_after_s}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"peers": {}},
        {"proxy_up": True, "thermal_level": None, **model(packed=None, evictions=None)},
        {"disk_free_bytes": None, "disk_total_bytes": 0},
    ],
)
def test_a_node_of_which_nothing_is_known_raises_nothing(fields: dict[str, Any]) -> None:
    """Unknown is never 0 and never bad."""
    node = Simulation()
    node.run(1200, **fields)
    assert (node.events, node.firing()) == ([], [])


def test_p95_of_a_few_requests_is_unknown() -> None:
    """Nineteen slow answers in five minutes are no p95."""
    node = Simulation()
    node.step(**answered(900, 19))
    node.run(300, **model())
    assert node.events == []
    for _ in range(20):
        node.step(**answered(900, 1))
    node.run(60, **model())
    assert node.firing() == [("latency-p95", "m")]


def test_a_model_has_its_own_budget_where_one_is_set() -> None:
    """Beside the budget of all others."""
    node = Simulation(config_of(latency_p95_ms=100.0, model_latency_p95_ms={"m": 1000.0}))
    both = {"m": latencies(*[500.0] * 10), "n": latencies(*[500.0] * 10)}
    node.run(300, latency_ms=both)
    assert node.firing() == [("latency-p95", "n")]


def test_throttling_without_work_raises_nothing() -> None:
    """Only packed time counts; without a minute of it the share is unknown."""
    node = Simulation()
    node.run(900, thermal_level=3, **model(packed=False))
    assert node.events == []


def test_a_deploy_that_was_taken_back_is_told_with_its_reason() -> None:
    """And one that cannot be taken back with what keeps it from it."""
    node = Simulation()
    node.step(taken_back=TakenBack(deploy="d-1", reason="nobody confirmed it", attempts=1))
    [message] = node.messages
    assert title(message) == "FIRING: d-1 on a was taken back by the node itself: nobody confirmed it"
    node.step(taken_back=TakenBack(deploy="d-2", reason="gone", attempts=3, failure="no proxy"))
    assert title(node.messages[-1]).endswith("by the node itself: gone; it fails: no proxy")


def test_rules_of_two_models_fire_apart() -> None:
    """Each model is a subject of its own."""
    node = Simulation()
    node.run(60, models={"m": model_sample("down"), "n": model_sample()})
    node.run(60, models={"m": model_sample("down"), "n": model_sample("down")})
    assert node.firing() == [("model-down", "m"), ("model-down", "n")]
    assert len(node.messages) == 2


def test_loader_restarts_seen_after_the_monitor_s_own_restart_are_unknown_first() -> None:
    """An alert is not ended because its history was lost."""
    node = Simulation()
    node.run(15, **model(restarted=True))
    node.restart()
    node.run(535, **model())
    assert node.firing() == [("loader-restarts", "m")]
    node.run(120, **model())
    assert node.firing() == []
