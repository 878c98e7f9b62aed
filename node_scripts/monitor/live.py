"""`run/monitor.json`: what the monitor saw last, replaced at every sample; `garnet top` reads it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from node_scripts.histogram import Histogram, merged
from node_scripts.monitor.alerts.state import ActiveAlert
from node_scripts.monitor.sample import ModelSample, Sample
from node_scripts.monitor.throttle import ThermalStep, packed_throttle_pct
from node_scripts.records import RequestRecord

LIVE_SCHEMA = 1
WINDOW_S = 300.0
TOKENS_WINDOW_S = 60.0

_LEFT_OUT = ("latency_ms", "completion_tokens", "events")


@dataclass(kw_only=True, slots=True)
class LiveModel:
    """One model over the last five minutes; tokens over the last one. ``None`` is unknown."""

    requests_5m: int = 0
    errors_5m: int = 0
    tokens_per_s: float = 0.0
    """Completion tokens of requests that ended in the last minute, of this node's own clients."""
    p50_ms: float | None = None
    p95_ms: float | None = None
    first_token_p95_ms: float | None = None
    in_flight: int | None = None
    queued: int | None = None
    hit_rate: float | None = None
    """Share of prompt-cache lookups that found a prefix."""


@dataclass(kw_only=True, slots=True)
class Live:
    """The file. ``sample`` is sample.Sample without its histograms and events."""

    schema: int = LIVE_SCHEMA
    time_unix: float
    node: str
    release: str
    pid: int
    settings_digest: str
    """``files.digest_of`` monitor.json and monitor.env as the monitor last loaded them."""
    sample: dict[str, Any]
    throttle_pct_5m: float | None = None
    models: dict[str, LiveModel] = field(default_factory=dict)
    alerts: list[ActiveAlert] = field(default_factory=list)
    spool_minutes: int = 0
    spool_bytes: int = 0
    store_ok: bool | None = None
    """``None``: not tried yet, or no store."""
    last_shipped_unix: float | None = None
    incidents_open: list[str] = field(default_factory=list)
    silences_error: str = ""
    """Why the node's silences are not in force; empty while they are."""
    settings_error: str = ""
    """Why the settings as they lie on the disk are not in force; empty while they are."""


@dataclass(slots=True)
class Tally:
    """One model's requests of one step."""

    requests: int = 0
    errors: int = 0
    completion_tokens: int = 0
    latency_ms: Histogram = field(default_factory=Histogram)
    first_token_ms: Histogram = field(default_factory=Histogram)


def tally(records: Iterable[RequestRecord]) -> dict[str, Tally]:
    """Add up this node's own clients' requests by model."""
    tallies: dict[str, Tally] = {}
    for record in records:
        if record.forwarded:
            continue
        one = tallies.setdefault(record.model, Tally())
        one.requests += 1
        one.errors += record.outcome == "error"
        one.completion_tokens += record.completion_tokens
        if record.outcome == "answered":
            one.latency_ms.add(record.latency_ms)
            if record.first_token_ms is not None:
                one.first_token_ms.add(record.first_token_ms)
    return tallies


@dataclass(slots=True)
class _Step:
    at_s: float
    thermal: ThermalStep
    tallies: dict[str, Tally]
    lookups: dict[str, tuple[int, int]]


@dataclass(slots=True)
class Window:
    """The steps of the last five minutes."""

    _steps: deque[_Step] = field(default_factory=deque)
    _before: dict[str, ModelSample] = field(default_factory=dict)

    def add(self, sample: Sample, tallies: dict[str, Tally]) -> None:
        """Add one sample and the requests that ended in it."""
        thermal = ThermalStep(sample.monotonic_s, sample.dt_s, sample.sensors.thermal_level, sample.packed)
        lookups = {
            name: grown
            for name, model in sample.models.items()
            if (grown := _lookups(self._before.get(name), model)) is not None
        }
        self._before = sample.models
        self._steps.append(_Step(sample.monotonic_s, thermal, tallies, lookups))
        while self._steps[0].at_s <= sample.monotonic_s - WINDOW_S:
            self._steps.popleft()

    def throttle_pct(self) -> float | None:
        """Return the share of packed time that was throttled; ``None`` is unknown."""
        return packed_throttle_pct(step.thermal for step in self._steps)

    def models(self, sample: Sample, covered_s: float) -> dict[str, LiveModel]:
        """Return each model's figures; ``covered_s``: for how long there have been samples."""
        names = {name for step in self._steps for name in step.tallies} | set(sample.models)
        return {name: self._model(name, sample, covered_s) for name in sorted(names)}

    def _model(self, name: str, sample: Sample, covered_s: float) -> LiveModel:
        tallies = [(step.at_s, step.tallies[name]) for step in self._steps if name in step.tallies]
        latency = merged(one.latency_ms for _, one in tallies)
        first_token = merged(one.first_token_ms for _, one in tallies)
        since_s = sample.monotonic_s - TOKENS_WINDOW_S
        tokens = sum(one.completion_tokens for at_s, one in tallies if at_s > since_s)
        lookups = [step.lookups[name] for step in self._steps if name in step.lookups]
        asked, hits = sum(one for one, _ in lookups), sum(one for _, one in lookups)
        now = sample.models.get(name)
        return LiveModel(
            requests_5m=sum(one.requests for _, one in tallies),
            errors_5m=sum(one.errors for _, one in tallies),
            tokens_per_s=round(tokens / max(1.0, min(TOKENS_WINDOW_S, covered_s)), 2),
            p50_ms=_rounded(latency.quantile(0.50)),
            p95_ms=_rounded(latency.quantile(0.95)),
            first_token_p95_ms=_rounded(first_token.quantile(0.95)),
            in_flight=now.in_flight if now else None,
            queued=now.queued if now else None,
            hit_rate=round(hits / asked, 4) if asked else None,
        )


def _lookups(before: ModelSample | None, now: ModelSample) -> tuple[int, int] | None:
    """Return how many lookups, and of these hits, came since the sample before."""
    if before is None or (before.loader, before.pid) != (now.loader, now.pid):
        return None
    figures = (before.lookups, before.hits, now.lookups, now.hits)
    if None in figures:
        return None
    asked_before, hits_before, asked, hits = (figure or 0 for figure in figures)
    return max(0, asked - asked_before), max(0, hits - hits_before)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def shown_sample(sample: Sample) -> dict[str, Any]:
    """Return a sample as plain data, without what is large."""
    plain: dict[str, Any] = msgspec.to_builtins(sample)
    return {name: value for name, value in plain.items() if name not in _LEFT_OUT}
