"""Queries: sums and percentiles in SQL equal those of the raw minutes, and SQL reaches nothing else."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from garnet_cli.errors import UsageError
from garnet_cli.store import compaction
from garnet_cli.store.cache import ParquetCache
from garnet_cli.store.compaction import compact_day
from garnet_cli.store.minutes import read_minutes
from garnet_cli.store.query import Telemetry, telemetry
from garnet_cli.store.tables import SCHEMAS, minute_tables
from node_scripts.records import Minute
from tests.garnet_cli.store.memory_store import MemoryStore
from tests.garnet_cli.store.shipped import DAY, FLEET, event, latency_of, minute, ship_events, ship_minute

DAY_S = 86_400


@pytest.fixture(scope="module")
def shipped() -> list[Minute]:
    """Return minutes of two days, two nodes, some in two parts."""
    return [
        minute(node, DAY + 3600 * number, part, seed=4, requests=30)
        for node in ("mini-1", "mini-2")
        for number in range(40)
        for part in range(1 + number % 2)
    ]


@pytest.fixture
def opened(shipped: list[Minute], tmp_path: Path) -> Iterator[Telemetry]:
    """Yield the telemetry of a store with one compacted day and one that is partly raw."""
    store = MemoryStore()
    dice = random.Random(5)
    for one in dice.sample(shipped, len(shipped)):
        if one.minute_unix < DAY + DAY_S or dice.random() < 0.5:
            ship_minute(store, one)
    for day in (DAY, DAY + DAY_S):
        compact_day(store, FLEET, datetime.fromtimestamp(day, UTC).date())
    for one in shipped:
        ship_minute(store, one)
    ship_events(store, [event(DAY + 5)])
    with telemetry(store, FLEET, DAY, DAY + 2 * DAY_S, cache=ParquetCache(tmp_path / "cache")) as found:
        yield found


def test_sums_equal_those_of_the_raw_minutes(opened: Telemetry, shipped: list[Minute]) -> None:
    """Compacted and raw rows together, each once."""
    sql = "SELECT sum(requests), sum(completion_tokens), sum(errors['overloaded']), count(*) FROM models"
    models = [model.client for one in shipped for model in one.models.values()]
    assert next(opened.ask(sql).rows) == (
        sum(one.requests for one in models),
        sum(one.completion_tokens for one in models),
        sum(one.errors.get("overloaded", 0) for one in models),
        len(models),
    )
    assert next(opened.ask("SELECT count(*), sum(thermal_nominal_s) FROM minutes").rows) == (
        len(shipped),
        sum(one.thermal.level_s[0] for one in shipped),
    )
    assert opened.raw_objects > 0


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95, 0.99, 1.0])
def test_quantiles_equal_those_of_the_merged_histograms(
    opened: Telemetry, shipped: list[Minute], share: float
) -> None:
    """For each model, and for values that are mostly 0."""
    sql = "SELECT grp, requests, value FROM quantiles(latency_ms, ?::DOUBLE, per := model)"
    answer = opened.ask(sql, [share])
    for model, requests, value in answer.rows:
        merged = latency_of(shipped, model)
        assert requests == merged.count
        assert math.isclose(value, merged.quantile(share) or 0.0, rel_tol=1e-12)
    assert next(opened.ask("SELECT value FROM quantiles(queue_ms, 0.1)").rows) == (0.0,)


def test_quantiles_of_several_dimensions_and_a_condition(opened: Telemetry, shipped: list[Minute]) -> None:
    """A struct groups by several things; ``keep`` leaves rows out."""
    options = "latency_ms, 0.95, per := {m: model, n: node}, keep := node = 'mini-2'"
    sql = f"SELECT unnest(grp), value FROM quantiles({options})"  # noqa: S608 -- one query, on two lines
    answer = opened.ask(sql)
    rows = list(answer.rows)
    assert answer.columns == ["m", "n", "value"]
    assert {(row[0], row[1]) for row in rows} == {("llama", "mini-2"), ("qwen", "mini-2")}
    for model, node, value in rows:
        merged = latency_of([one for one in shipped if one.node == node], model)
        assert math.isclose(value, merged.quantile(0.95) or 0.0, rel_tol=1e-12)


def test_a_window_cuts_rows_and_times_are_utc(opened: Telemetry) -> None:
    """``minute`` and ``time`` are timestamps."""
    assert next(opened.ask("SELECT min(minute), max(minute) FROM minutes").rows) == (
        datetime(2025, 11, 21, 0, 0),  # noqa: DTZ001 -- DuckDB's TIMESTAMP is UTC here
        datetime(2025, 11, 22, 15, 0),  # noqa: DTZ001 -- likewise
    )
    assert next(opened.ask("SELECT subject, detail FROM events").rows) == (
        "throttle",
        '{"models": ["llama"], "none": null, "value": 5.5}',
    )


def test_an_empty_window_has_all_columns(tmp_path: Path) -> None:
    """A fleet without telemetry answers with no rows rather than an error."""
    with telemetry(MemoryStore(), FLEET, DAY, DAY + 60, cache=ParquetCache(tmp_path)) as found:
        assert list(found.ask("SELECT node, requests, latency_ms, loader_name FROM models").rows) == []
        assert list(found.ask("SELECT * FROM quantiles(latency_ms, 0.5, per := model)").rows) == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_csv('https://example.com/x.csv')",
        "COPY minutes TO '/tmp/out.csv'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "ATTACH '/tmp/x.duckdb'",
        "SET enable_external_access = true",
        "CREATE TABLE x (a INTEGER)",
        "SELECT 1; SELECT 2",
        "SELECT nothing FROM minutes",
        "SELEC",
        "",
    ],
)
def test_sql_reads_the_views_and_nothing_else(opened: Telemetry, sql: str) -> None:
    """No file, no network, no extension, no setting; one line says why."""
    with pytest.raises(UsageError) as raised:
        list(opened.ask(sql).rows)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "sql", ["DESCRIBE models", "SUMMARIZE peers", "FROM keys", "WITH x AS (FROM keys) FROM x"]
)
def test_other_ways_of_reading_work(opened: Telemetry, sql: str) -> None:
    """What people type to look around."""
    assert list(opened.ask(sql).rows)


def test_files_that_lack_later_columns_are_read_with_them_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day compacted by an older garnet beside one of today's."""
    store = MemoryStore()
    ship_minute(store, minute())
    whole = SCHEMAS["minutes"]
    narrow = whole.remove(whole.get_field_index("release"))

    def tables(minutes: list[Minute]) -> dict[str, Any]:
        return {"minutes": minute_tables(minutes)["minutes"].drop(["release"])}

    with monkeypatch.context() as older:
        older.setattr("garnet_cli.store.parquet.SCHEMAS", {**SCHEMAS, "minutes": narrow})
        older.setattr("garnet_cli.store.compaction.minute_tables", tables)
        compact_day(store, FLEET, datetime.fromtimestamp(DAY, UTC).date())
    cache = ParquetCache(tmp_path)
    for number in range(1, compaction.FILES_A_TABLE + 2):
        ship_minute(store, minute(begin=DAY + 60 * number))
        with telemetry(store, FLEET, DAY, DAY + 3600, cache=cache) as found:
            rows = list(found.ask("SELECT release FROM minutes ORDER BY minute_unix").rows)
        assert rows == [(None,), *[("r1",)] * number]
        assert next(read_minutes(store, FLEET, DAY, DAY + 60, cache=cache)).release == ""
        compact_day(store, FLEET, datetime.fromtimestamp(DAY, UTC).date())
