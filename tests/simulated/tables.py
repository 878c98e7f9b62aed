"""The rows of a simulated fleet's minutes, as a compacted day holds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from garnet_cli.store.columns import HISTOGRAM, Column
from garnet_cli.store.tables import KEY_COLUMNS, MINUTE_COLUMNS, MODEL_COLUMNS, PEER_COLUMNS, SCHEMAS
from node_scripts.records import KeyMinute, Minute, ModelMinute, PeerMinute
from tests.simulated.draw import ERRORS, MINUTE_S, Drawn
from tests.simulated.keys import key_counts
from tests.simulated.spec import FleetSpec
from tests.simulated.totals import LOWEST, MANY_INDICES, indices

RELEASE = "release-1"
Ints = NDArray[np.int64]


def minute_rows(spec: FleetSpec, drawn: Drawn) -> dict[str, Any]:
    """Return the rows of minutes that were drawn, by table; what a node did not ship is left out."""
    present = drawn.node["present"] > 0
    steps, nodes = np.nonzero(present)
    return {
        "minutes": _minutes(spec, drawn, steps, nodes),
        "models": _models(spec, drawn, present),
        "keys": _keys(spec, drawn, steps, nodes),
        "peers": _peers(spec, drawn, present),
    }


def _minutes(spec: FleetSpec, drawn: Drawn, steps: Ints, nodes: Ints) -> Any:
    at = {name: value[steps, nodes] for name, value in drawn.node.items()}
    seconds = at["seen_s"]
    sources = np.array([node.power_source for node in spec.nodes])[nodes]
    metered = sources != ""
    memory = np.array([node.memory_bytes for node in spec.nodes])[nodes]
    begins = drawn.begins[steps]
    columns = {
        **_identity(spec, begins, nodes),
        "fleet": _same(spec.fleet, len(steps)),
        "sealed_unix": begins + 62.0,
        "covered_s": seconds,
        "release": _same(RELEASE, len(steps)),
        "thermal_nominal_s": seconds - at["packed_throttled_s"],
        "thermal_moderate_s": at["packed_throttled_s"] - at["packed_heavy_s"],
        "thermal_heavy_s": at["packed_heavy_s"],
        "thermal_observed_s": seconds,
        "thermal_packed_s": at["packed_s"],
        "thermal_packed_throttled_s": at["packed_throttled_s"],
        "thermal_packed_heavy_s": at["packed_heavy_s"],
        "thermal_source": _same("notifyutil", len(steps)),
        "thermal_package_celsius_mean": at["celsius"],
        "thermal_package_celsius_maximum": at["celsius"],
        "thermal_package_celsius_source": _same("powermetrics", len(steps)),
        "thermal_package_celsius_seconds": seconds,
        "memory_total_bytes": memory,
        "memory_available_bytes": memory // 4,
        "power_joules": pa.array(at["watts"] * seconds, mask=~metered),
        "power_seconds": pa.array(seconds, mask=~metered),
        "power_watts_max": pa.array(at["watts"], mask=~metered),
        "power_source": pa.array(sources.tolist(), mask=~metered),
        "monitor_samples": (seconds // 5).astype(np.int64),
        "monitor_proxy_up_s": seconds,
    }
    empty = Minute(fleet="", node="", minute_unix=0, sealed_unix=0.0, covered_s=0.0)
    return _table("minutes", columns, MINUTE_COLUMNS, empty, len(steps))


def _models(spec: FleetSpec, drawn: Drawn, present: NDArray[np.bool_]) -> Any:
    placed = drawn.effects.placed
    told = present[:, :, None] & (placed | (drawn.client["requests"] > 0))
    steps, nodes, models = np.nonzero(told)
    size = len(steps)
    on = placed[steps, nodes, models]
    columns: dict[str, Any] = {
        **_identity(spec, drawn.begins[steps], nodes),
        "model": _picked([model.name for model in spec.models], models),
    }
    for name, value in drawn.client.items():
        if name not in ERRORS:
            columns[name] = value[steps, nodes, models]
    columns["errors"] = _errors(drawn, steps, nodes, models)
    for name, value in drawn.loader.items():
        figures = value[steps, nodes, models]
        columns[f"loader_{name}"] = pa.array(figures, mask=~on) if name in OPTIONAL else figures
    columns["loader_observed_s"] = np.where(on, float(MINUTE_S), 0.0)
    columns["loader_artifact"] = _picked([model.artifact for model in spec.models], models, on)
    columns["loader_source"] = _picked([model.source for model in spec.models], models, on)
    columns["loader_name"] = _picked(["loader-1"] * len(spec.models), models, on)
    flat = np.ravel_multi_index((steps, nodes, models), told.shape)
    for name, (places, values) in drawn.values.items():
        columns[name] = histogram_column(flat, places, values)
    return _table("models", columns, MODEL_COLUMNS, ModelMinute(), size)


OPTIONAL = {
    *("busy_s", "in_flight_max", "queued_max", "lookups", "hits", "hit_tokens", "lookup_tokens", "evictions"),
    *("cache_bytes", "cache_sequences", "memory_bytes", "loads"),
}
"""What is unknown where there is no loader."""


def histogram_column(rows: Ints, places: Ints, values: NDArray[np.float64]) -> Any:
    """Return the histogram of each row: of the ``values`` at its place. Both are in rising order."""
    size = len(rows)
    row = np.searchsorted(rows, places)
    known = (row < size) & (rows[np.minimum(row, max(size - 1, 0))] == places) if size else row < 0
    row, values = row[known], values[known]
    zero = values == 0
    codes, counts = np.unique(row[~zero] * MANY_INDICES + indices(values[~zero]) + LOWEST, return_counts=True)
    ends = np.searchsorted(codes, np.arange(size + 1) * MANY_INDICES).astype(np.int32)
    edges = np.searchsorted(row, np.arange(size + 1))
    some = edges[1:] > edges[:-1]
    low, high = np.full(size, np.nan), np.full(size, np.nan)
    if len(values):
        low[some] = np.minimum.reduceat(values, edges[:-1][some])
        high[some] = np.maximum.reduceat(values, edges[:-1][some])
    return pa.StructArray.from_arrays(
        [
            pa.ListArray.from_arrays(
                pa.array(ends), pa.array((codes % MANY_INDICES - LOWEST).astype(np.int32))
            ),
            pa.ListArray.from_arrays(pa.array(ends), pa.array(counts)),
            pa.array(np.bincount(row[zero], minlength=size)[:size]),
            pa.array(np.bincount(row, values, minlength=size)[:size].astype(np.float64)),
            pa.array(low, mask=~some),
            pa.array(high, mask=~some),
        ],
        fields=list(HISTOGRAM),
    )


def _errors(drawn: Drawn, steps: Ints, nodes: Ints, models: Ints) -> Any:
    counts = np.stack([drawn.client[name][steps, nodes, models] for name in sorted(ERRORS)], axis=1)
    rows, codes = np.nonzero(counts)
    offsets = np.searchsorted(rows, np.arange(len(steps) + 1)).astype(np.int32)
    return pa.MapArray.from_arrays(
        pa.array(offsets), _picked(sorted(ERRORS), codes), pa.array(counts[rows, codes])
    )


def _keys(spec: FleetSpec, drawn: Drawn, steps: Ints, nodes: Ints) -> Any:
    if not spec.keys:
        return SCHEMAS["keys"].empty_table()
    used = key_counts(spec, drawn)
    some = used["requests"][steps, nodes] > 0
    rows, keys = np.nonzero(some)
    steps, nodes = steps[rows], nodes[rows]
    columns = {
        **_identity(spec, drawn.begins[steps], nodes),
        "key": _picked(list(spec.keys), keys),
        **{name: value[steps, nodes, keys] for name, value in used.items()},
    }
    return _table("keys", columns, KEY_COLUMNS, KeyMinute(), len(rows))


def _peers(spec: FleetSpec, drawn: Drawn, present: NDArray[np.bool_]) -> Any:
    others = ~np.eye(len(spec.nodes), dtype=bool)
    steps, nodes, peers = np.nonzero(present[:, :, None] & others)
    columns = {
        **_identity(spec, drawn.begins[steps], nodes),
        "peer": _picked([node.name for node in spec.nodes], peers),
        "observed_s": np.full(len(steps), float(MINUTE_S)),
    }
    return _table("peers", columns, PEER_COLUMNS, PeerMinute(), len(steps))


def _identity(spec: FleetSpec, begins: Ints, nodes: Ints) -> dict[str, Any]:
    names = _picked([node.name for node in spec.nodes], nodes)
    return {"node": names, "minute_unix": begins, "part": np.zeros(len(begins), dtype=np.int64)}


def _picked(names: list[str], places: Ints, known: NDArray[np.bool_] | None = None) -> Any:
    """Return the name of each place; "" where it is not known."""
    if known is not None:
        places = np.where(known, places, len(names))
    return pa.array([*names, ""], pa.string()).take(pa.array(places))


def _same(value: str, size: int) -> Any:
    return _repeated(pa.scalar(value, pa.string()), size)


def _repeated(value: Any, size: int) -> Any:
    """Return an array of ``size`` equal values; of none, too, which pyarrow itself refuses."""
    return pa.repeat(value, size) if size else pa.array([], value.type)


def _table(name: str, columns: dict[str, Any], known: Sequence[Column], empty: Any, size: int) -> Any:
    """Return a table whose other columns are as of an empty record."""
    defaults = {one.name: one.get(empty) for one in known}
    arrays = []
    for field in SCHEMAS[name]:
        value = columns.get(field.name)
        if value is None:
            default = defaults[field.name]
            default = [] if pa.types.is_map(field.type) and default == {} else default
            arrays.append(_repeated(pa.scalar(default, field.type), size))
        else:
            arrays.append((value if isinstance(value, pa.Array) else pa.array(value)).cast(field.type))
    return pa.Table.from_arrays(arrays, schema=SCHEMAS[name])
