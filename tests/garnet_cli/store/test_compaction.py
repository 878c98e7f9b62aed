"""Compaction: exactly once, whatever arrives when and wherever a run dies."""

from __future__ import annotations

import tempfile
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from garnet_cli.errors import GarnetError, HeldError
from garnet_cli.store import compaction
from garnet_cli.store.cache import ParquetCache
from garnet_cli.store.compaction import compact_day
from garnet_cli.store.manifest import manifest_key, read_day
from garnet_cli.store.minutes import read_events, read_minutes
from garnet_cli.store.readers import NewerRecordError
from garnet_cli.store.retention import Limits, tidy_day
from node_scripts.records import Event, Minute
from node_scripts.store.layout import minute_key
from node_scripts.store.objects import StoreUnreachableError
from tests.garnet_cli.store.memory_store import MemoryStore
from tests.garnet_cli.store.shipped import DAY, FLEET, event, minute, ship_events, ship_minute

TODAY = datetime.fromtimestamp(DAY, UTC).date()
DAY_S = 86_400


@pytest.fixture
def cache(tmp_path: Path) -> ParquetCache:
    """Return an empty cache."""
    return ParquetCache(tmp_path / "cache")


def minutes_in(store: MemoryStore, cache: ParquetCache, aside: dict[str, str] | None = None) -> list[Minute]:
    """Return all minutes of the day."""
    return list(read_minutes(store, FLEET, DAY, DAY + DAY_S, cache=cache, set_aside=aside))


def events_in(store: MemoryStore, cache: ParquetCache) -> list[Event]:
    """Return all events of the day."""
    return list(read_events(store, FLEET, DAY, DAY + DAY_S, cache=cache))


def in_order(minutes: list[Minute]) -> list[Minute]:
    """Return minutes as they are read."""
    return sorted(minutes, key=lambda one: (one.node, one.minute_unix, one.part))


def test_records_come_back_from_parquet_as_they_were(cache: ParquetCache) -> None:
    """Every field of every record, unknown ones still unknown."""
    store = MemoryStore()
    shipped = [
        minute(node, DAY + 60 * number, seed=1) for node in ("mini-1", "mini-2") for number in range(20)
    ]
    events = [event(DAY + 5), event(DAY + 6, serial=1)]
    for one in shipped:
        ship_minute(store, one)
    ship_events(store, events)
    result = compact_day(store, FLEET, TODAY)
    assert (result.generation, result.new_inputs, result.rows["minutes"], result.rows["events"]) == (
        1,
        41,
        40,
        2,
    )
    for key in [key for key in store.objects if "/compacted/" not in key]:
        del store.objects[key]
    assert minutes_in(store, cache) == in_order(shipped)
    assert events_in(store, cache) == events


def test_running_again_without_new_inputs_does_nothing(cache: ParquetCache) -> None:
    """Not one put, and no raw object is read again."""
    store = MemoryStore()
    ship_minute(store, minute())
    compact_day(store, FLEET, TODAY)
    changes, store.gets = store.changes, []
    assert not compact_day(store, FLEET, TODAY).changed
    assert store.changes == changes
    assert all("/compacted/" in key for key in store.gets)


def test_late_inputs_make_a_new_generation(cache: ParquetCache) -> None:
    """Only they are read; what was compacted stays as it is."""
    store = MemoryStore()
    first, late = minute(), minute(begin=DAY + 600)
    ship_minute(store, first)
    compact_day(store, FLEET, TODAY)
    key = ship_minute(store, late)
    store.gets = []
    assert compact_day(store, FLEET, TODAY).generation == 2
    assert [one for one in store.gets if "/minutes/" in one] == [key]
    assert minutes_in(store, cache) == [first, late]


def test_many_small_files_are_written_together(cache: ParquetCache) -> None:
    """An hourly run does not leave a day in hundreds of files."""
    store = MemoryStore()
    shipped = [minute(begin=DAY + 60 * number, seed=3) for number in range(30)]
    for one in shipped:
        ship_minute(store, one)
        compact_day(store, FLEET, TODAY)
    manifest = read_day(store, FLEET, TODAY).manifest
    assert manifest is not None
    assert manifest.number == 30
    assert len(manifest.of_table("minutes")) <= compaction.FILES_A_TABLE + 1
    assert minutes_in(store, cache) == shipped


def test_a_corrupt_object_is_set_aside_by_name_and_the_rest_goes_on(cache: ParquetCache) -> None:
    """It is counted, kept, and told to readers before and after."""
    store = MemoryStore()
    good = minute()
    ship_minute(store, good)
    bad = minute_key(FLEET, "mini-1", DAY + 60)
    store.put(bad, b"not gzip")
    before: dict[str, str] = {}
    assert minutes_in(store, cache, before) == [good]
    result = compact_day(store, FLEET, TODAY)
    after: dict[str, str] = {}
    assert minutes_in(store, cache, after) == [good]
    assert list(result.set_aside) == list(before) == list(after) == [bad]
    assert not compact_day(store, FLEET, TODAY).changed


def test_records_of_a_newer_garnet_stop_the_day_before_anything_is_written() -> None:
    """They must not be set aside for good."""
    store = MemoryStore()
    record = minute()
    record.schema = 99
    ship_minute(store, record)
    with pytest.raises(NewerRecordError, match=r"schema 99.*update garnet"):
        compact_day(store, FLEET, TODAY)
    assert not any("/compacted/" in key for key in store.objects)


def test_an_unreadable_manifest_gives_way_to_the_one_before(cache: ParquetCache) -> None:
    """The next generation takes the number after it, and nothing of the day is deleted."""
    store = MemoryStore()
    first = minute()
    ship_minute(store, first)
    compact_day(store, FLEET, TODAY)
    store.put(manifest_key(FLEET, TODAY, 2), b"{")
    assert minutes_in(store, cache) == [first]
    late = minute(begin=DAY + 60)
    ship_minute(store, late)
    assert compact_day(store, FLEET, TODAY).generation == 3
    assert minutes_in(store, cache) == [first, late]


def test_two_at_once_leave_one_generation_and_every_minute(cache: ParquetCache) -> None:
    """The second sees that its number is taken and looks again."""
    store = MemoryStore()
    first, late = minute(), minute(begin=DAY + 60)
    ship_minute(store, first)
    times = iter(range(10_000))

    def clock() -> float:
        if next(times) == 0:
            ship_minute(store, late)
            compact_day(store, FLEET, TODAY)
        return 0.0

    assert compact_day(store, FLEET, TODAY, clock).generation == 1
    assert minutes_in(store, cache) == [first, late]


def test_a_run_that_is_overtaken_each_time_says_so() -> None:
    """It never writes over another's manifest."""
    store = MemoryStore()
    ship_minute(store, minute())
    original = store.put

    def put(key: str, content: bytes, *, only_new: bool = True) -> bool:
        return False if "manifest" in key else original(key, content, only_new=only_new)

    store.put = put  # type: ignore[method-assign]
    with pytest.raises(HeldError, match="others compacted"):
        compact_day(store, FLEET, TODAY)


def test_a_run_that_took_too_long_writes_no_manifest() -> None:
    """Its files may be taken for a dead run's."""
    store = MemoryStore()
    ship_minute(store, minute())
    times = iter([0.0, compaction.LONGEST_RUN_S + 1])
    with pytest.raises(GarnetError, match="too long"):
        compact_day(store, FLEET, TODAY, lambda: next(times))


@pytest.mark.parametrize("after", [False, True])
def test_dying_at_any_change_loses_and_doubles_nothing(tmp_path: Path, *, after: bool) -> None:
    """Killed before or after each put and delete, read in between, run again: always the same minutes."""
    limits = Limits(raw_days=7, days=400)
    shipped = [
        minute(node, DAY + 60 * number, seed=2) for node in ("mini-1", "mini-2") for number in range(3)
    ]
    late = minute(begin=DAY + 6000, seed=2)
    points = 0
    while True:
        cache = ParquetCache(tmp_path / f"{after}{points}")
        store = MemoryStore()
        for one in shipped:
            ship_minute(store, one)
        compact_day(store, FLEET, TODAY)
        ship_minute(store, late)
        store.changes, store.fail_at, store.after = 0, points, after
        for now in (1.0, 2 * DAY_S, 20 * DAY_S, 40 * DAY_S):
            store.now = now
            try:
                compact_day(store, FLEET, TODAY)
                tidy_day(
                    store, FLEET, TODAY, date.fromordinal(TODAY.toordinal() + int(now // DAY_S)), now, limits
                )
                died = False
            except StoreUnreachableError:
                died = True
            assert minutes_in(store, cache) == in_order([*shipped, late]), (points, now)
            if died:
                store.fail_at = None
                compact_day(store, FLEET, TODAY)
                assert minutes_in(store, cache) == in_order([*shipped, late]), (points, now)
        if store.fail_at is not None:
            break
        assert not any("/minutes/" in key for key in store.objects), points
        manifest = read_day(store, FLEET, TODAY).manifest
        assert manifest is not None
        assert sum("/compacted/" in key for key in store.objects) == len(manifest.files) + 1, points
        points += 1
    assert points > 10


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 20), st.integers(0, 2), st.integers(0, 6)),
        max_size=25,
        unique_by=lambda one: one[:3],
    ),
    st.integers(1, 5),
)
def test_any_split_into_generations_and_parts_gives_the_raw_minutes(
    shape: list[tuple[str, int, int, int]], generations: int
) -> None:
    """Minutes of any nodes and parts, arriving in any order between runs, come back exactly."""
    store = MemoryStore()
    shipped = [minute(node, DAY + 60 * at, part, requests=size) for node, at, part, size in shape]
    with tempfile.TemporaryDirectory() as folder:
        cache = ParquetCache(Path(folder))
        for generation in range(generations):
            for one in shipped[generation::generations]:
                ship_minute(store, one)
            if generation % 2 == 0:
                compact_day(store, FLEET, TODAY)
        assert minutes_in(store, cache) == in_order(shipped)
