"""When a monitor looks and seals."""

from __future__ import annotations

import threading
from collections.abc import Callable

from node_scripts.monitor.monitor import Monitor


def run(
    monitor: Monitor, stop: threading.Event, reload: threading.Event, on_reload: Callable[[], None]
) -> None:
    """Look at whole multiples of the interval until ``stop`` is set; read settings again on ``reload``."""
    while not stop.is_set():
        clock, interval_s = monitor.parts.clock, monitor.settings.config.sample_s
        wait_s = interval_s - clock.wall() % interval_s
        if wait_s < interval_s / 4:
            wait_s += interval_s
        due_s = clock.monotonic() + wait_s
        while not stop.is_set() and clock.monotonic() < due_s:
            if reload.is_set():
                reload.clear()
                on_reload()
            if monitor.is_due():
                monitor.seal()
            until_seal_s = max(0.05, monitor.ledger.due_unix() - clock.wall())
            stop.wait(max(0.001, min(due_s - clock.monotonic(), until_seal_s, 1.0)))
        if not stop.is_set():
            if monitor.is_due():
                monitor.seal()
            monitor.step()
