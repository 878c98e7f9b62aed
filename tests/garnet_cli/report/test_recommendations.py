"""What a report finds and asks for, from a month in memory: also of fleets at the extremes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest

from garnet_cli.report.contents import MonthReport
from garnet_cli.report.gathered import Gathered
from garnet_cli.report.sections import Recommendation
from garnet_cli.store.throttling import Throttling
from garnet_cli.store.totals import Totals
from node_scripts.records import Event
from tests.garnet_cli.report.in_memory import fleet, gathered, load, report_of
from tests.simulated.spec import FleetSpec, Injected
from tests.simulated.totals import simulate_totals


@pytest.fixture(scope="module")
def data() -> Gathered:
    """Return a small fleet that does well."""
    return gathered(fleet())


def kinds(report: MonthReport) -> dict[str, Recommendation]:
    """Return the first recommendation of each kind."""
    return {one.kind: one for one in reversed(report.recommendations)}


def told(time_unix: float, kind: str, subject: str, action: str, **detail: object) -> Event:
    """Return an event of node mini-1."""
    return Event(
        id=f"{int(time_unix * 1e6):016x}-0",
        time_unix=time_unix,
        fleet="simulated",
        node="mini-1",
        kind=kind,  # type: ignore[arg-type]
        subject=subject,
        action=action,
        detail=dict(detail),
    )


@pytest.mark.parametrize(
    ("nodes", "models", "requests_per_minute"), [(1, 1, 0.0), (2, 2, 0.0), (1, 3, 5.0), (64, 40, 2.0)]
)
def test_fleets_at_the_extremes(nodes: int, models: int, requests_per_minute: float) -> None:
    """Zero traffic, one node, 64 nodes and 40 models: a whole report, and valid JSON."""
    days = 3 if nodes > 2 else 30
    report = report_of(gathered(fleet(nodes, models, requests_per_minute=requests_per_minute, days=days)))
    json.dumps(report.as_json(), allow_nan=False)
    assert len(report.volume.models) == models
    assert len(report.thermal.nodes) == nodes
    assert len(report.key_figures) == 8
    if not requests_per_minute:
        assert report.volume.says == "No request reached the fleet in this period."
        assert report.costs.usd_per_million is None
        assert "retire" not in kinds(report)


def test_no_price_is_said_and_not_taken_for_free() -> None:
    """Cost is unknown, and the remedy is named."""
    report = report_of(gathered(fleet(), priced=False))
    assert (report.costs.total_usd, report.costs.savings_usd) == (None, None)
    assert kinds(report)["cost"].text == "Write the nodes' prices into the inventory"
    figure = next(one for one in report.key_figures if one.key == "usd_per_million")
    assert (figure.actual, figure.status) == (None, "none")


def test_a_model_that_nobody_asks_is_to_be_retired(data: Gathered) -> None:
    """It is named among the decisions, too."""
    spec = fleet(models=2)
    idle = replace(spec, models=(spec.models[0], replace(spec.models[1], requests_per_minute=0.0)))
    report = report_of(gathered(idle))
    assert kinds(report)["retire"].text == f"Retire {idle.models[1].name}"
    assert any(one.text == kinds(report)["retire"].text for one in report.decisions)
    assert "retire" not in kinds(report_of(data))


def test_throttling_asks_for_a_cooler_room() -> None:
    """By what the busy temperature lies above the onset, and 2 degrees more."""
    hot = Throttling(node="mini-1", events=12, onset_celsius=95.0, busy_celsius=98.2)
    injected = (Injected(kind="throttling", node="mini-1", strength=0.5),)
    report = report_of(gathered(replace(fleet(), injected=injected), throttling={"mini-1": hot}))
    assert report.thermal.ambient.adjust_celsius == -6.0
    assert report.thermal.ambient.node == "mini-1"
    assert kinds(report)["thermal"].text == "Cool the room by 6 °C"
    unknown = report_of(gathered(replace(fleet(), injected=injected)))
    assert "no temperature was read" in unknown.thermal.ambient.says


def test_a_cool_month_leaves_the_room_alone(data: Gathered) -> None:
    """Which is a finding, too."""
    report = report_of(data)
    assert report.thermal.ambient.adjust_celsius == 0.0
    assert "thermal" not in kinds(report)


def test_incidents_with_their_notes_and_downtime(data: Gathered) -> None:
    """What was noted after the month counts; an incident of another month does not."""
    begin, end = data.span.begin_unix, data.span.end_unix
    events = (
        told(begin - 9e5, "incident", "old", "opened", severity="critical"),
        told(begin - 8e5, "incident", "old", "closed"),
        told(begin + 60, "incident", "one", "opened", severity="critical", causes=["node-missing"]),
        told(begin + 360, "incident", "one", "closed"),
        told(begin + 9e4, "incident", "two", "opened", severity="critical", causes=["restart"]),
        told(end + 60, "incident", "one", "noted", cause="a fuse", fix="replaced"),
    )
    report = report_of(gathered(fleet(), events=events, down_s=3600.0))
    assert [(one.id, one.lasted_s, one.cause) for one in report.uptime.incidents] == [
        ("two", None, ""),
        ("one", 300.0, "a fuse"),
    ]
    commands = [one.command for one in report.recommendations if one.kind == "uptime"]
    assert commands[0].startswith("garnet logs ")
    assert commands[1].startswith("garnet incidents note two")
    figure = next(one for one in report.key_figures if one.key == "uptime")
    assert figure.status == "missed"


def test_scorecard_begins_with_the_ninetieth_day(data: Gathered) -> None:
    """Before it there are no lines, and it says how many days there are."""
    early = report_of(replace(data, hours=tuple(load(data, [20.0] * 13)[-24 * 30 :])))
    assert (early.scorecard.lines, early.scorecard.days_of_data) == ((), 30)
    whole = report_of(replace(data, hours=tuple(load(data, [20.0] * 13))))
    assert {line.key: line.status for line in whole.scorecard.lines} == {
        "latency": "missed",
        "uptime": "met",
        "swap_window": "unknown",
        "throttle": "unknown",
        "cost": "missed",
    }


def test_swaps_are_held_to_two_minutes(data: Gathered) -> None:
    """From start to flip; the longest counts."""
    begin = data.span.begin_unix + 1000.0
    events = tuple(
        told(begin + at, "swap", "llama", action)
        for at, action in ((0, "start"), (90, "flip"), (500, "done"), (1000, "start"), (1130, "flip"))
    )
    report = report_of(replace(data, events=events, hours=tuple(load(data, [20.0] * 13))))
    assert (report.uptime.swaps, report.uptime.swap_window_max_s) == (2, 130.0)
    assert next(one.status for one in report.scorecard.lines if one.key == "swap_window") == "missed"


def test_quarter_proposes_newer_models_that_fit(data: Gathered) -> None:
    """A coder of 2024 by the coder of 2025; a node of 128 GB has room for it."""
    report = report_of(replace(data, span=replace(data.span, kind="quarter", name="2026-Q3")))
    assert report.quarter is not None
    proposed = {one.model: one for one in report.quarter.swaps}
    assert proposed["qwen2.5-coder-32b"].proposed == "qwen3-coder-30b-a3b"
    assert proposed["qwen2.5-coder-32b"].fits is True
    assert [tier.size_class for tier in report.quarter.tiers] == ["7-34B"]


def spec_with_missing() -> FleetSpec:
    """Return a fleet of which one node is silent for half of the month."""
    gone = Injected(kind="missing_minutes", node="mini-2", begin_day=0, end_day=15)
    return replace(fleet(), injected=(gone,))


def test_missing_minutes_are_said_first() -> None:
    """By node, with a command to look."""
    report = report_of(gathered(spec_with_missing()))
    assert any("mini-2 (50 %)" in note for note in report.completeness.notes)
    assert kinds(report)["data"].command == "garnet check mini-2"


def before_of(spec: FleetSpec) -> Totals:
    """Return a fleet's August 2026."""
    return simulate_totals(replace(spec, begin=date(2026, 8, 1)))


def test_no_figure_changes_against_a_month_without_a_minute(data: Gathered) -> None:
    """Not even completeness, although every minute of it was expected."""
    report = report_of(data)
    assert sum(row.minutes_expected for row in data.before.nodes) > 0
    assert [one.key for one in report.key_figures if one.change is not None or one.before is not None] == []


def test_figures_change_against_a_month_with_minutes(data: Gathered) -> None:
    """Completeness from whole to whole by nothing, and tokens by something."""
    report = report_of(replace(data, before=before_of(fleet(days=31))))
    changes = {one.key: one.change for one in report.key_figures}
    assert changes["completeness"] == 0.0
    assert changes["tokens"] is not None
