"""What a node can read of itself: one interface over macOS's and Linux's sources."""

from __future__ import annotations

from node_scripts.monitor.sensors.choose import choose_sensors
from node_scripts.monitor.sensors.sensors import Sensors

__all__ = ["Sensors", "choose_sensors"]
