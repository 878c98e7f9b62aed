"""Totals of a simulated fleet without a disk: fast enough for a thousand random weeks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from garnet_cli.store.totals import (
    BucketSize,
    EvictionTotals,
    KeyTotals,
    ModelTotals,
    NodeTotals,
    PowerTotals,
    Span,
    Totals,
)
from garnet_cli.store.totals_buckets import buckets_of
from garnet_cli.store.totals_merge import merge_rows
from garnet_cli.store.totals_sums import told_rows
from node_scripts.histogram import BUCKETS_PER_OCTAVE, Histogram
from node_scripts.recent_evictions import UNKNOWN_KIND
from node_scripts.records import Reading
from tests.simulated.draw import ERRORS, MINUTE_S, Drawn, draw
from tests.simulated.keys import key_counts
from tests.simulated.spec import FleetSpec, ModelSpec

STEP_S = 3600
GREATEST = {"in_flight_max", "queued_max", "cache_bytes", "cache_sequences", "memory_bytes"}
RENAMED = {"cache_bytes": "cache_bytes_max", "cache_sequences": "cache_sequences_max"}
RENAMED |= {"memory_bytes": "memory_bytes_max"}
MANY_INDICES = 8192
"""More than a histogram has buckets for the times that are drawn, which are above e^-43."""
LOWEST = 2048


def simulate_totals(spec: FleetSpec, bucket: BucketSize = "day", *, histograms: bool = True) -> Totals:
    """Return totals of all days of a spec, drawn hour by hour from the same rates as ``simulate``'s minutes.

    They are their own truth: not the numbers that ``simulate`` writes, which draws minute by minute. Without
    ``histograms`` these are empty, all else is the same, and it takes half the time.
    """
    span = Span(begin_unix=spec.begin_unix, end_unix=spec.end_unix, bucket=bucket, timezone=spec.timezone)
    buckets = buckets_of(span)
    begins = np.array([one.begin_unix for one in buckets])
    models: list[ModelTotals] = []
    nodes: list[NodeTotals] = []
    keys: list[KeyTotals] = []
    present: dict[tuple[int, str], int] = {}
    for day in range(spec.days):
        steps = np.arange(spec.local_midnight(day), spec.local_midnight(day + 1), STEP_S)
        drawn = draw(spec, steps, STEP_S, values=histograms)
        places = np.searchsorted(begins, steps, side="right") - 1
        used = key_counts(spec, drawn) if spec.keys else {}
        for place in np.unique(places):
            here = np.flatnonzero(places == place)
            begin = int(begins[place])
            models += _models(spec, drawn, here, begin)
            nodes += _nodes(spec, drawn, here, begin)
            keys += _keys(spec, used, here, begin)
            for number, node in enumerate(spec.nodes):
                label = (begin, node.name)
                minutes = int(drawn.node["present"][here, number].sum())
                present[label] = present.get(label, 0) + minutes
    if bucket == "window":  # else each label has come once
        models, nodes, keys = merge_rows(models, ()), merge_rows(nodes, ()), merge_rows(keys, ())
    models.sort(key=lambda row: (row.begin_unix, row.node, row.model))
    names = [node.name for node in spec.nodes]
    return Totals(
        fleet=spec.fleet,
        begin_unix=spec.begin_unix,
        end_unix=spec.end_unix,
        bucket=bucket,
        timezone=spec.timezone,
        buckets=buckets,
        models=tuple(models),
        nodes=told_rows(buckets, names, nodes, present, MINUTE_S),
        keys=tuple(sorted(keys, key=lambda row: (row.begin_unix, row.node, row.key))),
        evictions=tuple(_evictions(spec, models)),
    )


def indices(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the histogram's bucket of each positive value, as ``bucket_of`` does."""
    found: NDArray[np.int64] = (np.ceil(np.log2(values) * BUCKETS_PER_OCTAVE) - 1).astype(np.int64)
    return found


def _models(spec: FleetSpec, drawn: Drawn, here: NDArray[np.int64], begin: int) -> Iterator[ModelTotals]:
    seen = drawn.node["present"][here]
    placed = drawn.effects.placed[here]
    minutes = seen.sum(axis=0).astype(np.int64)
    on = (placed * seen[:, :, None]).sum(axis=0).astype(np.int64)
    asked = drawn.client["requests"][here]
    known = seen[:, :, None] > 0
    client = {name: value[here].sum(axis=0) for name, value in drawn.client.items()}
    loader = {
        RENAMED.get(name, name): (value[here] * known).max(axis=0)
        if name in GREATEST
        else (value[here] * known).sum(axis=0)
        for name, value in drawn.loader.items()
    }
    histograms = {name: _histograms(drawn, name, here) for name in drawn.values}
    a_minute = drawn.step_s // MINUTE_S
    most = -(-asked.max(axis=0) // a_minute)
    loader["requests_max"] = -(-(drawn.loader["requests"][here] * known).max(axis=0) // a_minute)
    for node, model in np.ndindex(asked.shape[1:]):
        if not minutes[node] or not (on[node, model] or client["requests"][node, model]):
            continue
        one = spec.models[model]
        counts: Any = {name: int(value[node, model]) for name, value in client.items() if name not in ERRORS}
        timed: Any = {name: found.get((node, model), Histogram()) for name, found in histograms.items()}
        errors = {
            name: int(client[name][node, model]) for name in sorted(ERRORS) if client[name][node, model]
        }
        yield ModelTotals(
            begin_unix=begin,
            node=spec.nodes[node].name,
            model=one.name,
            minutes=int(minutes[node]),
            errors=errors,
            requests_max=int(most[node, model]),
            **counts,
            **timed,
            **(_loader(one, loader, node, model, int(on[node, model])) if on[node, model] else {}),
        )


def _loader(one: ModelSpec, loader: dict[str, Any], node: int, model: int, minutes: int) -> dict[str, Any]:
    figures = {
        f"loader_{name}": value[node, model].item() if name != "busy_s" else float(value[node, model])
        for name, value in loader.items()
    }
    return {
        **figures,
        "loader_minutes": minutes,
        "loader_observed_s": float(minutes * MINUTE_S),
        "loader_artifacts": (one.artifact,) if one.artifact else (),
        "loader_sources": (one.source,) if one.source else (),
    }


def _histograms(drawn: Drawn, name: str, here: NDArray[np.int64]) -> dict[tuple[int, int], Histogram]:
    """Return one histogram by node and model, of the steps ``here``, which follow each other."""
    places, values = drawn.values[name]
    nodes, models = drawn.client["requests"].shape[1:]
    cells = nodes * models
    first, last = np.searchsorted(places, [here[0] * cells, (here[-1] + 1) * cells])
    places, values = places[first:last] % cells, values[first:last]
    zero = values == 0
    codes, counts = np.unique(
        places[~zero] * MANY_INDICES + indices(values[~zero]) + LOWEST, return_counts=True
    )
    found: dict[tuple[int, int], Histogram] = {}
    order = np.argsort(places, kind="stable")
    edges = np.searchsorted(places[order], np.arange(cells + 1))
    zeros = np.bincount(places[zero], minlength=cells)
    ends = np.searchsorted(codes, np.arange(cells + 1) * MANY_INDICES)
    for cell in range(cells):
        mine = values[order[edges[cell] : edges[cell + 1]]]
        if len(mine):
            part = slice(ends[cell], ends[cell + 1])
            low = (codes[part] - cell * MANY_INDICES - LOWEST).tolist()
            found[divmod(cell, models)] = Histogram(
                buckets=dict(zip(low, counts[part].tolist(), strict=True)),
                zeros=int(zeros[cell]),
                total=float(mine.sum()),
                minimum=float(mine.min()),
                maximum=float(mine.max()),
            )
    return found


def _nodes(spec: FleetSpec, drawn: Drawn, here: NDArray[np.int64], begin: int) -> Iterator[NodeTotals]:
    node = {name: value[here] for name, value in drawn.node.items()}
    for number, one in enumerate(spec.nodes):
        seen_s = float(node["seen_s"][:, number].sum())
        if not seen_s:
            continue
        total = {name: float(node[name][:, number].sum()) for name in node}
        # A throttled step is at level 1 or 2 only while packed.
        heavy, throttled = total["packed_heavy_s"], total["packed_throttled_s"]
        watts = node["watts"][:, number]
        celsius = node["celsius"][:, number]
        power = PowerTotals(
            joules=float((watts * node["seen_s"][:, number]).sum()),
            seconds=seen_s,
            watts_max=float(watts.max()),
        )
        yield NodeTotals(
            begin_unix=begin,
            node=one.name,
            covered_s=seen_s,
            releases=("release-1",),
            level_s=(seen_s - throttled, throttled - heavy, heavy, 0.0, 0.0),
            thermal_observed_s=seen_s,
            packed_s=total["packed_s"],
            packed_throttled_s=throttled,
            packed_heavy_s=heavy,
            package_celsius=Reading(
                mean=float(celsius.mean()),
                maximum=float(celsius.max()),
                source="powermetrics",
                seconds=seen_s,
            ),
            power={one.power_source: power} if one.power_source else {},
            memory_total_bytes=one.memory_bytes,
            memory_available_bytes_min=one.memory_bytes // 4,
            samples=int(seen_s // 5),
            proxy_up_s=seen_s,
        )


def _keys(spec: FleetSpec, used: Any, here: NDArray[np.int64], begin: int) -> Iterator[KeyTotals]:
    sums = {name: value[here].sum(axis=0) for name, value in used.items()}
    for node, one in enumerate(spec.nodes):
        for number, key in enumerate(spec.keys):
            if sums["requests"][node, number]:
                counts = {name: int(value[node, number]) for name, value in sums.items()}
                yield KeyTotals(begin_unix=begin, node=one.name, key=key, **counts)


def _evictions(spec: FleetSpec, rows: list[ModelTotals]) -> Iterator[EvictionTotals]:
    """Yield what events would tell: hours have many evictions, told together."""
    sizes = {model.name: (int(model.prompt_tokens), model.cache_bytes // 24) for model in spec.models}
    for row in rows:
        if row.loader_evictions:
            tokens, size = sizes[row.model]
            yield EvictionTotals(
                begin_unix=row.begin_unix,
                node=row.node,
                model=row.model,
                kind=UNKNOWN_KIND,
                evictions=row.loader_evictions,
                tokens=row.loader_evictions * tokens,
                size_bytes=row.loader_evictions * size,
            )
