"""How what is injected into a fleet shows: as factors and shares by step, node and model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.simulated.spec import FleetSpec, Injected

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(kw_only=True, slots=True)
class Effects:
    """Of each step: arrays of [steps, nodes, models], without models where a node is meant."""

    placed: Flags
    """Whether a loader is there."""
    avoided: Flags
    """Whether peers send it nothing."""
    traffic: Floats
    """Factor on what clients ask of the node."""
    hit_rate: Floats
    completion: Floats
    """Factor on completion tokens."""
    slowness: Floats
    """Factor on the time per token."""
    error_share: Floats
    evictions: Floats
    """Factor on the prompt cache's evictions."""
    restarts: Floats
    """Expected in a minute."""
    throttled_share: Floats
    present_share: Floats


def effects(spec: FleetSpec, begins: NDArray[np.int64]) -> Effects:
    """Return what holds in the steps that begin at ``begins``."""
    nodes, models = spec.nodes, spec.models
    shape = (len(begins), len(nodes), len(models))

    def by_model(name: str) -> Floats:
        return np.broadcast_to([float(getattr(one, name)) for one in models], shape).copy()

    placed = [[node.name in model.nodes for model in models] for node in nodes]
    found = Effects(
        placed=np.broadcast_to(placed, shape).copy(),
        avoided=np.zeros(shape, dtype=bool),
        traffic=np.ones(shape),
        hit_rate=by_model("hit_rate"),
        completion=np.ones(shape),
        slowness=np.ones(shape),
        error_share=by_model("error_share"),
        evictions=np.ones(shape),
        restarts=np.zeros(shape),
        throttled_share=np.broadcast_to([node.throttled_share for node in nodes], shape[:2]).copy(),
        present_share=np.ones(shape[:2]),
    )
    for one in spec.injected:
        when = (begins >= spec.unix_of(one.begin_day)) & (begins < spec.unix_of(one.end_day))
        where = np.array([one.node in ("", node.name) for node in nodes])
        what = np.array([one.model in ("", model.name) for model in models])
        if when.any():
            mask = when[:, None, None] & where[None, :, None] & what
            APPLY[one.kind](found, mask, one)
    return found


def _cache_misses(found: Effects, mask: Flags, one: Injected) -> None:
    found.hit_rate[mask] *= 1 - 0.9 * one.strength
    found.evictions[mask] *= 1 + 4 * one.strength


def _poisoned_cache(found: Effects, mask: Flags, one: Injected) -> None:
    found.hit_rate[mask] = np.maximum(found.hit_rate[mask], 0.9)
    found.completion[mask] *= 1 + one.strength
    found.slowness[mask] *= 1 + 1.5 * one.strength
    found.error_share[mask] += 0.08 * one.strength


def _traffic_moved(found: Effects, mask: Flags, one: Injected) -> None:
    found.avoided |= mask
    left = np.where(mask, 1 - one.strength, 1.0)
    after = found.traffic * left
    others = np.where(mask, 0.0, after)
    gone = (found.traffic - after).sum(axis=1, keepdims=True)
    whole = others.sum(axis=1, keepdims=True)
    found.traffic = after + np.divide(others * gone, whole, out=np.zeros_like(others), where=whole > 0)


def _throttling(found: Effects, mask: Flags, one: Injected) -> None:
    found.slowness[mask] *= 1 + one.strength
    warm = mask.any(axis=2)
    found.throttled_share[warm] = np.maximum(found.throttled_share[warm], 0.4 * one.strength)


def _errors(found: Effects, mask: Flags, one: Injected) -> None:
    found.error_share[mask] += 0.35 * one.strength
    found.traffic[mask] *= 1 + 0.3 * one.strength  # clients try again


def _traffic_down(found: Effects, mask: Flags, one: Injected) -> None:
    found.traffic[mask] *= 1 - one.strength


def _traffic_up(found: Effects, mask: Flags, one: Injected) -> None:
    found.traffic[mask] *= 1 + one.strength


def _missing_minutes(found: Effects, mask: Flags, one: Injected) -> None:
    found.present_share[mask.any(axis=2)] *= 1 - one.strength


def _model_evicted(found: Effects, mask: Flags, _one: Injected) -> None:
    found.placed[mask] = False


def _cache_evictions(found: Effects, mask: Flags, one: Injected) -> None:
    found.evictions[mask] *= 1 + 30 * one.strength
    found.hit_rate[mask] *= 1 - 0.4 * one.strength


def _restarts(found: Effects, mask: Flags, one: Injected) -> None:
    found.restarts[mask] += 0.005 * one.strength


def _incident(found: Effects, mask: Flags, one: Injected) -> None:
    found.error_share[mask] += 0.2 * one.strength


APPLY: dict[str, Callable[[Effects, Any, Injected], None]] = {
    "cache_misses": _cache_misses,
    "poisoned_cache": _poisoned_cache,
    "traffic_moved": _traffic_moved,
    "throttling": _throttling,
    "errors": _errors,
    "traffic_down": _traffic_down,
    "traffic_up": _traffic_up,
    "missing_minutes": _missing_minutes,
    "model_evicted": _model_evicted,
    "cache_evictions": _cache_evictions,
    "restarts": _restarts,
    "incident": _incident,
}
"""What each kind changes in the steps, nodes and models of a mask."""
