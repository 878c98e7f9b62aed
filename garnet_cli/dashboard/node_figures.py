"""One node's figures: now, from its last minute, and over the window."""

from __future__ import annotations

from collections.abc import Callable

from garnet_cli.dashboard.page_data import NodeFigures, Numbers
from garnet_cli.dashboard.tally import MINUTE_S, NodeStep, NodeTally
from garnet_cli.dashboard.window import Window
from node_scripts.records import Minute

SILENT_S = 240
"""A node whose last minute began longer ago than this says nothing any more."""

PACKED_FLOOR_S = 60.0
"""Below it a throttle percentage is unknown."""


def node_figures(
    name: str, node: NodeTally | None, window: Window, now_unix: float, expected_s: float
) -> NodeFigures:
    """Return a node's figures; what its last minute says is left out once the node is silent.

    ``expected_s`` is how much of the window should have been covered by ``now_unix``.
    """
    node = node or NodeTally()
    state = state_of(node.last, now_unix)
    last = None if state in ("silent", "no data") else node.last
    thermal = last.thermal if last else None
    celsius = (thermal.package_celsius or thermal.core_celsius) if thermal else None
    power = last.power if last and last.power and last.power.seconds > 0 else None
    memory = last.memory if last else None
    used = None
    if memory and memory.total_bytes is not None and memory.available_bytes is not None:
        used = memory.total_bytes - memory.available_bytes
    packed = node.packed_s >= PACKED_FLOOR_S
    steps = [node.steps.get(index) for index in range(window.steps)]
    return NodeFigures(
        name=name,
        state=state,
        last_unix=node.last.minute_unix if node.last else None,
        release=node.last.release if node.last else "",
        celsius=round(celsius.mean, 1) if celsius else None,
        celsius_source=celsius.source if celsius else "",
        fan_rpm=round(thermal.fan_rpm.mean) if thermal and thermal.fan_rpm else None,
        watts=round(power.joules / power.seconds, 1) if power else None,
        watts_source=power.source if power else "",
        memory_used_bytes=used,
        memory_total_bytes=memory.total_bytes if memory else None,
        swap_used_bytes=memory.swap_used_bytes if memory else None,
        pressure=memory.pressure if memory else None,
        disk_free_bytes=last.host.disk_free_bytes if last else None,
        clock_offset_s=last.host.clock_offset_s if last else None,
        models=sorted(name for name, part in last.models.items() if part.loader.loader) if last else [],
        requests=node.requests,
        tokens=node.tokens,
        throttle_pct=round(100 * node.packed_throttled_s / node.packed_s, 2) if packed else None,
        coverage_pct=round(min(100.0, 100 * node.covered_s() / expected_s), 2) if expected_s else 0.0,
        celsius_max=_series(steps, lambda step: step.celsius_max),
        throttled_s=_series(steps, lambda step: step.throttled_s if step.observed_s else None),
        power_w=_series(steps, lambda step: step.joules / step.power_s if step.power_s else None),
        covered_pct=_coverage(steps, window, window.begin_unix + expected_s),
    )


def state_of(last: Minute | None, now_unix: float) -> str:
    """Return a node's state by its last minute."""
    if last is None:
        return "no data"
    if now_unix - last.minute_unix > SILENT_S:
        return "silent"
    if last.monitor.proxy_down_s > last.monitor.proxy_up_s:
        return "proxy down"
    if sum(last.thermal.level_s[1:]) > 0:
        return "throttled"
    busy = any(part.client.requests or part.loader.requests for part in last.models.values())
    return "serving" if busy else "idle"


def _series(steps: list[NodeStep | None], figure: Callable[[NodeStep], float | None]) -> Numbers:
    values = (figure(step) if step else None for step in steps)
    return [None if value is None else round(value, 1) for value in values]


def _coverage(steps: list[NodeStep | None], window: Window, expected_until: float) -> Numbers:
    """Return the covered share of each step; ``None`` for one that is not over yet."""
    shares: Numbers = []
    for begin, step in zip(window.times, steps, strict=True):
        expected = min(expected_until - begin, window.step_s)
        covered = sum(min(each, MINUTE_S) for each in step.covered.values()) if step else 0.0
        shares.append(round(min(100.0, 100 * covered / expected), 1) if expected > 0 else None)
    return shares
