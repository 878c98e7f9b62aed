"""Rows of `garnet top` from looks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from garnet_cli.dashboard.looks import Look
from garnet_cli.dashboard.top_rows import top_view
from tests.garnet_cli.dashboard.simulated_looks import NOW, alert, fleet, live, look, proxy_status


def test_a_fleet_in_trouble_shows_who_is_lost_and_who_throttles() -> None:
    """The lost node keeps its name and age; the others are whole."""
    view = top_view("office", fleet(), NOW)
    assert [row.state for row in view.nodes] == [*["serving"] * 5, "lost"]
    assert view.nodes[-1].seen_s == 64
    assert view.nodes[-1].celsius is None
    assert view.nodes[2].throttle_pct == 6.2
    assert {(row.node, row.rule) for row in view.alerts} == {
        ("mini-3", "throttle"),
        ("mini-6", "node-missing"),
    }


def test_models_add_up_over_nodes_and_percentiles_are_the_slowest_nodes() -> None:
    """Counts and rates are sums; percentiles of nodes cannot be added."""
    one, two = look("a", ["m"]), look("b", ["m"])
    first, second = one.live, two.live
    assert first
    assert second
    row = top_view("office", [one, two], NOW).models[0]
    parts = [first["models"]["m"], second["models"]["m"]]
    assert row.requests_per_s == pytest.approx(sum(part["requests_5m"] for part in parts) / 300)
    assert row.tokens_per_s == pytest.approx(sum(part["tokens_per_s"] for part in parts))
    assert row.p95_ms == max(part["p95_ms"] for part in parts)
    assert row.loaders == {"ready": 2}
    assert row.in_flight == 4
    weights = [part["requests_5m"] for part in parts]
    hits = sum(part["hit_rate"] * weight for part, weight in zip(parts, weights, strict=True))
    assert row.hit_rate == pytest.approx(hits / sum(weights))


def test_a_node_without_monitor_still_shows_its_proxy() -> None:
    """Figures of sensors are unknown, never 0; the note says what to do."""
    row = top_view("office", [replace(look("a"), live=None, live_age_s=None)], NOW).nodes[0]
    assert (row.state, row.ailing, row.in_flight) == ("serving", True, 4)
    assert "garnet up" in row.note
    assert (row.celsius, row.throttle_pct, row.watts, row.memory_used_bytes) == (None, None, None, None)


def test_old_figures_are_not_shown_as_of_now() -> None:
    """A monitor that stands still says nothing of now."""
    view = top_view("office", [replace(look("a"), live_age_s=31.0)], NOW)
    assert view.nodes[0].note == "its monitor stands still"
    assert view.nodes[0].celsius is None
    assert view.models[0].tokens_per_s is None
    assert view.store == "unknown"


@pytest.mark.parametrize(
    "broken",
    [
        {"sample": None},
        {"sample": {"sensors": [1]}},
        {"sample": {"sensors": {"package_celsius": {"value": "hot"}, "memory_total_bytes": True}}},
        {"models": None, "alerts": "none", "incidents_open": 3, "throttle_pct_5m": "5"},
        {"alerts": [3, None, {}]},
    ],
)
def test_live_files_of_other_shapes_are_unknown_not_a_crash(broken: dict[str, object]) -> None:
    """A node may run another release."""
    well = look("a")
    assert well.live
    row = top_view("office", [replace(well, live={**well.live, **broken})], NOW).nodes[0]
    assert row.memory_used_bytes is None or row.celsius is not None


def test_a_proxy_that_is_down_and_a_loader_that_is_down_are_told() -> None:
    """With the words of who knows."""
    down = Look(
        node="a", seen_unix=NOW, proxy_error="the proxy does not answer", live=live("a", []), live_age_s=1
    )
    ill = replace(look("b"), proxy=proxy_status("b", ["m"], "down"))
    rows = top_view("office", [down, ill], NOW).nodes
    assert [(row.state, row.note) for row in rows] == [
        ("no proxy", "the proxy does not answer"),
        ("degraded", "m is down"),
    ]


def test_a_node_not_asked_yet_is_waiting_not_lost() -> None:
    """The first second of the screen; models of the inventory are there already."""
    view = top_view("office", [Look(node="a")], NOW, ["m"])
    assert (view.nodes[0].state, view.nodes[0].ailing) == ("waiting", False)
    assert view.models[0].tokens_per_s is None
    assert view.spool_minutes is None


def test_alerts_told_by_several_nodes_show_once_critical_first() -> None:
    """Two living nodes name the same missing one; what is silenced comes last."""
    away = alert("c", "node-missing", "missed its heartbeat", 61, "s", severity="critical", subject="c")
    swap = alert("b", "swap", "swaps", 2000, "MiB", silenced="maintenance")
    warm = alert("a", "throttle-warning", "begins to throttle", 3.4, "%")
    view = top_view("office", [look("a", alerts=[warm, away]), look("b", alerts=[away, swap])], NOW)
    assert [row.rule for row in view.alerts] == ["node-missing", "throttle-warning", "swap"]
    assert view.alerts[-1].untold == "silenced"


def test_store_fails_if_any_node_cannot_reach_it() -> None:
    """Named, with what waits in all spools."""
    view = top_view("office", [look("a"), look("b", store_ok=False, spool_minutes=7)], NOW)
    assert (view.store, view.store_failing, view.spool_minutes) == ("failing", ["b"], 7)


def test_a_fleet_without_a_store_says_so_and_wrong_settings_are_told() -> None:
    """Off is not unknown; a monitor that could not take its settings is a node to look at."""
    view = top_view("office", [look("a", store_ok=None, settings_error="bad meter")], NOW, has_store=False)
    assert view.store == "off"
    assert (view.nodes[0].ailing, view.nodes[0].note) == (True, "its monitor's settings: bad meter")
