"""What status and check say of a node's monitor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from garnet_cli.fleet.facts import NodeFacts
from garnet_cli.fleet.inventory import NodeEntry
from garnet_cli.fleet.inventory_file import parse_inventory
from garnet_cli.judge.monitoring import monitor_checks, status_lines
from node_scripts.contracts import JobStatus
from tests.garnet_cli.judge.test_difference import facts

NOW = 1_800_000_000.0
ALERT: dict[str, Any] = {
    "rule": "throttled",
    "severity": "critical",
    "node": "one",
    "subject": "",
    "says": "throttles while it has work",
    "value": 7.25,
    "unit": "%",
    "compare": ">",
    "threshold": 5.0,
    "since_unix": NOW - 90,
    "silenced": "",
    "inhibited": "",
    "command": "garnet top one",
}


@pytest.fixture
def entry(tmp_path: Path) -> NodeEntry:
    """Return a node with a power meter."""
    text = b'[fleet]\nname = "f"\n[[nodes]]\nname = "one"\nhost = "h"\nroot = "/g"\npower_meter = "tasmota://p"\n'
    return parse_inventory(text, tmp_path / "fleet.toml").nodes[0]


def seen(age_s: float = 3.0, alerts: list[dict[str, Any]] | None = None, **sensors: Any) -> NodeFacts:
    """Return a node whose monitor looked ``age_s`` ago."""
    live = {
        "time_unix": NOW - age_s,
        "alerts": alerts or [],
        "spool_minutes": 2,
        "sample": {"sensors": {"clock_offset_s": 0.01, "clock_source": "peers", **sensors}},
    }
    return facts(time_unix=NOW, live=live)


def rows(entry: NodeEntry, node: NodeFacts) -> list[tuple[str, str, str]]:
    """Return name, verdict and detail of each check."""
    return [(row.name, row.verdict, row.detail) for row in monitor_checks(entry, node)]


def test_a_monitor_that_looks_and_has_nothing_to_say_is_no_line() -> None:
    """Status stays as short as it was; so does that of a node on which nothing was ever started."""
    assert list(status_lines("one", seen())) == []
    assert list(status_lines("one", facts(jobs=[], live=None))) == []


def test_a_stale_or_missing_monitor_is_a_line_with_what_to_do() -> None:
    """By the node's own clock."""
    assert list(status_lines("one", seen(95.0))) == [
        "one: the monitor has not looked for 95 s; see `garnet logs one --job monitor`"
    ]
    never = facts(live=None)
    assert list(status_lines("one", never)) == [
        "one: the monitor has not looked yet; see `garnet logs one --job monitor`"
    ]
    stopped = replace(seen(95.0), jobs=[])
    assert list(status_lines("one", stopped)) == ["one: no monitor runs; start it with `garnet up one`"]


def test_settings_that_are_not_in_force_are_told(entry: NodeEntry) -> None:
    """By status and by check."""
    node = seen()
    assert node.live is not None
    node.live["settings_error"] = "monitor.json: too new"
    (line,) = status_lines("one", node)
    assert line == "one: the monitor works by its older settings: monitor.json: too new; run `garnet up one`"
    assert rows(entry, node)[0][1] == "failed"


def test_a_firing_alert_is_a_line_with_value_threshold_and_command() -> None:
    """Also why it is not told, where it is silenced or explained."""
    quiet = {**ALERT, "subject": "llama", "silenced": "tests", "inhibited": "node-missing", "value": None}
    quiet_because = "silenced: tests; explained by node-missing"
    says, since = "throttles while it has work", "since 2027-01-15 07:58:30 UTC"
    assert list(status_lines("one", seen(alerts=[ALERT, quiet]))) == [
        f"one: critical: one {says}: 7.2 % (> 5 %) {since}; garnet top one",
        f"one: critical: llama {says}: unknown (> 5 %) {since}; {quiet_because}; garnet top one",
    ]


def test_checks_show_what_the_monitor_reads(entry: NodeEntry) -> None:
    """Its age, what waits, the clock's offset and the meter's answer."""
    assert rows(entry, seen(watts={"value": 34.06, "source": "tasmota"})) == [
        ("monitor", "ok", "looked 3 s ago, 2 minutes wait to be shipped"),
        ("clock offset", "ok", "+0.010 s against peers"),
        ("power meter", "ok", "34.1 W (tasmota)"),
    ]


def test_checks_fail_where_the_monitor_or_the_meter_is_silent(entry: NodeEntry) -> None:
    """The machine's own figure is no answer of the meter; a clock far off fails."""
    own = seen(watts={"value": 20.0, "source": "macmon:sys_power"}, clock_offset_s=-90.0)
    assert [row[:2] for row in rows(entry, own)] == [
        ("monitor", "ok"),
        ("clock offset", "failed"),
        ("power meter", "failed"),
    ]
    assert [row[:2] for row in rows(entry, seen(300.0))] == [
        ("monitor", "failed"),
        ("power meter", "warning"),
    ]
    assert rows(entry, facts(live=None))[0] == ("monitor", "failed", "has never looked")


def test_a_node_before_its_first_up_has_warnings_only(entry: NodeEntry) -> None:
    """Nothing is wrong with it; a clock that nobody compared is unknown, not right."""
    assert [row[1] for row in rows(entry, facts(jobs=[JobStatus(name="proxy-r1", state="running")]))] == [
        "warning",
        "warning",
    ]
    unknown = seen(clock_offset_s=None, watts={"value": 1.0, "source": "shelly"})
    assert rows(entry, unknown)[1] == ("clock offset", "warning", "unknown")


def test_a_node_that_no_route_of_alerts_leads_from_is_a_warning(entry: NodeEntry) -> None:
    """Whatever else is fine, nobody would be told; one route is enough; it names no secret's value."""
    meter = {"value": 34.06, "source": "tasmota"}
    others = {"GARNET_STORE_ACCESS_KEY_ID": "", "GARNET_ROUTE_MONTHLY": ""}
    store_only = replace(seen(watts=meter), monitor_secrets=others)
    [found] = [row for row in monitor_checks(entry, store_only) if row.verdict != "ok"]
    assert (found.name, found.verdict, found.detail) == (
        "alert routes",
        "warning",
        "none has a URL: nobody is told of alerts",
    )
    assert "GARNET_ROUTE_ALERTS" in (found.remedy or "")
    for route in ("ALERTS", "THERMAL"):
        told = replace(store_only, monitor_secrets={f"GARNET_ROUTE_{route}": ""})
        assert "alert routes" not in [row.name for row in monitor_checks(entry, told)]
    assert "alert routes" not in [row.name for row in monitor_checks(entry, replace(store_only, jobs=[]))]
