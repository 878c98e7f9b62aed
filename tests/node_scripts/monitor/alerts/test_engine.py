"""Who is told of an alert, when, and when not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from node_scripts.monitor.alerts.engine import AlertEngine
from node_scripts.monitor.alerts.life import FLAP_S
from node_scripts.monitor.alerts.rules import RULES
from node_scripts.monitor.alerts.silences import Silence
from node_scripts.monitor.alerts.state import AlertState, Entry
from tests.node_scripts.monitor.alerts.simulation import (
    START_UNIX,
    Simulation,
    config_of,
    latencies,
    model_sample,
)

OFF: dict[str, Any] = {"clock_offset_s": 9.0}
ON_TIME: dict[str, Any] = {"clock_offset_s": 0.0}


def firing(rule: str = "clock", seconds: float = 65, **fields: Any) -> Simulation:
    """Return a node on which an alert has just fired and been told."""
    node = Simulation()
    node.run(seconds, **(fields or OFF))
    assert [told[2] for told in node.told] == [rule]
    return node


def test_firing_is_told_once_and_its_end_once() -> None:
    """One message at the start, one at the end, however long it goes on."""
    node = firing()
    node.run(600, **OFF)
    node.run(600, **ON_TIME)
    assert node.told == [(60.0, "firing", "clock", ""), (720.0, "resolved", "clock", "")]
    assert [event[1] for event in node.events] == ["fired", "resolved"]
    assert node.firing() == []


def test_alert_is_told_again_after_the_repeat_interval() -> None:
    """And not before; each time once."""
    node = Simulation(config_of(repeat_s=600))
    node.run(65 + 1300, **OFF)
    assert [(second, kind) for second, kind, _, _ in node.told] == [
        (60.0, "firing"),
        (660.0, "repeat"),
        (1260.0, "repeat"),
    ]


def test_shorter_than_its_for_duration_is_nothing() -> None:
    """A good value ends a pending alert without a trace."""
    node = Simulation()
    node.run(60, **OFF)
    node.run(600, **ON_TIME)
    assert (node.told, node.events) == ([], [])


def test_between_good_and_bad_it_goes_on() -> None:
    """Hysteresis: 2 s is the threshold, below 1.6 s is good again."""
    node = firing()
    node.run(600, clock_offset_s=1.8)
    assert node.firing() == [("clock", "")]
    node.run(60, clock_offset_s=-1.5)
    assert node.kinds() == ["firing", "resolved"]


def test_good_for_too_short_begins_the_count_anew() -> None:
    """A minute of good values in a row is wanted."""
    node = firing()
    for _ in range(10):
        node.run(55, **ON_TIME)
        node.run(5, **OFF)
    assert node.kinds() == ["firing"]


def test_unknown_neither_fires_nor_ends() -> None:
    """A pending count stands still for a minute; a firing one stays for a quarter of an hour."""
    node = Simulation()
    node.run(30, **OFF)
    node.run(60, clock_offset_s=None)
    node.run(30, **OFF)
    assert node.firing() == []
    node.run(5, **OFF)
    assert node.firing() == [("clock", "")]
    node.run(895, clock_offset_s=None)
    assert node.kinds() == ["firing"]
    node.run(5, clock_offset_s=None)
    assert node.kinds() == ["firing", "resolved"]
    assert node.messages[-1].items[0].reason == "its value has been unknown for 15 minutes"


def test_pending_is_forgotten_after_a_minute_of_unknown() -> None:
    """It begins anew."""
    node = Simulation()
    node.run(60, **OFF)
    node.run(65, clock_offset_s=None)
    node.run(60, **OFF)
    assert node.firing() == []


def test_flapping_is_told_a_few_times_and_then_stays_firing() -> None:
    """Each firing within the hour doubles the quiet that ends it."""
    node = Simulation()
    for _ in range(48):  # four hours: bad for 2 minutes, good for 3
        node.run(120, **OFF)
        node.run(180, **ON_TIME)
    assert node.kinds() == ["firing", "resolved", "firing", "resolved", "firing"]
    node.run(1800, **ON_TIME)
    assert node.kinds()[5:] == ["resolved"]


def test_after_a_quiet_hour_it_ends_as_quickly_as_at_first() -> None:
    """Flapping is forgotten."""
    node = Simulation()
    for _ in range(3):
        node.run(120, **OFF)
        node.run(FLAP_S + 300, **ON_TIME)
    ends = [second for second, kind, _, _ in node.told if kind == "resolved"]
    assert [end % (120 + FLAP_S + 300) for end in ends] == [175.0] * 3


def test_firing_that_was_never_delivered_is_dropped_with_an_event() -> None:
    """Nobody is told of the end of what nobody was told of."""
    node = Simulation()
    node.down = True
    node.run(120, **OFF)
    node.run(120, **ON_TIME)
    node.down = False
    node.run(600, **ON_TIME)
    assert node.told == []
    assert [event[1] for event in node.events] == ["fired", "dropped"]
    assert node.raw_events[-1].detail["why"] == "never delivered"


def test_failed_delivery_is_tried_again_ever_less_often() -> None:
    """After 30 s, 60 s, 120 s …, and told as soon as one succeeds."""
    node = Simulation()
    node.down = True
    tries: list[float] = []
    original = node.engine.delivered

    def counted(message: Any, ok: bool) -> None:  # noqa: FBT001
        tries.append(node.second)
        original(message, ok)

    node.engine.delivered = counted  # type: ignore[method-assign]
    node.run(600, **OFF)
    assert tries == [60.0, 90.0, 150.0, 270.0, 510.0]
    node.down = False
    node.run(300, **OFF)
    assert node.kinds() == ["firing"]


def test_nobody_is_told_that_it_fires_once_it_is_good_again() -> None:
    """A route that works again while the alert is about to end has nothing to tell."""
    node = Simulation()
    node.down = True
    node.run(85, **OFF)
    node.down = False
    node.run(300, **ON_TIME)
    assert node.told == []
    assert [event[1] for event in node.events] == ["fired", "dropped"]


def test_audit_log_says_what_was_delivered_and_when_a_route_began_to_fail() -> None:
    """Each delivery, and the first failure of several."""
    node = Simulation()
    node.down = True
    node.run(400, **OFF)
    node.down = False
    node.run(300, **OFF)
    node.run(120, **ON_TIME)
    assert node.outcomes == ["firing not delivered", "firing delivered", "resolved delivered"]


def test_minutes_that_wait_for_no_store_are_no_backlog() -> None:
    """A fleet without a store keeps them on its nodes."""
    node = Simulation(replace(config_of(), store=None))
    node.run(300, spool_minutes=9999)
    assert node.events == []


def test_undelivered_end_is_tried_again() -> None:
    """Who was told that it fires is told that it ended, also after an outage of the route."""
    node = firing()
    node.down = True
    node.run(300, **ON_TIME)
    node.down = False
    node.run(300, **ON_TIME)
    assert node.kinds() == ["firing", "resolved"]


def test_what_fires_again_before_its_end_was_told_just_goes_on() -> None:
    """To those who were told it has been firing all the time."""
    node = firing()
    node.down = True
    node.run(65, **ON_TIME)
    node.run(120, **OFF)
    node.down = False
    node.run(300, **OFF)
    assert node.kinds() == ["firing"]
    assert [event[1] for event in node.events] == ["fired", "resolved", "fired"]


def test_message_on_its_way_is_not_handed_out_twice() -> None:
    """A slow delivery does not double an alert; its end waits for the outcome."""
    node = Simulation()
    for _ in range(13):
        node.engine.step(node.sample(**OFF))
        node.second += 5
    [message] = node.engine.due(START_UNIX)
    assert node.engine.due(START_UNIX) == []
    for _ in range(13):
        assert node.engine.step(node.sample(**ON_TIME)) == []
        node.second += 5
    node.engine.delivered(message, True)
    actions = [event.action for event in node.engine.step(node.sample(**ON_TIME))]
    assert actions == ["firing delivered", "resolved"]
    assert [item.kind for item in node.engine.due(START_UNIX)[0].items] == ["resolved"]


def test_alert_that_ended_while_its_message_failed_is_dropped() -> None:
    """The end is known before the delivery's outcome."""
    node = Simulation()
    for _ in range(13):
        node.engine.step(node.sample(**OFF))
        node.second += 5
    [message] = node.engine.due(START_UNIX)
    for _ in range(13):
        node.engine.step(node.sample(**ON_TIME))
        node.second += 5
    node.engine.delivered(message, False)
    actions = [event.action for event in node.engine.step(node.sample(**ON_TIME))]
    assert actions == ["firing not delivered", "dropped"]


def test_monitor_restarted_while_firing_tells_nothing_twice() -> None:
    """The state says who was told; the end comes after the restart."""
    node = firing()
    node.restart()
    node.run(300, **OFF)
    assert node.kinds() == ["firing"]
    node.restart()
    node.run(60, **ON_TIME)
    assert node.kinds() == ["firing", "resolved"]


def test_monitor_restarted_before_delivery_still_tells() -> None:
    """What was in hand when the monitor died is told after its return."""
    node = Simulation()
    node.run(60, **OFF)
    node.engine.step(node.sample(**OFF))
    assert len(node.engine.due(START_UNIX)) == 1
    node.restart()
    node.run(10, **OFF)
    assert node.kinds() == ["firing"]


def test_state_of_a_newer_schema_is_refused_and_unknown_rules_are_forgotten() -> None:
    """A downgrade does not guess; a removed rule or node leaves nothing behind."""
    with pytest.raises(ValueError, match="newer"):
        AlertEngine(config_of(), AlertState(schema=99))
    gone = [
        Entry(rule="no-such", subject="", node="a", since_unix=0, threshold=1, stage="firing"),
        Entry(rule="node-missing", subject="z", node="z", since_unix=0, threshold=1, stage="firing"),
    ]
    assert AlertEngine(config_of(), AlertState(entries=gone)).active() == []


def test_settings_read_again_hold_from_the_next_sample() -> None:
    """A higher threshold ends what fired at the lower one."""
    node = firing()
    node.engine.configure(config_of(clock_offset_s=60.0))
    node.run(60, **OFF)
    assert node.kinds() == ["firing", "resolved"]


def silence(rule: str = "clock", node: str = "*", until_s: float = 1e6) -> Silence:
    """Return a silence from the start until second ``until_s``."""
    return Silence(
        id="1",
        rule=rule,
        node=node,
        until_unix=START_UNIX + until_s,
        reason="maintenance",
        who="ann@desk",
        created_unix=START_UNIX,
    )


@pytest.mark.parametrize(("rule", "about"), [("clock", "*"), ("*", "a"), ("*", "*")])
def test_silenced_alert_is_shown_but_not_told(rule: str, about: str) -> None:
    """It fires, with the silence's reason; when it ends nobody hears of it."""
    node = Simulation()
    node.engine.set_silences([silence(rule, about)])
    node.run(120, **OFF)
    assert [alert.silenced for alert in node.engine.active()] == ["maintenance"]
    node.run(120, **ON_TIME)
    assert node.told == []
    assert node.raw_events[-1].detail["why"] == "silenced"


@pytest.mark.parametrize(("rule", "about"), [("disk", "*"), ("clock", "b")])
def test_silence_of_another_rule_or_node_silences_nothing(rule: str, about: str) -> None:
    """Both must match."""
    node = Simulation()
    node.engine.set_silences([silence(rule, about)])
    node.run(65, **OFF)
    assert node.kinds() == ["firing"]


def test_alert_that_outlives_its_silence_is_told_then() -> None:
    """The silence has an end."""
    node = Simulation()
    node.engine.set_silences([silence(until_s=300)])
    node.run(400, **OFF)
    assert node.told == [(300.0, "firing", "clock", "")]


def test_end_of_what_was_told_is_told_also_in_a_silence() -> None:
    """Whoever knows that it fires learns that it ended."""
    node = firing()
    node.engine.set_silences([silence()])
    node.run(120, **ON_TIME)
    assert node.kinds() == ["firing", "resolved"]


def test_proxy_down_silences_the_node_s_model_alerts() -> None:
    """One cause, one alert: slow answers and a dead loader are not told beside it."""
    node = Simulation()
    down = {"m": model_sample("down")}
    node.run(50, models=down, proxy_up=False)
    node.run(120, models=down, proxy_up=False, latency_ms={"m": latencies(*[900.0] * 30)})
    assert {rule for rule, _ in node.firing()} == {"proxy-down", "model-down", "latency-p95"}
    assert {rule for _, _, rule, _ in node.told} == {"proxy-down"}
    inhibited = {alert.rule: alert.inhibited for alert in node.engine.active()}
    assert inhibited == {"proxy-down": "", "model-down": "proxy-down", "latency-p95": "proxy-down"}


def test_node_that_peers_have_raised_silences_its_own_model_alerts() -> None:
    """A node that others miss may still run its monitor."""
    node = Simulation()
    node.run(120, models={"m": model_sample("down")}, peers_raised=["a"])
    assert node.firing() == [("model-down", "m")]
    assert node.told == []
    node.run(10, models={"m": model_sample("down")})
    assert [rule for _, _, rule, _ in node.told] == ["model-down"]


def test_alerts_due_at_once_come_in_one_message_a_route() -> None:
    """Two of one route together, the thermal one on its own."""
    node = Simulation()
    fields: dict[str, Any] = {"clock_offset_s": 9.0, "disk_free_bytes": 1, "disk_total_bytes": 100}
    node.run(65, **fields)
    assert [(one.route, len(one.items)) for one in node.messages] == [("alerts", 2)]


def test_events_say_what_fired_with_figures_only() -> None:
    """An event of the alert, from this node, with value, unit and threshold."""
    node = firing()
    [event] = node.raw_events
    assert (event.kind, event.subject, event.action, event.node) == ("alert", "clock", "fired", "a")
    assert event.detail == {
        "node": "a",
        "subject": "",
        "severity": "warning",
        "value": 9.0,
        "unit": "s",
        "threshold": 2.0,
        "since_unix": START_UNIX,
    }


def test_clock_jumps_change_no_decision() -> None:
    """Only samples' durations count: a jump of a day neither repeats nor ends anything."""
    node = firing()
    node.run(5, **OFF)
    for jump in (86400.0, -200000.0):
        sample = node.sample(**OFF)
        assert node.engine.step(replace(sample, time_unix=sample.time_unix + jump)) == []
        assert node.engine.due(sample.time_unix + jump) == []
        node.second += 5
    assert node.firing() == [("clock", "")]


def test_rules_have_names_of_their_own_and_inhibit_by_rules_that_exist() -> None:
    """A misspelt inhibition would silence nothing."""
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    assert all(name in names for rule in RULES for name in rule.inhibited_by)
    assert all(rule.cause and rule.command for rule in RULES)
