"""`garnet telemetry` and `garnet store`, whole commands on a directory store."""

from __future__ import annotations

import csv
import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from garnet_cli.cli.main import run
from garnet_cli.cli.output import Output
from node_scripts.store.directory import DirectoryStore
from tests.garnet_cli.store.shipped import event, minute, ship_events, ship_minute

INVENTORY = """\
[fleet]
name = "office"
{store}

[[nodes]]
name = "mini-1"
transport = "local"
root = "node"
"""
Garnet = Callable[..., tuple[int, str, str]]


@pytest.fixture
def garnet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Garnet:
    """Return a way to run a command line on a fleet with three minutes and an event."""
    monkeypatch.setenv("GARNET_CACHE", str(tmp_path / "cache"))
    store = tmp_path / "store"
    store.mkdir()
    now = int(time.time()) // 60 * 60
    for number in range(3):
        ship_minute(DirectoryStore(store), minute(begin=now - 60 * number, seed=8))
    ship_events(DirectoryStore(store), [event(now)])
    inventory = tmp_path / "inventory.toml"
    inventory.write_text(INVENTORY.format(store=f'store = "{store}"'))

    def ran(*arguments: str) -> tuple[int, str, str]:
        out, errors = io.StringIO(), io.StringIO()
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", errors)
        code = run(["-i", str(inventory), *arguments], Output(stdout=out, stderr=errors, environment={}))
        return code, out.getvalue(), errors.getvalue()

    return ran


def test_compact_says_what_it_did_and_does_it_once(garnet: Garnet) -> None:
    """The second run has nothing to do."""
    code, out, _ = garnet("telemetry", "compact", "--json")
    assert code == 0
    assert sum(day["new_inputs"] for day in json.loads(out)["days"]) == 4
    assert garnet("telemetry", "compact")[1] == "nothing new\n"


def test_query_answers_before_and_after_compaction_alike(garnet: Garnet) -> None:
    """As a table and as JSON."""
    sql = "SELECT node, count(*) AS minutes, sum(covered_s) AS covered_s FROM minutes GROUP BY node"
    assert garnet("telemetry", "query", sql, "--json")[:2] == garnet("telemetry", "query", sql, "--json")[:2]
    before = garnet("telemetry", "query", sql)
    garnet("telemetry", "compact")
    assert garnet("telemetry", "query", sql)[:2] == before[:2]
    assert before[1].splitlines() == ["node    minutes  covered_s", "mini-1  3        180"]
    assert json.loads(garnet("telemetry", "query", sql, "--json")[1]) == [
        {"node": "mini-1", "minutes": 3, "covered_s": 180.0}
    ]


def test_query_of_wrong_sql_is_one_line_and_exit_code_two(garnet: Garnet) -> None:
    """DuckDB's message, in one line."""
    code, out, errors = garnet("telemetry", "query", "SELECT nothing FROM minutes")
    assert (code, out, errors.count("\n")) == (2, "", 1)
    assert errors.startswith("SQL: Binder Error")
    code, _, errors = garnet("telemetry", "query", "SELECT 1", "--since", "yesterday")
    assert (code, errors) == (2, '"yesterday" is no time; write 24h, 7d, 2026-11-01 or 2026-11-01T08:00\n')


def test_export_writes_whole_files(garnet: Garnet, tmp_path: Path) -> None:
    """CSV to a file and to stdout, Parquet; another ending is refused."""
    parquet, plain = tmp_path / "models.parquet", tmp_path / "minutes.csv"
    assert garnet("telemetry", "export", str(parquet), "--table", "models")[0] == 0
    assert "latency_ms" in pq.ParquetFile(parquet).schema_arrow.names
    assert garnet("telemetry", "export", str(plain))[1] == f"3 rows in {plain}\n"
    rows = list(csv.DictReader(io.StringIO(plain.read_text())))
    assert [row["node"] for row in rows] == ["mini-1"] * 3
    assert json.loads(rows[0]["monitor_sensor_errors"]) in ({}, {"fan": 2})
    assert garnet("telemetry", "export", "-", "--sql", "SELECT 1 AS a")[1] == "a\n1\n"
    assert garnet("telemetry", "export", str(tmp_path / "x.json"))[0] == 2
    assert garnet("telemetry", "export", str(tmp_path / "no" / "x.csv"))[0] == 2
    assert garnet("telemetry", "export", str(plain), "--table", "passwd")[0] == 2
    assert sorted(path.name for path in tmp_path.glob(".*")) == []


def test_tail_shows_the_newest(garnet: Garnet) -> None:
    """A line a record, or JSON lines."""
    _, out, _ = garnet("telemetry", "tail")
    assert len(out.splitlines()) == 4
    documents = [json.loads(line) for line in garnet("telemetry", "tail", "--json")[1].splitlines()]
    assert sum("minute_unix" in one for one in documents) == 3


def test_store_check_and_sync_work_on_folders(garnet: Garnet, tmp_path: Path) -> None:
    """A dry run shows and copies nothing."""
    code, out, _ = garnet("store", "check")
    assert code == 0
    assert [line.split()[-1] for line in out.splitlines()[2:]] == ["-"] * 5
    copy = tmp_path / "copy"
    copy.mkdir()
    source = str(tmp_path / "store")
    assert len(garnet("store", "sync", source, str(copy), "--dry-run")[1].splitlines()) == 4
    assert list(copy.iterdir()) == []
    assert garnet("store", "sync", source, str(copy))[1] == "copied 4, the same already 0\n"
    assert json.loads(garnet("store", "sync", source, str(copy), "--json")[1])["same"] == 4
    code, _, errors = garnet("store", "sync", source, str(tmp_path / "away"))
    assert code == 4
    assert "no such folder; make it" in errors.splitlines()[-1]


def test_an_inventory_without_a_store_says_what_to_write(garnet: Garnet, tmp_path: Path) -> None:
    """One line, exit code 2."""
    (tmp_path / "inventory.toml").write_text(INVENTORY.format(store=""))
    code, _, errors = garnet("telemetry", "query", "SELECT 1")
    assert code == 2
    assert 'names no store; write `store = "s3://bucket/prefix"`' in errors
