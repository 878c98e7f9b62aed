"""The events of a simulated fleet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import numpy as np

from node_scripts.records import Event, EventKind
from tests.simulated.draw import MINUTE_S, Drawn
from tests.simulated.spec import FleetSpec, Injected

KINDS = ("user", "assistant", "system")
OPERATOR = "operator@office"


def drawn_events(spec: FleetSpec, drawn: Drawn) -> list[Event]:
    """Return what monitors tell of the minutes drawn: evictions and restarts, in order of time."""
    known = (drawn.node["present"] > 0)[:, :, None]
    found = [*_evictions(spec, drawn, known), *_restarts(spec, drawn, known)]
    return sorted(found, key=lambda event: event.id)


def told_events(spec: FleetSpec) -> list[Event]:
    """Return what operators did and incidents were, as injected, in order of time."""
    serial = count(0xF0000000)
    found: list[Event] = []
    for one in spec.injected:
        for node in (node.name for node in spec.nodes if one.node in ("", node.name)):
            if one.kind == "incident":
                found += _incident(spec, one, node, serial)
            elif one.kind == "model_evicted":
                found += _evicted_models(spec, one, node, serial)
    return sorted((event for event in found if event.time_unix < spec.end_unix), key=lambda event: event.id)


def _evictions(spec: FleetSpec, drawn: Drawn, known: Any) -> Iterator[Event]:
    evictions = drawn.loader["evictions"] * known
    for number, (step, node, model) in enumerate(zip(*np.nonzero(evictions), strict=True)):
        one, many = spec.models[model], int(evictions[step, node, model])
        tokens, size = int(one.prompt_tokens), one.cache_bytes // 24
        if many == 1:
            kind = KINDS[number % len(KINDS)]
            detail = {
                "loader": "loader-1",
                "kind": kind,
                "serial": number,
                "tokens": tokens,
                "size_bytes": size,
            }
        else:
            detail = {"evictions": many, "tokens": many * tokens, "size_bytes": many * size}
        action = "evicted" if many == 1 else "evicted more"
        begin = float(drawn.begins[step]) + number % MINUTE_S
        yield _event(spec, begin, number, spec.nodes[node].name, "eviction", one.name, action, detail)


def _restarts(spec: FleetSpec, drawn: Drawn, known: Any) -> Iterator[Event]:
    restarts = drawn.loader["restarts"] * known
    for number, (step, node, model) in enumerate(zip(*np.nonzero(restarts), strict=True)):
        detail = {"model": spec.models[model].name, "pid": 200 + number, "before_pid": 100 + number}
        begin = float(drawn.begins[step]) + 30
        name = spec.nodes[node].name
        yield _event(spec, begin, 0x10000000 + number, name, "restart", "loader-1", "restarted", detail)


def _incident(spec: FleetSpec, one: Injected, node: str, serial: Iterator[int]) -> Iterator[Event]:
    begin, end = spec.unix_of(one.begin_day), min(spec.unix_of(one.end_day), float(spec.end_unix))
    name = f"{node}-{datetime.fromtimestamp(begin, UTC):%Y%m%d-%H%M%S}"
    models = [model.name for model in spec.models if one.model in ("", model.name)]
    detail = {
        "node": node,
        "severity": "critical",
        "cause": "errors",
        "causes": ["errors"],
        "models": models,
        "begin_unix": begin,
    }
    yield _event(spec, begin + 60, next(serial), node, "incident", name, "opened", detail)
    closed = {**detail, "end_unix": end, "restarts": 0}
    yield _event(spec, end + 60, next(serial), node, "incident", name, "closed", closed)


def _evicted_models(spec: FleetSpec, one: Injected, node: str, serial: Iterator[int]) -> Iterator[Event]:
    models = [model.name for model in spec.models if one.model in ("", model.name) and node in model.nodes]
    for begin, kind in ((one.begin_day, "stop loader"), (one.end_day, "start loader")):
        for model in models:
            detail = {"changes": [{"kind": kind, "of": model}]}
            unix = spec.unix_of(begin)
            event = _event(spec, unix, next(serial), node, "up", "release-1", "begun", detail)
            yield replace(event, who=OPERATOR)


def _event(
    spec: FleetSpec,
    time_unix: float,
    serial: int,
    node: str,
    kind: EventKind,
    subject: str,
    action: str,
    detail: dict[str, Any],
) -> Event:
    return Event(
        id=f"{int(time_unix * 1e6):016x}-{serial & 0xFFFFFFFF:08x}",
        time_unix=time_unix,
        fleet=spec.fleet,
        node=node,
        kind=kind,
        subject=subject,
        action=action,
        detail=detail,
    )
