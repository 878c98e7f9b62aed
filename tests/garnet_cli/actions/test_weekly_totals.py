"""A week read from a simulated store of known truth, over a clock change, whole and running."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest

from garnet_cli.actions.weekly_totals import HISTORY_WEEKS, WeekReader, WeekTotals, read_week
from garnet_cli.errors import GarnetError
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.inventory_file import load_inventory
from garnet_cli.judge.demand import expected_demand
from garnet_cli.store.cache import ParquetCache
from garnet_cli.store.weeks import named_week
from node_scripts.store.directory import DirectoryStore
from tests.simulated.spec import FleetSpec, Injected, ModelSpec, NodeSpec
from tests.simulated.store import simulate
from tests.simulated.truth import Truth

BERLIN = "Europe/Berlin"
NODES = ("mini-1", "mini-2")
SPEC = FleetSpec(
    begin=date(2026, 10, 12),
    days=20,
    timezone=BERLIN,
    nodes=tuple(NodeSpec(name=name) for name in NODES),
    models=(ModelSpec(name="llama", nodes=NODES), ModelSpec(name="qwen", nodes=("mini-2",))),
    injected=(Injected(kind="missing_minutes", node="mini-2", begin_day=8.0, end_day=8.5, strength=1.0),),
)
"""From a Monday on; clocks go back in the second week."""


@dataclass
class Stored:
    """A simulated fleet in a store, and what is true of it."""

    store: DirectoryStore
    inventory: Inventory
    cache: ParquetCache
    truth: Truth

    def read(self, week: str, until_unix: float | None = None) -> WeekTotals:
        """Read one week, whole unless told until when."""
        chosen = named_week(week, BERLIN)
        end = chosen.end_unix if until_unix is None else until_unix
        reader = WeekReader(
            store=self.store, inventory=self.inventory, report=lambda _: None, cache=self.cache
        )
        return read_week(reader, chosen, end)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """Simulate once for all tests."""
    folder = tmp_path_factory.mktemp("weekly")
    (folder / "store").mkdir()
    truth = simulate(SPEC, folder / "store", raw_days=1)
    path = folder / "inventory.toml"
    lines = ["[fleet]", 'name = "simulated"', f'store = "{folder / "store"}"', f'timezone = "{BERLIN}"']
    for name in NODES:
        lines += ["[[nodes]]", f'name = "{name}"', f'host = "{name}.example"', 'root = "/opt/garnet"']
    path.write_text("\n".join(lines) + "\n")
    return Stored(
        DirectoryStore(folder / "store"), load_inventory(path), ParquetCache(folder / "cache"), truth
    )


def test_a_week_of_169_hours_holds_what_was_written_in_it(stored: Stored) -> None:
    """Requests and tokens by node and model equal the truth of that ISO week, to the last one."""
    found = stored.read("2026-W43")
    assert found.this.end_unix - found.this.begin_unix == 169 * 3600
    for (week, node, model), sums in stored.truth.models.items():
        if week != "2026-W43":
            continue
        rows = [row for row in found.this.models if (row.node, row.model) == (node, model)]
        for name in ("requests", "prompt_tokens", "cached_tokens", "completion_tokens", "loader_requests"):
            assert sum(getattr(row, name) for row in rows) == getattr(sums, name), (node, model, name)
    for node in NODES:
        nodes = [row for row in found.this.nodes if row.node == node]
        assert sum(row.minutes_expected for row in nodes) == 169 * 60
        assert (
            sum(row.minutes_present for row in nodes) == stored.truth.nodes["2026-W43", node].minutes_present
        )
    assert found.this.complete_share < 1
    requests = sum(row.requests for row in found.this.models)
    assert sum(row.requests for row in found.this_sums.models) == requests
    answered = sum(row.answered for row in found.this_sums.models)
    assert sum(row.latency_ms.count for row in found.this_sums.models) == answered


def test_the_week_before_is_compared_and_history_ends_where_the_fleet_began(stored: Stored) -> None:
    """W42 is the first: before it the store has nothing, and nothing is made up."""
    found = stored.read("2026-W43")
    assert found.last is not None
    assert found.last.end_unix == found.this.begin_unix
    assert found.history == (found.last, found.this)
    first = stored.read("2026-W42")
    assert (first.last, first.history) == (None, (first.this,))
    third = stored.read("2026-W44")
    assert [one.begin_unix for one in third.history] == [
        named_week(name, BERLIN).begin_unix for name in ("2026-W42", "2026-W43", "2026-W44")
    ]
    assert len(third.history) <= HISTORY_WEEKS


def test_a_running_week_stands_beside_the_same_stretch_of_the_one_before(stored: Stored) -> None:
    """Half a week is not compared with a whole one; the trend still has whole weeks."""
    week = named_week("2026-W43", BERLIN)
    until = week.begin_unix + 30 * 3600
    found = stored.read("2026-W43", until)
    assert found.this.end_unix == until
    assert found.last is not None
    assert found.last.end_unix - found.last.begin_unix == 30 * 3600
    assert found.last.begin_unix == named_week("2026-W42", BERLIN).begin_unix
    assert found.history[0].end_unix == week.begin_unix
    assert found.last_sums is not None
    assert (found.last_sums.begin_unix, found.last_sums.end_unix) == (
        found.last.begin_unix,
        found.last.end_unix,
    )


@pytest.mark.parametrize("week", ["2026-W30", "2026-W50"])
def test_a_week_without_data_is_an_error(stored: Stored, week: str) -> None:
    """It says which week, and what to look at."""
    with pytest.raises(GarnetError, match=f"no minute of week {week}; .*alerts watch"):
        stored.read(week)


def test_what_a_trend_rests_on_survives_in_older_weeks(stored: Stored) -> None:
    """The demand that is expected is the same with all figures of them and with the few that are kept."""
    whole = stored.read("2026-W44").history
    models = ["llama", "qwen"]
    expected = expected_demand([stored.read("2026-W42").this, *whole[1:]], models)
    assert whole[0].keys == ()
    assert expected_demand(whole, models) == expected
