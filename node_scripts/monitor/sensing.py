"""Sensors read in a thread: one that hangs must keep nobody from looking at the rest."""

from __future__ import annotations

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError

from node_scripts.monitor.parts import SensorReader
from node_scripts.monitor.sample import SensorSample

SENSORS_WAIT_S = 2.5

_LOG = logging.getLogger("garnet.monitor")


class Sensing:
    """One reading at a time; it outlives the sensors, which are made anew for new settings."""

    def __init__(self) -> None:
        """Read nothing yet."""
        self._pool = ThreadPoolExecutor(1, "sensors")
        self._reading: Future[SensorSample] | None = None

    def begin(self, sensors: SensorReader, now_s: float) -> None:
        """Begin a reading, unless an earlier one still goes on."""
        if self._reading is None:
            self._reading = self._pool.submit(sensors.read, now_s)

    def end(self) -> SensorSample:
        """Return what was read; only an error where it takes longer than 2.5 s, or failed."""
        reading = self._reading
        if reading is None:
            return SensorSample(errors=["sensors"])
        try:
            found = reading.result(SENSORS_WAIT_S)
        except FutureTimeoutError:
            return SensorSample(errors=["sensors"])
        except Exception as error:  # noqa: BLE001 -- counted; requests and alerts go on without sensors
            _LOG.error("sensors: %s", error)
            found = SensorSample(errors=["sensors"])
        self._reading = None
        return found

    def close(self) -> None:
        """Wait for nothing."""
        self._pool.shutdown(wait=False, cancel_futures=True)
