"""Uptime in SQL equals the pure one's, whatever minutes tell."""

from __future__ import annotations

import tempfile
from dataclasses import astuple
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from garnet_cli.judge.uptime import FleetUptime, uptime
from garnet_cli.store.query import Telemetry, connect
from garnet_cli.store.tables import SCHEMAS, minute_tables
from garnet_cli.store.uptime import uptime_between
from node_scripts.records import Minute, MonitorMinute, PeerMinute

NODES = ["a", "b", "c"]
MINUTES = 6
SECONDS = st.sampled_from([0.0, 3.0, 15.0, 57.0, 60.0])


@st.composite
def minutes(draw: st.DrawFn) -> list[Minute]:
    """Return some of six minutes of three nodes and a stranger, some in two parts."""
    found = []
    for node in [*NODES, "stranger"]:
        for number in range(MINUTES):
            for part in range(draw(st.integers(0, 2))):
                up = draw(SECONDS)
                looked = draw(st.lists(st.sampled_from(NODES), max_size=3, unique=True))
                peers = {
                    peer: PeerMinute(
                        observed_s=(seen := draw(SECONDS)), unreachable_s=min(seen, draw(SECONDS))
                    )
                    for peer in looked
                }
                found.append(
                    Minute(
                        fleet="rack",
                        node=node,
                        minute_unix=60 * number,
                        part=part,
                        sealed_unix=0,
                        covered_s=60,
                        monitor=MonitorMinute(proxy_up_s=up, proxy_down_s=draw(SECONDS)),
                        peers=peers,
                    )
                )
    return found


def told(records: list[Minute], edges: list[int]) -> list[FleetUptime]:
    """Return the uptime by SQL."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {}
        tables = {"events": SCHEMAS["events"].empty_table(), **minute_tables(records)}
        for table, rows in tables.items():
            files[table] = [folder / f"{table}.parquet"]
            pq.write_table(rows, files[table][0])
        connection = connect(files, edges[0], edges[-1], folder, "800MB")
        try:
            return uptime_between(Telemetry(connection), NODES, edges)
        finally:
            connection.close()


@settings(max_examples=60, deadline=None)
@given(records=minutes(), split=st.integers(1, MINUTES - 1))
def test_equals_the_pure_one(records: list[Minute], split: int) -> None:
    """For each span, each node, the fleet and what clients see."""
    edges = [0, 60 * split, 60 * MINUTES]
    for found, (begin, end) in zip(told(records, edges), [(0, edges[1]), (edges[1], edges[2])], strict=True):
        wanted = uptime(records, NODES, begin, end)
        for node in NODES:
            assert astuple(found.nodes[node]) == pytest.approx(astuple(wanted.nodes[node]))
        assert astuple(found.fleet) == pytest.approx(astuple(wanted.fleet))
        assert astuple(found.serving) == pytest.approx(astuple(wanted.serving))


def test_nothing_is_unknown_throughout() -> None:
    """Not up."""
    found = told([], [0, 120])[0]
    assert (found.serving.unknown_s, found.fleet.unknown_s) == (120, 360)


def test_edges_must_rise() -> None:
    """And be full minutes."""
    for edges in ([0, 0], [0, 90], [60, 0]):
        with pytest.raises(ValueError, match="edges"):
            told([], edges)
