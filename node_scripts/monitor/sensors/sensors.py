"""All sensors of a node, each isolated from the others."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from node_scripts.monitor.sample import SensorSample
from node_scripts.monitor.sensors.interface import FIGURES, Sensor, SensorError, SensorSet, merge

BUDGET_S = 1.9
"""How long one look at all sensors may take."""
RETRY_S = 15.0
"""A slow sensor that failed is asked again after this time."""
LATE_S = 10.0
"""An answer that came too late for its sample still counts for one within this time."""

UNKNOWN = SensorSample()


class Sensors:
    """Reads a node's sensors side by side. Not to be called from two threads at once."""

    def __init__(self, chosen: SensorSet, budget_s: float = BUDGET_S) -> None:
        """Take a node's sensors; nothing is read yet."""
        self._absent = chosen.absent
        self._channels = [_Channel(sensor) for sensor in chosen.sensors]
        self._budget_s = budget_s

    def read(self, monotonic_s: float) -> SensorSample:
        """Return what is known at ``monotonic_s`` within two seconds; what failed is named in ``errors``."""
        for channel in self._channels:
            channel.begin(monotonic_s)
        deadline_s = time.monotonic() + self._budget_s
        for channel in self._channels:
            channel.wait(deadline_s - time.monotonic())
        return merge([channel.finish(monotonic_s) for channel in self._channels])

    def close(self) -> None:
        """End what sensors keep running; none may be read after it."""
        for channel in self._channels:
            channel.sensor.close()

    def describe(self) -> dict[str, str]:
        """Return by figure where it comes from, the best source first, and why others are absent."""
        described = {}
        for figure in FIGURES:
            sources = [channel.describe() for channel in self._channels if figure in channel.sensor.feeds]
            text = ", else ".join(sources) or "unknown"
            absent = self._absent.get(figure)
            described[figure] = f"{text} ({absent})" if absent else text
        return described


class _Attempt:
    """One reading in a thread of its own, which is left behind if it hangs."""

    def __init__(self, sensor: Sensor, monotonic_s: float) -> None:
        self.begun_s = monotonic_s
        self.done = threading.Event()
        self.part = UNKNOWN
        self.failure = ""
        self._sensor = sensor
        # A daemon: a name server that does not answer must not hold up the end of the process.
        threading.Thread(target=self._run, name=f"sensor {sensor.name}", daemon=True).start()

    def _run(self) -> None:
        try:
            self.part = self._sensor.read(self.begun_s)
        except SensorError as error:
            self.failure = str(error)
        except Exception as error:  # noqa: BLE001 -- one sensor's fault must not cost the others' figures
            self.failure = f"{type(error).__name__}: {error}"
        finally:
            self.done.set()


class _Channel:
    """One sensor with its last reading."""

    def __init__(self, sensor: Sensor) -> None:
        self.sensor = sensor
        self._attempt: _Attempt | None = None
        self._part = UNKNOWN
        self._failure = ""
        self._due_s = float("-inf")

    def begin(self, monotonic_s: float) -> None:
        if self._attempt is None and monotonic_s >= self._due_s:
            self._attempt = _Attempt(self.sensor, monotonic_s)

    def wait(self, timeout_s: float) -> None:
        if self._attempt is not None:
            self._attempt.done.wait(max(0.0, timeout_s))

    def finish(self, monotonic_s: float) -> SensorSample:
        attempt = self._attempt
        if attempt is None:
            return self._part
        if not attempt.done.is_set():
            return self._failed("took too long")
        self._attempt = None
        late = monotonic_s - attempt.begun_s > LATE_S
        if attempt.failure or late:
            self._due_s = monotonic_s + min(self.sensor.interval_s, RETRY_S)
            return self._failed(attempt.failure or "answered too late")
        self._due_s = attempt.begun_s + self.sensor.interval_s
        self._part, self._failure = replace(attempt.part, errors=[]), ""
        return attempt.part

    def _failed(self, why: str) -> SensorSample:
        self._part, self._failure = UNKNOWN, why
        return SensorSample(errors=[self.sensor.name])

    def describe(self) -> str:
        failed = f" [last reading failed: {self._failure}]" if self._failure else ""
        return f"{self.sensor.source}{failed}"
