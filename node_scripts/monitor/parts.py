"""What a monitor works with; each part can be another in tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from node_scripts.contracts import ProxyStatus
from node_scripts.monitor.alerting import Alerting
from node_scripts.monitor.keeper import Keeper
from node_scripts.monitor.sample import SensorSample
from node_scripts.monitor.shipper import Shipping
from node_scripts.paths import NodePaths


class SensorReader(Protocol):
    """What the monitor needs of sensors."""

    def read(self, monotonic_s: float) -> SensorSample:
        """Return what is known now."""

    def close(self) -> None:
        """End what they keep running."""


class Proxy(Protocol):
    """What the monitor needs of the proxy's control socket."""

    def status(self) -> ProxyStatus | None:
        """Return its status; ``None`` while it does not answer."""

    def raise_nodes(self, nodes: list[str]) -> bool:
        """Let peers know for which nodes an alert was raised."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The two clocks."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """What the monitor works with."""

    paths: NodePaths
    release: str
    keeper: Keeper
    shipping: Shipping | None
    """``None``: no store is configured."""
    proxy: Proxy
    sensors: SensorReader
    alerting: Alerting
    clock: Clock = Clock()
