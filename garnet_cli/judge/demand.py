"""What each model is expected to be asked for and to keep busy, from the weeks before.

Busy shares are those of the fleet's loaders of a model together: 1.0 is one node busy all the time, 2.5
two and a half nodes. The busiest hours are what placement has to hold for: the 95th percentile of a week's
buckets, so eight hours of a week are busier where buckets are hours.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from garnet_cli.judge.trend import HALF, Trend, trend_of
from garnet_cli.store.totals import Totals

BUSIEST = 0.95
"""The percentile of a week's buckets that stands for its busiest hours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelWeek:
    """One model in one week, over all nodes. ``None`` is unknown, never 0."""

    begin_unix: int
    complete_share: float
    """Share (0..1) of the nodes' minutes that the store has."""
    requests_per_s: float
    """Mean of the clients' requests, over the time that is known."""
    busiest_requests_per_s: float
    """In the busiest hours."""
    busy_share: float | None
    """Mean over the week."""
    busiest_busy_share: float | None
    """In the busiest hours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Demand:
    """What is expected of a model, from its weeks. A trend is ``None`` where no week tells of it."""

    model: str
    weeks: tuple[ModelWeek, ...]
    """Oldest first; those of which less than half is known are not in the trends."""
    requests_per_s: Trend | None
    busiest_requests_per_s: Trend | None
    busy_share: Trend | None
    busiest_busy_share: Trend | None

    def as_json(self) -> dict[str, Any]:
        """Return the trends for JSON."""
        trends = {
            "requests_per_s": self.requests_per_s,
            "busiest_requests_per_s": self.busiest_requests_per_s,
            "busy_share": self.busy_share,
            "busiest_busy_share": self.busiest_busy_share,
        }
        return {"model": self.model} | {name: one.as_json() if one else None for name, one in trends.items()}


def expected_demand(history: Sequence[Totals], models: Sequence[str]) -> dict[str, Demand]:
    """Return what is expected of each of ``models``, from weeks of totals, oldest first.

    Every week's totals have the same buckets, hours rather than days: a day's busiest hours are lost. A
    model that a week does not tell of had no requests in it; before its first week it did not exist.
    """
    weeks = [_weeks_of(totals) for totals in history]
    found = {}
    for model in models:
        rows = [week.get(model) for week in weeks]
        first = next((at for at, row in enumerate(rows) if row is not None), len(rows))
        known = [row or _silent(totals) for row, totals in zip(rows[first:], history[first:], strict=True)]
        found[model] = demand_of(model, known)
    return found


def demand_of(model: str, weeks: Sequence[ModelWeek]) -> Demand:
    """Return what is expected of one model, from its weeks, oldest first and one after the other."""
    counted = [week if week.complete_share >= HALF else None for week in weeks]
    return Demand(
        model=model,
        weeks=tuple(weeks),
        requests_per_s=_trend([week.requests_per_s if week else None for week in counted]),
        busiest_requests_per_s=_trend([week.busiest_requests_per_s if week else None for week in counted]),
        busy_share=_trend([week.busy_share if week else None for week in counted]),
        busiest_busy_share=_trend([week.busiest_busy_share if week else None for week in counted]),
    )


def _trend(values: Sequence[float | None]) -> Trend | None:
    return trend_of(values) if any(value is not None for value in values) else None


def _silent(totals: Totals) -> ModelWeek:
    return ModelWeek(
        begin_unix=totals.begin_unix,
        complete_share=totals.complete_share,
        requests_per_s=0.0,
        busiest_requests_per_s=0.0,
        busy_share=0.0,
        busiest_busy_share=0.0,
    )


def _weeks_of(totals: Totals) -> dict[str, ModelWeek]:
    """Return every model's week."""
    covered: dict[tuple[int, str], float] = {
        (row.begin_unix, row.node): row.covered_s for row in totals.nodes
    }
    whole: dict[str, float] = defaultdict(float)
    for (_, node), seconds in covered.items():
        whole[node] += seconds
    requests: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    rates: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    shares: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for row in totals.models:
        if not row.model:
            continue
        requests[row.model][row.node] += row.requests
        seconds = covered.get((row.begin_unix, row.node), 0.0)
        rates[row.model][row.begin_unix] += row.requests / seconds if seconds else 0.0
        if row.loader_busy_s is not None and row.loader_observed_s:
            shares[row.model][row.begin_unix] += row.loader_busy_s / row.loader_observed_s
    buckets = {begin for (begin, _), seconds in covered.items() if seconds}
    return {
        model: ModelWeek(
            begin_unix=totals.begin_unix,
            complete_share=totals.complete_share,
            requests_per_s=sum(count / whole[node] for node, count in requests[model].items() if whole[node]),
            busiest_requests_per_s=_busiest(rates[model], buckets),
            busy_share=sum(shares[model].values()) / max(1, len(buckets)) if shares[model] else None,
            busiest_busy_share=_busiest(shares[model], buckets) if shares[model] else None,
        )
        for model in sorted(rates)
    }


def _busiest(by_bucket: dict[int, float], buckets: set[int]) -> float:
    """Return the nearest-rank percentile over all known buckets; one without a row counts 0."""
    ordered = sorted(by_bucket.get(begin, 0.0) for begin in buckets | by_bucket.keys())
    return ordered[max(0, math.ceil(BUSIEST * len(ordered)) - 1)]
