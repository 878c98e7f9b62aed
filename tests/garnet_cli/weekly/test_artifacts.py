"""The files of a week: they agree with each other, and equal weeks give equal bytes."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import date

import pytest

from garnet_cli.fleet.inventory import CostSettings, ReferencePrice
from garnet_cli.judge.anomalies import find_anomalies
from garnet_cli.judge.costs import CostBasis, cost_diff
from garnet_cli.judge.evictions import eviction_log
from garnet_cli.store.weeks import named_week
from garnet_cli.weekly.artifacts import artifacts, headline, message, summary_markdown
from garnet_cli.weekly.blocks import Table
from garnet_cli.weekly.completeness import completeness_of
from garnet_cli.weekly.contents import Weekly
from garnet_cli.weekly.cost_sections import cost_sections
from garnet_cli.weekly.next_steps import next_steps
from garnet_cli.weekly.traffic import traffic_of
from tests.garnet_cli.weekly.made import doubled, move, placement
from tests.simulated.spec import FleetSpec, ModelSpec, NodeSpec
from tests.simulated.totals import simulate_totals

NODES = ("mini-1", "mini-2")
SPEC = FleetSpec(
    begin=date(2026, 11, 9),
    days=14,
    nodes=tuple(NodeSpec(name=name) for name in NODES),
    models=(ModelSpec(name="llama", nodes=NODES), ModelSpec(name="qwen", nodes=("mini-2",))),
    keys=("web", "=cmd()"),
)
REFERENCE = ReferencePrice(
    name="api",
    prompt_usd_per_million=0.6,
    cached_usd_per_million=0.3,
    completion_usd_per_million=0.8,
    date=date(2026, 11, 1),
    source="https://example.com",
)
NAMES = ("placement-diff", "cost-diff", "eviction-log")


@pytest.fixture(scope="module")
def weekly() -> Weekly:
    """Return a week of a simulated fleet in which one price doubled and one model is to be moved."""
    totals = simulate_totals(SPEC, "day")
    week = named_week("2026-W47", "UTC")
    last, this = (
        totals.between(SPEC.begin_unix, week.begin_unix),
        totals.between(week.begin_unix, SPEC.end_unix),
    )
    basis = CostBasis(
        settings=CostSettings(overhead_usd_per_month=40.0),
        prices_usd=dict.fromkeys(NODES, 4799.0),
        references={"llama": REFERENCE},
    )
    costs = cost_diff(this, last, basis)
    anomalies = (*find_anomalies(costs, this, last), doubled("llama"))
    diff, evictions, complete = (
        placement(move("qwen")),
        eviction_log(this, [], last=last),
        completeness_of(this),
    )
    return Weekly(
        fleet="simulated",
        week=week,
        until_unix=week.end_unix,
        made_unix=week.end_unix + 60,
        weeks_known=2,
        completeness=complete,
        last_completeness=completeness_of(last),
        traffic=traffic_of(this),
        placement=diff,
        costs=costs,
        anomalies=anomalies,
        evictions=evictions,
        steps=next_steps(week.name, complete, anomalies, diff, evictions),
    )


def test_each_artifact_is_there_in_three_forms(weekly: Weekly) -> None:
    """And a summary in two; equal weeks give equal bytes."""
    files = artifacts(weekly)
    expected = {f"{name}.{kind}" for name in NAMES for kind in ("md", "json", "csv")}
    assert set(files) == expected | {"summary.md", "summary.json"}
    assert artifacts(weekly) == files


def test_csv_and_json_tell_the_same_costs(weekly: Weekly) -> None:
    """To the last digit; models add up to the fleet in both."""
    files = artifacts(weekly)
    document = json.loads(files["cost-diff.json"])
    rows = list(csv.DictReader(io.StringIO(files["cost-diff.csv"].decode())))
    fleet = next(row for row in rows if row["scope"] == "fleet")
    assert float(fleet["total_usd_this"]) == document["this"]["fleet"]["total_usd"]
    assert int(fleet["requests_this"]) == document["this"]["fleet"]["requests"] == weekly.traffic.requests
    for figure in ("total_usd_this", "total_usd_last"):
        models = sum(float(row[figure]) for row in rows if row["scope"] == "model")
        assert models == pytest.approx(float(fleet[figure]), abs=5e-6)
    assert document["week"] == "2026-W47"
    assert document["complete_share"] == weekly.completeness.share


def test_the_cents_of_a_column_add_up_to_its_total(weekly: Weekly) -> None:
    """Rounded one by one they may not, and a reader adds them up."""
    (section,) = cost_sections(weekly.costs, [])
    tables = {block.title: block for block in section.blocks if isinstance(block, Table)}
    models = tables["Dollars a million tokens by model, fully loaded"]
    *rows, fleet = [round(float((row[2] or "0").strip("$").replace(",", "")) * 100) for row in models.rows]
    assert sum(rows) == fleet
    nodes = [
        round(float((row[1] or "0").strip("$").replace(",", "")) * 100) for row in tables["By node"].rows
    ]
    assert sum(nodes) == fleet


def test_a_spreadsheet_takes_no_name_for_a_formula(weekly: Weekly) -> None:
    """Keys are named by operators; a cell that begins with = is quoted."""
    assert b"key,'=cmd()," in artifacts(weekly)["cost-diff.csv"]


def test_markdown_shows_figures_of_the_json(weekly: Weekly) -> None:
    """The total and the price a million of each model are in the cost diff, the move in the placement's."""
    files = artifacts(weekly)
    costs = files["cost-diff.md"].decode()
    assert f"${weekly.costs.this.fleet.total_micros / 1e6:,.2f} in all" in costs
    for row in weekly.costs.this.models:
        assert row.usd_per_million is not None
        assert f"| {row.name} |" in costs
        assert f"| ${row.usd_per_million:.2f} |" in costs
    assert "At API prices the tokens of llama would cost" in costs
    assert "- move qwen from mini-1 to mini-2: mini-1 throttles" in files["placement-diff.md"].decode()
    for name in NAMES:
        assert files[f"{name}.md"].decode().count("\n# ") == 0
        assert "What to do next" in files[f"{name}.md"].decode() or name == "eviction-log"


def test_the_summary_begins_with_the_state_of_the_data_and_the_steps(weekly: Weekly) -> None:
    """It is short: what a section details is in that section's file."""
    text = summary_markdown(weekly)
    assert text.startswith(f"# {headline(weekly)}\n")
    order = [text.index(words) for words in ("requests, ", "What to do next", "Cost diff", "Placement diff")]
    assert order == sorted(order)
    assert "1. **Purge the prompt cache of llama on mini-1**" in text
    assert len(text.splitlines()) < 90
    assert "By client key" not in text


def test_the_message_has_each_step_with_its_command(weekly: Weekly) -> None:
    """Plain lines, the title apart."""
    text = message(weekly)
    for step in weekly.steps:
        assert step.what in text
        assert all(f"$ {command}" in text for command in step.commands)
    assert "Nothing is to be done." in message(replace(weekly, steps=()))


def test_a_running_week_says_so_everywhere(weekly: Weekly) -> None:
    """Nobody takes three days for seven."""
    running = replace(weekly, until_unix=weekly.week.begin_unix + 61.5 * 3600, last_completeness=None)
    assert "first 61.5 of 168 hours, until Wed 18 Nov 2026 13:30 UTC" in running.goes_on
    for name, content in artifacts(running).items():
        if name.endswith(".md"):
            assert "The week goes on" in content.decode()
            assert "no data of the week before" in content.decode()
        if name.endswith(".json"):
            assert json.loads(content)["over"] is False


def test_all_of_it_is_plain_json(weekly: Weekly) -> None:
    """No infinity, no NaN, no object."""
    json.dumps(weekly.as_json(), allow_nan=False)
    infinite = replace(weekly, placement=placement(replace(move("qwen"), points=float("inf"))))
    json.dumps(infinite.as_json(), allow_nan=False)
    assert b"move,qwen,mini-1,mini-2,throttle,,mini-1 throttles" in artifacts(infinite)["placement-diff.csv"]
