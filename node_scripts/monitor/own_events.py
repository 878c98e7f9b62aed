"""The events that the monitor makes itself of what it has seen. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from node_scripts.contracts import ProxyStatus
from node_scripts.events import new_event
from node_scripts.monitor.observation import Memory, proxy_restarted
from node_scripts.monitor.sample import ModelSample
from node_scripts.monitor.spool_recovery import Damage
from node_scripts.records import Event, EventKind

EVICTIONS_A_MINUTE = 60
"""Evictions told one by one; the rest of a minute's are one event with their sums."""

Teller = Callable[..., Event]


def teller(fleet: str, node: str, time_unix: float) -> Teller:
    """Return a function that makes this node's events at a time."""
    return partial(new_event, fleet=fleet, node=node, time_unix=time_unix)


def maker(fleet: str, node: str) -> Teller:
    """Return a function that makes this node's events at times of their own."""
    return partial(new_event, fleet=fleet, node=node)


def restarts(
    tell: Teller, status: ProxyStatus, models: Mapping[str, ModelSample], memory: Memory
) -> list[Event]:
    """Tell of loaders and of a proxy that came back as another process."""
    events = []
    for name, model in models.items():
        if model.restarted:
            before = memory.loaders[model.loader]
            detail = {"model": name, "pid": model.pid, "before_pid": before.pid}
            events.append(tell(kind="restart", subject=model.loader, action="restarted", detail=detail))
    if proxy_restarted(status, memory) and memory.proxy is not None:
        detail = {"pid": status.pid, "before_pid": memory.proxy.pid}
        events.append(tell(kind="restart", subject="proxy", action="restarted", detail=detail))
    return events


def evictions(
    make: Callable[..., Event], models: Mapping[str, ModelSample], budget: int
) -> tuple[list[Event], dict[str, dict[str, int]]]:
    """Tell of at most ``budget`` evictions; return the sums of the rest by model."""
    events: list[Event] = []
    rest: dict[str, dict[str, int]] = {}
    for name, model in models.items():
        for one in model.new_evictions:
            figures = {"tokens": one.tokens, "size_bytes": one.size_bytes}
            if len(events) < budget:
                detail = {"loader": model.loader, "kind": one.kind, "serial": one.serial, **figures}
                events.append(
                    make(
                        time_unix=one.time_unix,
                        kind="eviction",
                        subject=name,
                        action="evicted",
                        detail=detail,
                    )
                )
                continue
            sums = rest.setdefault(name, {"evictions": 0, "tokens": 0, "size_bytes": 0})
            sums["evictions"] += 1
            for figure, value in figures.items():
                sums[figure] += value or 0
    return events, rest


def evictions_rest(tell: Teller, rest: Mapping[str, Mapping[str, int]]) -> list[Event]:
    """Tell of a minute's evictions that were too many to be told one by one."""
    return [
        tell(kind="eviction", subject=name, action="evicted more", detail=dict(sums))
        for name, sums in rest.items()
    ]


def clock_jumped(tell: Teller, jump_s: float) -> Event:
    """Tell of a jump of the wall clock against the monotonic one."""
    return tell(kind="clock", subject="clock", action="jumped", detail={"jump_s": round(jump_s, 3)})


def spool_damaged(tell: Teller, damage: Damage) -> Event:
    """Tell of a spool that was set aside."""
    detail: dict[str, Any] = {"why": damage.why, "set_aside": damage.set_aside, "saved_minutes": damage.saved}
    detail["lost_minutes"] = damage.lost
    return tell(kind="spool", subject="spool", action="replaced", detail=detail)


def spool_note(tell: Teller, action: str, **detail: Any) -> Event:
    """Tell of minutes or events given up, or of a disk that takes nothing."""
    return tell(kind="spool", subject="spool", action=action, detail=detail)


def silences_note(tell: Teller, action: str, why: str) -> Event:
    """Tell of a file of silences that cannot be read, or can again."""
    return tell(kind="monitor", subject="silences", action=action, detail={"why": why})


def monitor_note(tell: Teller, action: str, **detail: Any) -> Event:
    """Tell of the monitor itself: started, stopped, died."""
    kind: EventKind = "monitor"
    return tell(kind=kind, subject="monitor", action=action, detail=detail)
