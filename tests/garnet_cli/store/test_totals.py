"""Totals of a store equal those of its minutes added one by one, whatever is compacted, raw, or in parts."""

from __future__ import annotations

import dataclasses
import random
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from garnet_cli.store.cache import ParquetCache
from garnet_cli.store.compaction import compact_day
from garnet_cli.store.minutes import read_events, read_minutes
from garnet_cli.store.totals import BucketSize, Span, Totals
from garnet_cli.store.totals_merge import merge_rows
from garnet_cli.store.totals_query import read_totals
from garnet_cli.store.totals_sums import totals_of
from node_scripts.histogram import Histogram
from tests.garnet_cli.store.any_minute import any_eviction, any_minute
from tests.garnet_cli.store.memory_store import MemoryStore
from tests.garnet_cli.store.shipped import DAY, FLEET, ship_events, ship_minute

DAY_S = 86_400
NODES = ("mini-1", "mini-2")


def plain(value: Any, *, about: bool = False) -> Any:
    """Return a value as lists and dicts; ``about``: its floats equal those summed in another order."""
    if isinstance(value, float) and about:
        return pytest.approx(value, rel=1e-9, abs=1e-4)
    if isinstance(value, dict):
        return {name: plain(one, about=about) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one, about=about) for one in value]
    if dataclasses.is_dataclass(value):
        return [plain(getattr(value, one.name), about=about) for one in dataclasses.fields(value)]
    return value


def filled(seed: int, minutes: int, compacted: int) -> MemoryStore:
    """Return a store of three days of which ``compacted`` minutes are in Parquet."""
    dice = random.Random(seed)
    store = MemoryStore()
    for number in range(minutes):
        begin = DAY + 60 * dice.randrange(3 * 1440)
        ship_minute(store, any_minute(dice, dice.choice(NODES), begin, dice.choice([0, 0, 1])))
        if number % 3 == 0:
            ship_events(store, [any_eviction(dice, dice.choice(NODES), begin + dice.uniform(0, 60))])
        if number == compacted:
            for day in range(3):
                compact_day(store, FLEET, datetime.fromtimestamp(DAY + day * DAY_S, UTC).date())
    return store


def both(store: MemoryStore, span: Span, nodes: tuple[str, ...] = ()) -> tuple[Totals, Totals]:
    """Return a window's totals, read and added one by one."""
    with tempfile.TemporaryDirectory() as folder:
        cache = ParquetCache(Path(folder))
        read = read_totals(store, FLEET, span, nodes=nodes, cache=cache)
        minutes = read_minutes(store, FLEET, span.begin_unix, span.end_unix, cache=cache)
        events = read_events(store, FLEET, span.begin_unix, span.end_unix, cache=cache)
        return read, totals_of(minutes, events, fleet=FLEET, span=span, nodes=nodes)


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(0, 40),
    st.integers(0, 40),
    st.sampled_from(["hour", "day", "window"]),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York"]),
    st.integers(0, DAY_S),
)
def test_totals_equal_the_minutes_added_one_by_one(
    seed: int, minutes: int, compacted: int, bucket: BucketSize, timezone: str, late_s: int
) -> None:
    """Every figure of every row; integers exactly."""
    span = Span(begin_unix=DAY + late_s, end_unix=DAY + 3 * DAY_S - late_s, bucket=bucket, timezone=timezone)
    read, added = both(filled(seed, minutes, compacted), span, ("mini-2", "mini-7"))
    assert plain(read) == plain(added, about=True)


def test_equal_input_gives_equal_output_to_the_last_bit() -> None:
    """However DuckDB's threads meet the rows."""
    store = filled(5, 60, 40)
    span = Span(begin_unix=DAY, end_unix=DAY + 3 * DAY_S, bucket="day")
    assert both(store, span)[0] == both(store, span)[0]


def test_without_histograms_all_else_is_the_same(tmp_path: Path) -> None:
    """For what needs no percentiles."""
    store, span = filled(5, 60, 40), Span(begin_unix=DAY, end_unix=DAY + 3 * DAY_S, bucket="day")
    lean = read_totals(store, FLEET, span, histograms=False, cache=ParquetCache(tmp_path))
    full, _ = both(store, span)
    empty = dict.fromkeys(("latency_ms", "first_token_ms", "token_time_ms", "queue_ms"), Histogram())
    bare = tuple(dataclasses.replace(row, **empty) for row in full.models)  # type: ignore[arg-type]
    assert lean == dataclasses.replace(full, models=bare)


def test_without_keys_all_else_is_the_same(tmp_path: Path) -> None:
    """For what does not ask who used it."""
    store, span = filled(5, 60, 40), Span(begin_unix=DAY, end_unix=DAY + 3 * DAY_S, bucket="day")
    lean = read_totals(store, FLEET, span, keys=False, cache=ParquetCache(tmp_path))
    full, _ = both(store, span)
    assert full.keys
    assert lean == dataclasses.replace(full, keys=())


def test_a_node_that_shipped_nothing_has_rows_that_say_so() -> None:
    """Expected minutes are those of the bucket, present ones none."""
    span = Span(begin_unix=DAY, end_unix=DAY + 2 * DAY_S, bucket="day")
    read, _ = both(MemoryStore(), span, ("mini-1",))
    assert [(row.node, row.minutes_expected, row.minutes_present) for row in read.nodes] == [
        ("mini-1", 1440, 0),
        ("mini-1", 1440, 0),
    ]
    assert read.complete_share == 0.0


def test_parts_of_one_minute_are_one_minute_present() -> None:
    """They add up in all else."""
    store, dice = MemoryStore(), random.Random(1)
    parts = [any_minute(dice, "mini-1", DAY, part) for part in (0, 1, 2)]
    for part in parts:
        ship_minute(store, part)
    (row,) = both(store, Span(begin_unix=DAY, end_unix=DAY + 60))[0].nodes
    assert (row.minutes_expected, row.minutes_present) == (1, 1)
    assert row.samples == sum(part.monitor.samples for part in parts)


def test_totals_of_days_merge_to_those_of_the_window() -> None:
    """Rows merged over their buckets are those of one bucket."""
    store = filled(11, 50, 30)
    whole, _ = both(store, Span(begin_unix=DAY, end_unix=DAY + 3 * DAY_S))
    days, _ = both(store, Span(begin_unix=DAY, end_unix=DAY + 3 * DAY_S, bucket="day"))
    for kind in ("models", "nodes", "keys", "evictions"):
        rows: Any = getattr(days, kind)
        # A merged row begins where its first bucket does, which is not always the window's first.
        found = [dataclasses.replace(row, begin_unix=DAY) for row in merge_rows(rows, {"begin_unix"})]
        assert plain(found) == plain(getattr(whole, kind), about=True)


def test_merging_leaves_the_rows_as_they_are() -> None:
    """Histograms are not shared with what they were merged into."""
    days, _ = both(filled(3, 20, 5), Span(begin_unix=DAY, end_unix=DAY + 3 * DAY_S, bucket="day"))
    before = repr(days.models)
    (first, *_) = merge_rows(days.models, {"begin_unix", "node", "model"})
    first.latency_ms.merge(Histogram(buckets={3: 4}))
    assert repr(days.models) == before


def test_merging_over_a_label_that_rows_lack_is_refused() -> None:
    """Rather than ignored."""
    days, _ = both(filled(3, 20, 5), Span(begin_unix=DAY, end_unix=DAY + DAY_S))
    with pytest.raises(ValueError, match="has no label model"):
        merge_rows(days.nodes, {"model"})


def test_a_part_of_the_buckets_can_be_taken_but_none_cut() -> None:
    """A week out of two."""
    days, _ = both(filled(3, 20, 5), Span(begin_unix=DAY, end_unix=DAY + 3 * DAY_S, bucket="day"), NODES)
    part = days.between(DAY + DAY_S, DAY + 2 * DAY_S)
    assert {row.begin_unix for row in part.nodes} == {DAY + DAY_S}
    assert {row.begin_unix for row in part.models} <= {DAY + DAY_S}
    assert (part.begin_unix, part.end_unix) == (DAY + DAY_S, DAY + 2 * DAY_S)
    with pytest.raises(ValueError, match="cuts a bucket"):
        days.between(DAY + 60, DAY + DAY_S)
