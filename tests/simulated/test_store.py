"""A simulated fleet's store holds what its truth says, compacted or raw, and the same for the same spec."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from garnet_cli.judge.incidents import incidents_of
from garnet_cli.store.cache import ParquetCache
from garnet_cli.store.minutes import read_events, read_minutes
from garnet_cli.store.totals import Span, Totals
from garnet_cli.store.totals_merge import merge_rows
from garnet_cli.store.totals_query import read_totals
from garnet_cli.store.weeks import named_week
from node_scripts.records import Event
from node_scripts.store.directory import DirectoryStore
from tests.simulated.fleets import MONDAY, quiet_fleet, random_fleet
from tests.simulated.spec import FleetSpec, Injected
from tests.simulated.store import simulate
from tests.simulated.truth import Truth

INJECTED = (
    Injected(kind="missing_minutes", begin_day=1, end_day=1.5, node="mini-2", strength=0.5),
    Injected(kind="missing_minutes", begin_day=2, end_day=2.2, node="mini-1"),
    Injected(kind="errors", begin_day=1, end_day=2, model="qwen3-32b"),
    Injected(kind="restarts", begin_day=0, end_day=3, node="mini-4"),
    Injected(kind="incident", begin_day=1.25, end_day=1.5, node="mini-3"),
    Injected(kind="model_evicted", begin_day=0.5, end_day=1, node="mini-1", model="llama-3.3-70b"),
)


def week_totals(spec: FleetSpec, folder: Path, name: str) -> Totals:
    """Return a week of a simulated store."""
    week = named_week(name, spec.timezone)
    span = Span(begin_unix=week.begin_unix, end_unix=week.end_unix, timezone=spec.timezone)
    return read_totals(DirectoryStore(folder), spec.fleet, span, cache=ParquetCache(folder / "cache"))


def assert_true(spec: FleetSpec, folder: Path, truth: Truth) -> None:
    """Compare each week of a store with what is true of it."""
    weeks = {label[0] for label in truth.nodes}
    for name in weeks:
        totals = week_totals(spec, folder, name)
        for row in totals.models:
            sums = truth.models[name, row.node, row.model]
            found = {one: getattr(row, one) or 0 for one in sums.__slots__}
            assert found == {one: getattr(sums, one) for one in sums.__slots__}
            assert row.latency_ms.count == row.answered
        assert len(totals.models) == sum(label[0] == name for label in truth.models)
        for node in totals.nodes:
            expected = truth.nodes[name, node.node]
            assert node.minutes_present == expected.minutes_present
            assert node.packed_s == pytest.approx(expected.packed_s, abs=1e-3)
            assert node.packed_throttled_s == pytest.approx(expected.packed_throttled_s, abs=1e-3)
            if node.power:
                assert node.joules == pytest.approx(expected.joules, abs=1e-3)


@pytest.mark.parametrize("raw_days", [0, 1])
def test_a_store_holds_what_is_true_of_it(tmp_path: Path, raw_days: int) -> None:
    """Over the end of a week that is one of local time, with all that can happen."""
    spec = quiet_fleet(begin=date(2026, 10, 3), days=3, injected=INJECTED)
    truth = simulate(replace(spec, begin=date(2026, 10, 3)), tmp_path, raw_days=raw_days)
    assert {label[0] for label in truth.nodes} == {"2026-W40", "2026-W41"}
    assert_true(spec, tmp_path, truth)


@pytest.mark.parametrize("seed", range(6))
def test_any_fleet_is_as_its_truth_says(tmp_path: Path, seed: int) -> None:
    """Also with one node, without traffic, where no loader is."""
    spec = random_fleet(
        seed, days=1, kinds=("missing_minutes", "model_evicted", "traffic_moved", "poisoned_cache")
    )
    assert_true(spec, tmp_path, simulate(spec, tmp_path))


def test_raw_and_compacted_days_are_the_same_minutes(tmp_path: Path) -> None:
    """Record by record, and so are the events."""
    spec = quiet_fleet(days=1, nodes=2, injected=INJECTED[2:5])
    found = []
    for name, raw_days in (("raw", 9), ("compacted", 0)):
        folder = tmp_path / name
        simulate(spec, folder, raw_days=raw_days)
        store, cache = DirectoryStore(folder), ParquetCache(tmp_path / "cache" / name)
        begin, end = spec.begin_unix, spec.end_unix
        events = sorted(read_events(store, spec.fleet, begin, end, cache=cache), key=lambda one: one.id)
        found.append((list(read_minutes(store, spec.fleet, begin, end, cache=cache)), events))
    assert found[0] == found[1]
    assert len(found[0][0]) == 2 * 1440


def test_the_same_spec_writes_the_same_bytes(tmp_path: Path) -> None:
    """And another seed does not."""

    def written(name: str, spec: FleetSpec) -> dict[str, bytes]:
        simulate(spec, tmp_path / name)
        root = tmp_path / name
        return {
            str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*.*") if path.is_file()
        }

    spec = quiet_fleet(days=1, nodes=2)
    assert written("one", spec) == written("two", spec)
    assert written("one", spec) != written("three", replace(spec, seed=2))


def events_of(spec: FleetSpec, folder: Path) -> list[Event]:
    """Return a store's events."""
    store, cache = DirectoryStore(folder), ParquetCache(folder / "cache")
    return list(read_events(store, spec.fleet, spec.begin_unix, spec.end_unix, cache=cache))


def test_what_happened_is_told_by_events(tmp_path: Path) -> None:
    """As the project's own readers know them."""
    spec = quiet_fleet(begin=MONDAY, days=2, injected=INJECTED[2:])
    truth = simulate(spec, tmp_path)
    events = events_of(spec, tmp_path)
    (incident,) = incidents_of(events)
    assert (incident.node, incident.begin_unix) == ("mini-3", spec.unix_of(1.25))
    assert incident.end_unix == spec.unix_of(1.5)
    restarts = sum(event.kind == "restart" for event in events)
    assert restarts == sum(sums.loader_restarts for sums in truth.models.values()) > 0
    evicted = [event for event in events if event.kind == "eviction"]
    assert sum(event.detail.get("evictions", 1) for event in evicted) == sum(
        sums.loader_evictions for sums in truth.models.values()
    )
    (gone, back) = [event for event in events if event.kind == "up"]
    assert gone.detail == {"changes": [{"kind": "stop loader", "of": "llama-3.3-70b"}]}
    assert (gone.node, back.time_unix - gone.time_unix) == ("mini-1", 43_200)
    assert len(events) == truth.events


def test_clients_and_loaders_count_the_same_work_over_the_fleet(tmp_path: Path) -> None:
    """Each view adds up to all of it, wherever a request was served."""
    spec = quiet_fleet(days=1)
    simulate(spec, tmp_path)
    for row in merge_rows(week_totals(spec, tmp_path, "2026-W41").models, {"node", "begin_unix"}):
        assert row.served_by_peers > 0
        assert row.prompt_tokens == row.loader_prompt_tokens
        assert row.completion_tokens == row.loader_completion_tokens
