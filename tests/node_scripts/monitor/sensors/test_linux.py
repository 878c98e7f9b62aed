"""Linux hosts: files of `/proc` and `/sys`."""

from __future__ import annotations

from pathlib import Path

import pytest

from node_scripts.monitor.config import MonitorConfig
from node_scripts.monitor.sample import Value
from node_scripts.monitor.sensors import choose_sensors, proc, sysfs
from node_scripts.monitor.sensors.linux import linux_sensors
from node_scripts.monitor.sensors.machine import Machine
from node_scripts.monitor.sensors.sensors import Sensors

MEMINFO = """MemTotal:       32594084 kB
MemFree:         1000000 kB
MemAvailable:   16000000 kB
SwapTotal:       8388604 kB
SwapFree:        8288604 kB
Mlocked:              32 kB
Zswap:               500 kB
"""


@pytest.fixture
def host(tmp_path: Path) -> Machine:
    """Return a host with all that Linux may show, processor at 2 of 3 cooling steps."""
    files = {
        "proc/meminfo": MEMINFO,
        "proc/vmstat": "pgpgin 5\npswpin 11\npswpout 12\n",
        "proc/pressure/memory": "some avg10=12.50 avg60=3.00 avg300=1.00 total=9\n"
        "full avg10=2.00 avg60=1.00 avg300=0.00 total=7\n",
        "sys/class/thermal/thermal_zone0/type": "acpitz",
        "sys/class/thermal/thermal_zone0/temp": "27800",
        "sys/class/thermal/thermal_zone1/type": "x86_pkg_temp",
        "sys/class/thermal/thermal_zone1/temp": "64000",
        "sys/class/thermal/cooling_device0/type": "Processor",
        "sys/class/thermal/cooling_device0/cur_state": "2",
        "sys/class/thermal/cooling_device0/max_state": "3",
        "sys/class/thermal/cooling_device1/type": "intel_powerclamp",
        "sys/class/thermal/cooling_device1/cur_state": "-1",
        "sys/class/thermal/cooling_device1/max_state": "50",
        "sys/class/thermal/cooling_device2/type": "Fan",
        "sys/class/thermal/cooling_device2/cur_state": "1",
        "sys/class/thermal/cooling_device2/max_state": "1",
        "sys/class/hwmon/hwmon0/name": "coretemp",
        "sys/class/hwmon/hwmon0/temp1_label": "Package id 0",
        "sys/class/hwmon/hwmon0/temp1_input": "91000",
        "sys/class/hwmon/hwmon0/temp2_label": "Core 0",
        "sys/class/hwmon/hwmon0/temp2_input": "66000",
        "sys/class/hwmon/hwmon0/temp3_label": "Core 1",
        "sys/class/hwmon/hwmon0/temp3_input": "71500",
        "sys/class/hwmon/hwmon1/name": "nct6798",
        "sys/class/hwmon/hwmon1/fan1_input": "0",
        "sys/class/hwmon/hwmon1/fan2_input": "1240",
        "sys/class/powercap/intel-rapl:0/name": "package-0",
        "sys/class/powercap/intel-rapl:0/energy_uj": "1000000",
        "sys/class/powercap/intel-rapl:0/max_energy_range_uj": "262143328850",
        "sys/class/powercap/intel-rapl:0:0/name": "core",
        "sys/class/powercap/intel-rapl:0:0/energy_uj": "5",
        "sys/class/powercap/intel-rapl:0:0/max_energy_range_uj": "9",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + ("" if text.endswith("\n") else "\n"))
    return Machine(system="Linux", proc=tmp_path / "proc", sys=tmp_path / "sys", page_bytes=4096)


def test_a_host_that_shows_all_knows_all(host: Machine) -> None:
    """Power from the second reading on, for it is a difference."""
    sensors = Sensors(linux_sensors(host))
    first = sensors.read(0.0)
    (host.sys / "class/powercap/intel-rapl:0/energy_uj").write_text("101000000\n")
    second = sensors.read(5.0)
    assert first.errors == second.errors == []
    assert first.watts is None
    assert second.watts == Value(value=20.0, source="rapl:package")
    assert (second.thermal_level, second.thermal_source) == (2, "cooling_device")
    assert second.package_celsius == Value(value=64.0, source="thermal_zone:x86_pkg_temp")
    assert second.core_celsius == Value(value=71.5, source="coretemp:Core 1")
    assert second.fan_rpm == Value(value=1240.0, source="nct6798:fan2")
    assert second.memory_total_bytes == 32594084 * 1024
    assert second.memory_available_bytes == 16000000 * 1024
    assert (second.wired_bytes, second.compressed_bytes) == (32 * 1024, 500 * 1024)
    assert (second.swap_used_bytes, second.swap_in_total_bytes) == (100000 * 1024, 11 * 4096)
    assert (second.pressure, second.memory_source) == (2, "meminfo")


def test_a_host_that_shows_nothing_but_memory_says_why(tmp_path: Path) -> None:
    """A container: unknown, no failure."""
    (tmp_path / "meminfo").write_text(MEMINFO)
    (tmp_path / "vmstat").write_text("nr_free_pages 1\n")
    sensors = Sensors(linux_sensors(Machine(system="Linux", proc=tmp_path, sys=tmp_path)))
    sample = sensors.read(0.0)
    assert sample.errors == []
    assert (sample.thermal_level, sample.watts, sample.pressure, sample.swap_in_total_bytes) == (None,) * 4
    described = sensors.describe()
    assert described["thermal_level"].startswith("unknown (no cooling device")
    assert "RAPL" in described["watts"]
    assert "PSI" in described["pressure"]


@pytest.mark.parametrize(
    ("state", "most", "level"),
    [(0, 3, 0), (1, 3, 1), (2, 3, 2), (3, 3, 3), (9, 3, 3), (-1, 3, None), (0, 0, None)],
)
def test_cooling_steps_are_levels(tmp_path: Path, state: int, most: int, level: int | None) -> None:
    """A device that tells no state tells nothing."""
    device = tmp_path / "class/thermal/cooling_device0"
    device.mkdir(parents=True)
    for name, text in {"type": "cpufreq-cpu0", "cur_state": str(state), "max_state": str(most)}.items():
        (device / name).write_text(text)
    assert sysfs.cooling_level(tmp_path) == level


@pytest.mark.parametrize(
    ("before", "after", "seconds", "expected"),
    [
        ({"0": (10_000_000, 100_000_000)}, {"0": (60_000_000, 100_000_000)}, 5.0, 10.0),
        ({"0": (90_000_000, 100_000_000)}, {"0": (40_000_000, 100_000_000)}, 5.0, 10.0),
        ({"0": (1, 9)}, {"0": (1, 9)}, 5.0, None),
        ({"0": (1, 9)}, {"1": (5, 9)}, 5.0, None),
        ({"0": (1, 9)}, {"0": (5, 9)}, 0.0, None),
    ],
)
def test_energy_becomes_power(
    before: dict[str, tuple[int, int]],
    after: dict[str, tuple[int, int]],
    seconds: float,
    expected: float | None,
) -> None:
    """Counters wrap round; one that stands still cannot be read."""
    assert sysfs.watts_between(before, after, seconds) == expected


@pytest.mark.parametrize(("some", "full", "level"), [(0, 0, 1), (9.99, 0, 1), (10, 0, 2), (60, 12.5, 4)])
def test_stalls_for_memory_are_pressure(some: float, full: float, level: int) -> None:
    """Numbered as on macOS."""
    rest = "avg60=0.00 avg300=0.00 total=0\n"
    text = f"some avg10={some:.2f} {rest}full avg10={full:.2f} {rest}"
    assert proc.parse_memory_stalls(text) == level


def test_another_system_is_all_unknown_but_for_what_is_the_same_everywhere(tmp_path: Path) -> None:
    """Disk, clock and processor."""
    config = MonitorConfig(fleet="rack", node="n", nodes=["n"])
    sensors = choose_sensors(config, tmp_path, lambda: [0.5], Machine(system="Plan9"))
    sample = sensors.read(0.0)
    assert (sample.errors, sample.memory_total_bytes, sample.clock_offset_s) == ([], None, -0.5)
    assert sample.disk_total_bytes
    assert sensors.describe()["memory"] == "unknown (no sensors are known for Plan9)"


def test_this_host_is_read_without_a_failure(tmp_path: Path) -> None:
    """With the machine as it is."""
    config = MonitorConfig(fleet="rack", node="n", nodes=["n"])
    sensors = choose_sensors(config, tmp_path, list)
    sample = sensors.read(0.0)
    sensors.close()
    assert sample.disk_total_bytes
    assert sample.errors == []
    assert sample.memory_total_bytes
