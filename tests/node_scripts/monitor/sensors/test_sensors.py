"""Reading all sensors: each fails, hangs and ages for itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from node_scripts.monitor.sample import SensorSample, Value
from node_scripts.monitor.sensors.interface import Sensor, SensorError, SensorSet, merge
from node_scripts.monitor.sensors.sensors import Sensors


@dataclass
class Probe:
    """A sensor of the disk that a test steers."""

    free: int | None = 1
    failure: Exception | None = None
    gate: threading.Event | None = None
    readings: list[float] = field(default_factory=list)
    closed: bool = False

    def sensor(self, name: str = "probe", interval_s: float = 0.0) -> Sensor:
        """Return it as Sensors take it."""
        return Sensor(name, "a probe", ("disk",), self._read, interval_s, self._close)

    def _read(self, monotonic_s: float) -> SensorSample:
        self.readings.append(monotonic_s)
        if self.gate:
            self.gate.wait(30.0)
        if self.failure:
            raise self.failure
        return SensorSample(disk_free_bytes=self.free)

    def _close(self) -> None:
        self.closed = True


def _sensors(*sensors: Sensor, budget_s: float = 1.9) -> Sensors:
    return Sensors(SensorSet(sensors), budget_s)


@pytest.mark.parametrize(
    "failure", [SensorError("gone"), OSError("gone"), ValueError("gone"), KeyError("gone")]
)
def test_a_failing_sensor_costs_its_own_figures_only(failure: Exception) -> None:
    """Whatever it raises; it is named."""
    other = Sensor("cpu", "x", ("cpu_share",), lambda _now: SensorSample(cpu_share=0.5))
    sample = _sensors(Probe(failure=failure).sensor("disk"), other).read(0.0)
    assert (sample.disk_free_bytes, sample.cpu_share, sample.errors) == (None, 0.5, ["disk"])


def test_a_failure_is_forgotten_with_the_next_good_reading() -> None:
    """And what it failed of is told while it lasts."""
    probe = Probe(failure=SensorError("no route"))
    sensors = _sensors(probe.sensor())
    sensors.read(0.0)
    assert "[last reading failed: no route]" in sensors.describe()["disk"]
    probe.failure = None
    assert sensors.read(5.0).disk_free_bytes == 1
    assert sensors.describe()["disk"] == "a probe"


def test_a_figure_that_failed_is_unknown_and_not_the_last_one() -> None:
    """Old news are no news."""
    probe = Probe()
    sensors = _sensors(probe.sensor())
    assert sensors.read(0.0).disk_free_bytes == 1
    probe.failure = SensorError("gone")
    assert sensors.read(5.0).disk_free_bytes is None


def test_a_hanging_sensor_does_not_hold_the_others_up() -> None:
    """It is not asked again while it hangs, and counts as failed each time."""
    gate = threading.Event()
    probe = Probe(gate=gate)
    other = Sensor("cpu", "x", ("cpu_share",), lambda _now: SensorSample(cpu_share=0.5))
    sensors = _sensors(probe.sensor(), other, budget_s=0.1)
    begun = time.monotonic()
    samples = [sensors.read(now_s) for now_s in (0.0, 5.0)]
    assert time.monotonic() - begun < 10.0
    assert [sample.errors for sample in samples] == [["probe"], ["probe"]]
    assert [sample.cpu_share for sample in samples] == [0.5, 0.5]
    assert probe.readings == [0.0]
    gate.set()


def _let_go(sensors: Sensors, probe: Probe, gate: threading.Event) -> None:
    """Let the reading that hangs come to its end before the next look."""
    sensors.read(0.0)
    gate.set()
    for thread in threading.enumerate():
        if thread.name == "sensor probe":
            thread.join()
    probe.gate = None


@pytest.mark.parametrize(("next_s", "free", "errors"), [(5.0, 1, []), (60.0, None, ["probe"])])
def test_an_answer_that_came_late_counts_while_it_is_fresh(
    next_s: float, free: int | None, errors: list[str]
) -> None:
    """At the next look; one of a minute ago does not."""
    gate = threading.Event()
    probe = Probe(gate=gate)
    sensors = _sensors(probe.sensor(), budget_s=0.05)
    _let_go(sensors, probe, gate)
    sample = sensors.read(next_s)
    assert (sample.disk_free_bytes, sample.errors) == (free, errors)
    assert sensors.read(next_s + 5.0).disk_free_bytes == 1


def test_a_slow_sensor_is_asked_at_its_own_interval_and_holds_in_between() -> None:
    """Every 30 s of 5."""
    probe = Probe()
    sensors = _sensors(probe.sensor(interval_s=30.0))
    samples = [sensors.read(5.0 * number) for number in range(13)]
    assert probe.readings == [0.0, 30.0, 60.0]
    assert all(sample.disk_free_bytes == 1 for sample in samples)


def test_a_slow_sensor_that_failed_is_asked_again_sooner() -> None:
    """Its failure is counted once a try."""
    probe = Probe(failure=SensorError("gone"))
    sensors = _sensors(probe.sensor(interval_s=60.0))
    samples = [sensors.read(5.0 * number) for number in range(7)]
    assert probe.readings == [0.0, 15.0, 30.0]
    assert [len(sample.errors) for sample in samples] == [1, 0, 0, 1, 0, 0, 1]
    assert all(sample.disk_free_bytes is None for sample in samples)


def test_a_slow_sensor_that_failed_no_longer_shows_what_it_knew() -> None:
    """Not even between two tries."""
    probe = Probe()
    sensors = _sensors(probe.sensor(interval_s=30.0))
    sensors.read(0.0)
    probe.failure = SensorError("gone")
    assert [sensors.read(now_s).disk_free_bytes for now_s in (25.0, 30.0, 35.0)] == [1, None, None]


def test_sensors_are_asked_side_by_side() -> None:
    """Each waits for the other."""
    barrier = threading.Barrier(2)

    def read(_monotonic_s: float) -> SensorSample:
        barrier.wait(10.0)
        return SensorSample(cpu_share=0.1)

    sensors = _sensors(*(Sensor(name, "x", (), read) for name in ("a", "b")))
    assert sensors.read(0.0).errors == []


def test_closing_ends_what_sensors_keep() -> None:
    """Each of them."""
    probes = [Probe(), Probe()]
    _sensors(*(probe.sensor(str(number)) for number, probe in enumerate(probes))).close()
    assert [probe.closed for probe in probes] == [True, True]


def test_a_partial_failure_is_counted_and_its_figures_hold() -> None:
    """Of a clock whose server is silent and whose peers answer."""
    part = SensorSample(clock_offset_s=0.5, clock_source="peers", errors=["clock"])
    sensors = _sensors(Sensor("clock", "x", ("clock_offset_s",), lambda _now: part, interval_s=60.0))
    assert sensors.read(0.0).errors == ["clock"]
    held = sensors.read(5.0)
    assert (held.clock_offset_s, held.errors) == (0.5, [])


def _watts(watts: float | None, source: str) -> SensorSample:
    return SensorSample(watts=None if watts is None else Value(value=watts, source=source))


def test_the_first_that_knows_a_figure_gives_it_with_its_source() -> None:
    """A zero is known, and a source goes with its figure."""
    first = SensorSample(thermal_level=None, thermal_source="broken", swap_used_bytes=0, cpu_share=0.0)
    second = SensorSample(thermal_level=0, thermal_source="powermetrics", swap_used_bytes=9, cpu_share=0.9)
    merged = merge([first, _watts(None, ""), second, _watts(5.0, "b"), _watts(6.0, "c")])
    assert (merged.thermal_level, merged.thermal_source) == (0, "powermetrics")
    assert (merged.swap_used_bytes, merged.cpu_share) == (0, 0.0)
    assert merged.watts == Value(value=5.0, source="b")


def test_nothing_read_is_all_unknown() -> None:
    """No figure has a default other than unknown."""
    assert merge([]) == SensorSample()


@pytest.mark.parametrize("make", [lambda: SensorSet(()), lambda: SensorSet((), {"watts": "no meter"})])
def test_figures_without_a_source_say_so(make: Callable[[], SensorSet]) -> None:
    """With the reason where there is one."""
    described = Sensors(make()).describe()
    assert described["disk"] == "unknown"
    assert described["watts"] in {"unknown", "unknown (no meter)"}
