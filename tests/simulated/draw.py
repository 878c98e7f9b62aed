"""Draw what happened in some steps of a simulated fleet: counts by step, node and model.

A request is asked of one node and served by one: by itself, where a loader of the model is there, else by a
peer that has one. Each flow from client to loader is drawn once and counted on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.simulated.effects import Effects, effects
from tests.simulated.rhythm import rhythm
from tests.simulated.spec import FleetSpec

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
BATCHING = 1.6
"""How many sequences a loader decodes at once, on the mean."""
MINUTE_S = 60
HEAVY = 0.3
"""Of the throttled time, the share at level 2."""


@dataclass(kw_only=True, slots=True)
class Drawn:
    """Some steps: arrays of [steps, nodes, models], without models where a node is meant."""

    begins: Ints
    step_s: int
    effects: Effects
    client: dict[str, Ints]
    """``requests``, ``answered``, ``cancelled``, tokens, ``served_by_peers`` and errors by code."""
    loader: dict[str, Any]
    """By field of LoaderSide."""
    values: dict[str, tuple[Ints, Floats]]
    """Histogram to its values with the flat index into [steps, nodes, models]."""
    node: dict[str, Floats]
    """``present`` (minutes), ``packed_s``, ``packed_throttled_s``, ``celsius``, ``watts``."""


ERRORS = ("overloaded", "loader_failed", "model_unavailable")


def draw(spec: FleetSpec, begins: Ints, step_s: int, *, values: bool = True) -> Drawn:
    """Draw the steps of ``step_s`` seconds that begin at ``begins``; equal arguments give equal draws.

    Without ``values`` there are no values of histograms, and all else is the same.
    """
    rng = np.random.default_rng([spec.seed, int(begins[0]), step_s])
    found = effects(spec, begins)
    minutes = step_s // MINUTE_S
    present = rng.binomial(minutes, found.present_share)
    rate = rhythm(spec, begins)[:, None, :] * found.traffic * _each(spec, "requests_per_minute")
    requests = rng.poisson(rate / len(spec.nodes) * present[:, :, None])
    server, served = _servers(found)
    flow = _Flow(spec, found, rng, requests, server, served)
    work = _at_loaders(flow.work_s, server, served)
    loader = {name: _at_loaders(value, server, served) for name, value in flow.loader.items()}
    seen_s = (present * float(MINUTE_S)).astype(np.float64)
    load = np.divide(work, seen_s[:, :, None], out=np.zeros_like(work), where=seen_s[:, :, None] > 0)
    _complete(loader, spec, found, rng, load, seen_s)
    return Drawn(
        begins=begins,
        step_s=step_s,
        effects=found,
        client=flow.client,
        loader=loader,
        values=flow.values(load) if values else {},
        node=_nodes(spec, found, rng, load, seen_s),
    )


class _Flow:
    """The requests of each node's clients, and what serving them takes."""

    def __init__(
        self,
        spec: FleetSpec,
        found: Effects,
        rng: np.random.Generator,
        requests: Ints,
        server: Ints,
        served: NDArray[np.bool_],
    ) -> None:
        self._spec, self._found, self._rng = spec, found, rng
        self._server = server
        self._seed = rng.integers(2**63)
        own = np.arange(requests.shape[1])[None, :, None] == server
        errors = np.clip(self._of("error_share"), 0, 0.95)
        failed = np.where(served, rng.binomial(requests, errors), requests)
        usual = np.minimum(_each(spec, "error_share") / np.maximum(errors, 1e-12), 1.0)
        overloaded = np.where(served, rng.binomial(failed, usual), 0)
        cancelled = rng.binomial(requests - failed, _each(spec, "cancelled_share"))
        done = requests - failed
        prompt = self._tokens(done, _each(spec, "prompt_tokens"))
        hits = rng.binomial(done, self._of("hit_rate"))
        share = np.divide(hits, done, out=np.zeros(done.shape), where=done > 0)
        cached = np.minimum(
            prompt, np.rint(prompt * share * _each(spec, "hit_share") * rng.uniform(0.9, 1.1, done.shape))
        ).astype(np.int64)
        completion = self._tokens(done, _each(spec, "completion_tokens") * self._of("completion"))
        tokens = {"prompt_tokens": prompt, "cached_tokens": cached, "completion_tokens": completion}
        broken = np.where(served, failed - overloaded, 0)
        self.client = {
            "requests": requests,
            "answered": done - cancelled,
            "cancelled": cancelled,
            **tokens,
            "served_by_peers": np.where(served & ~own, requests - overloaded, 0),
            "overloaded": overloaded,
            "loader_failed": broken,
            "model_unavailable": np.where(served, 0, failed),
        }
        self.loader = {
            "requests": done + broken,
            **tokens,
            "lookups": done,
            "hits": hits,
            "hit_tokens": cached,
            "lookup_tokens": prompt,
        }
        prefill_s = _each(spec, "prefill_ms_per_token") * self._of("slowness") / 1000
        token_s = _each(spec, "token_ms") * self._of("slowness") / 1000 / BATCHING
        wasted_s = prefill_s * _each(spec, "prompt_tokens") + token_s * _each(spec, "completion_tokens")
        self.work_s = prefill_s * (prompt - cached) + token_s * completion + wasted_s * broken

    def values(self, load: Floats) -> dict[str, tuple[Ints, Floats]]:
        """Return what each answered request was measured at; ``load`` is that of the loaders."""
        spec, rng = self._spec, np.random.default_rng(self._seed)
        answered = self.client["answered"].ravel()
        places = np.repeat(np.arange(len(answered)), answered)
        shape = self.client["answered"].shape

        def at(value: Floats) -> Floats:
            return np.broadcast_to(value, shape).ravel()[places]

        size = len(places)
        busy = at(np.minimum(np.take_along_axis(load, self._server, axis=1), 0.95))
        waits = rng.random(size) < busy * 0.3
        queue = np.where(waits, rng.exponential(400.0, size), 0.0)
        slow = at(self._of("slowness"))
        fresh = 1 - at(self._of("hit_rate")) * at(_each(spec, "hit_share"))
        prompt = at(_each(spec, "prompt_tokens")) * rng.lognormal(-0.08, 0.4, size)
        first = queue + 20 + at(_each(spec, "prefill_ms_per_token")) * slow * prompt * fresh
        token = at(_each(spec, "token_ms")) * slow * rng.lognormal(0, 0.12, size)
        many = (
            at(_each(spec, "completion_tokens"))
            * at(self._of("completion"))
            * rng.lognormal(-0.18, 0.6, size)
        )
        return {
            "latency_ms": (places, first + token * np.maximum(many, 1.0)),
            "first_token_ms": (places, first),
            "token_time_ms": (places, token),
            "queue_ms": (places, queue),
        }

    def _of(self, name: str) -> Floats:
        """Return an effect of the loader that serves each flow."""
        value: Floats = np.take_along_axis(getattr(self._found, name), self._server, axis=1)
        return value

    def _tokens(self, requests: Ints, mean: Floats) -> Ints:
        drawn = self._rng.normal(requests * mean, np.sqrt(requests) * mean * 0.6)
        return np.maximum(np.rint(drawn), requests).astype(np.int64)


def _servers(found: Effects) -> tuple[Ints, NDArray[np.bool_]]:
    """Return which node serves what is asked of each, and whether any does."""
    steps, nodes, models = found.placed.shape
    wanted = found.placed & ~found.avoided
    wanted = np.where(wanted.any(axis=1, keepdims=True), wanted, found.placed)
    count = wanted.sum(axis=1)
    first = np.argsort(~wanted, axis=1, kind="stable")
    turn = np.arange(steps)[:, None, None] + np.arange(nodes)[None, :, None]
    chosen = np.take_along_axis(first, turn % np.maximum(count, 1)[:, None, :], axis=1)
    own = np.broadcast_to(np.arange(nodes)[None, :, None], (steps, nodes, models))
    served = np.broadcast_to((count > 0)[:, None, :], (steps, nodes, models))
    return np.where(found.placed, own, chosen), served


def _at_loaders(flow: Any, server: Ints, served: NDArray[np.bool_]) -> Any:
    """Return flows added up where they are served."""
    steps, _, models = flow.shape
    at = (np.arange(steps)[:, None, None], server, np.arange(models)[None, None, :])
    found = np.zeros(flow.shape, dtype=flow.dtype)
    np.add.at(found, at, np.where(served, flow, 0))
    return found


def _complete(
    loader: dict[str, Any],
    spec: FleetSpec,
    found: Effects,
    rng: np.random.Generator,
    load: Floats,
    seen_s: Floats,
) -> None:
    """Add what a loader tells of itself; ``load`` is work over time."""
    minutes, shape = seen_s[:, :, None] / MINUTE_S, load.shape
    loader["busy_s"] = seen_s[:, :, None] * (1 - np.exp(-load))
    loader["in_flight_max"] = np.minimum(rng.poisson(load * BATCHING), 8)
    loader["queued_max"] = np.where(load > 0.5, rng.poisson(np.maximum(load - 0.4, 0) * 3), 0)
    evictions = rng.poisson(_each(spec, "evictions_per_minute") * found.evictions * minutes, shape)
    loader["evictions"] = np.where(found.placed, evictions, 0)
    loader["restarts"] = np.where(found.placed, rng.poisson(found.restarts * minutes), 0)
    loader["cache_bytes"] = np.rint(_each(spec, "cache_bytes") * rng.uniform(0.6, 1.0, shape)).astype(
        np.int64
    )
    loader["cache_sequences"] = np.full(shape, 24)
    loader["memory_bytes"] = loader["cache_bytes"] + _each(spec, "weight_bytes").astype(np.int64)
    loader["loads"] = loader["restarts"].copy()


def _nodes(
    spec: FleetSpec, found: Effects, rng: np.random.Generator, loads: Floats, seen_s: Floats
) -> dict[str, Floats]:
    shape = seen_s.shape
    load = 1 - np.exp(-loads.sum(axis=2))
    packed_s = seen_s * load
    throttled_s = packed_s * np.clip(found.throttled_share * rng.uniform(0.5, 1.5, shape), 0, 1)
    idle = np.array([node.idle_watts for node in spec.nodes])
    span = np.array([node.busy_watts for node in spec.nodes]) - idle
    cool = np.array([node.celsius for node in spec.nodes])
    return {
        "present": seen_s / MINUTE_S,
        "seen_s": seen_s,
        "packed_s": packed_s,
        "packed_throttled_s": throttled_s,
        "packed_heavy_s": throttled_s * HEAVY,
        "celsius": cool + 38 * load + 14 * (throttled_s > 0.1 * packed_s) + rng.uniform(-2, 2, shape),
        "watts": (idle + span * load) * rng.uniform(0.97, 1.03, shape),
    }


def _each(spec: FleetSpec, name: str) -> Floats:
    """Return one figure of each model, as a row."""
    return np.array([float(getattr(model, name)) for model in spec.models])
