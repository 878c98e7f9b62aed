"""A report's figures are those of the raw minutes, whatever the fleet; and equal data make equal reports."""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from garnet_cli.report.contents import MonthReport
from garnet_cli.report.month import Span, month
from garnet_cli.store.minutes import read_minutes
from node_scripts.records import Minute
from tests.garnet_cli.report.fleets import Stored, stored
from tests.garnet_cli.report.recomputed import recomputed
from tests.simulated.fleets import random_fleet
from tests.simulated.spec import FleetSpec, InjectedKind

LABELS = {
    "volume.models": ("model",),
    "volume.days": ("day",),
    "thermal.nodes": ("node",),
    "distribution.placed": ("model", "node"),
    "uptime.nodes": ("node",),
}
"""What the rows of a list are about."""
KINDS: tuple[InjectedKind, ...] = ("missing_minutes", "throttling", "errors", "restarts", "cache_evictions")


def look_up(document: dict[str, Any], path: str) -> Any:
    """Return the figure at a path, rows by what they are about."""
    match = re.fullmatch(r"([a-z._]+)\[(.+)\]\.([a-z0-9_]+)", path)
    place = match[1] if match else path
    found: Any = document
    for part in place.split("."):
        found = found[part]
    if match is None:
        return found
    rows = [row for row in found if " ".join(row[label] for label in LABELS[place]) == match[2]]
    assert len(rows) == 1, path
    return rows[0][match[3]]


def raw_minutes(fleet: Stored, span: Span) -> list[Minute]:
    """Return the period's minutes one by one."""
    reader = fleet.reader
    return list(
        read_minutes(
            reader.store, reader.inventory.fleet.name, span.begin_unix, span.end_unix, cache=reader.cache
        )
    )


def check(report: MonthReport, fleet: Stored, span: Span) -> None:
    """Hold a report to its minutes, and its costs to each other."""
    document = json.loads(json.dumps(report.as_json()))
    nodes = [node.name for node in fleet.reader.inventory.nodes]
    minutes = raw_minutes(fleet, span)
    wanted = recomputed(minutes, nodes, span.begin_unix, span.end_unix, span.timezone)
    for path, value in wanted.items():
        near = None if value is None else pytest.approx(value, rel=1e-6, abs=1e-4)
        assert look_up(document, path) == near, path
    costs = report.costs
    if costs.total_usd is not None:
        parts = (costs.workload_usd or 0) + (costs.idle_usd or 0) + (costs.overhead_usd or 0)
        assert round(parts, 6) == round(costs.total_usd, 6)
        assert round(sum(one.usd or 0 for one in costs.models), 6) == round(costs.total_usd, 6)
        assert round(sum(one.total_usd or 0 for one in costs.nodes), 6) == round(costs.total_usd, 6)


@settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(
    seed=st.integers(0, 10_000),
    kinds=st.lists(st.sampled_from(KINDS), max_size=2, unique=True),
    raw_days=st.integers(0, 1),
)
def test_equals_a_recomputation_from_raw_minutes(seed: int, kinds: list[InjectedKind], raw_days: int) -> None:
    """Two days across a month's begin: the preview of the second month holds its own minutes only."""
    spec = replace(random_fleet(seed, days=2, kinds=kinds), begin=date(2026, 9, 30))
    with tempfile.TemporaryDirectory() as folder:
        fleet = stored(spec, Path(folder), raw_days=raw_days, priced=bool(seed % 2))
        span = month("2026-10", spec.timezone, spec.end_unix, preview=True)
        check(fleet.report(span), fleet, span)


@pytest.fixture(scope="module")
def february() -> FleetSpec:
    """Return a fleet whose clocks go back in a month of 28 days."""
    spec = random_fleet(3, days=2)
    return replace(spec, begin=date(2018, 2, 17), timezone="America/Campo_Grande")


def test_february_with_a_clock_change(february: FleetSpec, tmp_path: Path) -> None:
    """28 days, an hour more, and most of the minutes missing: said, and nothing is scaled up."""
    fleet = stored(february, tmp_path)
    span = month("2018-02", february.timezone, 2**31)
    report = fleet.report(span)
    check(report, fleet, span)
    assert (report.period.hours, len(report.volume.days)) == (673, 28)
    assert report.completeness.complete_pct is not None
    assert report.completeness.complete_pct < 50
    assert any("%" in note for note in report.completeness.notes)
    days = [day.day for day in report.completeness.days if day.complete_pct]
    assert days == ["2018-02-17", "2018-02-18"]


def test_equal_data_make_equal_reports(february: FleetSpec, tmp_path: Path) -> None:
    """Whenever they are made, and whether the days are compacted or raw."""
    span = month("2018-02", february.timezone, 2**31)
    compacted, raw = stored(february, tmp_path / "a"), stored(february, tmp_path / "b", raw_days=2)
    first = compacted.report(span).as_json()
    assert first == compacted.report(span, now_unix=span.end_unix + 40 * 86_400).as_json()
    assert first == raw.report(span).as_json()
