"""Percentiles and sums over any split into nodes, parts, generations and raw objects, against the values."""

from __future__ import annotations

import math
import random
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from garnet_cli.store.cache import ParquetCache
from garnet_cli.store.compaction import compact_day
from garnet_cli.store.query import telemetry
from node_scripts.records import Minute, ModelMinute
from tests.garnet_cli.store.memory_store import MemoryStore
from tests.garnet_cli.store.shipped import DAY, FLEET, ship_minute

TODAY = datetime.fromtimestamp(DAY, UTC).date()
SQL = "SELECT sum(requests), sum(completion_tokens) FROM models"


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(0.01, 1e6), min_size=1, max_size=200),
    st.integers(1, 12),
    st.integers(0, 3),
    st.sampled_from([0.01, 0.5, 0.95, 0.99, 1.0]),
    st.randoms(use_true_random=False),
)
def test_any_split_of_values_has_the_exact_percentile_within_its_error(
    values: list[float], minutes: int, generations: int, share: float, dice: random.Random
) -> None:
    """Within 1.5 % of nearest rank; sums exactly."""
    shipped: dict[tuple[str, int, int], Minute] = {}
    for value in values:
        place = (dice.choice(["a", "b"]), dice.randrange(minutes), dice.choice([0, 0, 1]))
        record = shipped.setdefault(
            place,
            Minute(
                fleet=FLEET,
                node=place[0],
                minute_unix=DAY + 60 * place[1],
                part=place[2],
                sealed_unix=0.0,
                covered_s=60.0,
                models={"llama": ModelMinute()},
            ),
        )
        client = record.models["llama"].client
        client.requests += 1
        client.completion_tokens += 7
        client.latency_ms.add(value)
    store = MemoryStore()
    for number, record in enumerate(dice.sample(list(shipped.values()), len(shipped))):
        ship_minute(store, record)
        if number < generations:
            compact_day(store, FLEET, TODAY)
    exact = sorted(values)[max(1, math.ceil(share * len(values))) - 1]
    with (
        tempfile.TemporaryDirectory() as folder,
        telemetry(store, FLEET, DAY, DAY + 86_400, cache=ParquetCache(Path(folder))) as opened,
    ):
        assert next(opened.ask(SQL).rows) == (len(values), 7 * len(values))
        answer = opened.ask("SELECT requests, value FROM quantiles(latency_ms, ?::DOUBLE)", [share])
        requests, value = next(answer.rows)
    assert requests == len(values)
    assert math.isclose(value, exact, rel_tol=0.015)
