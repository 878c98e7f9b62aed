"""A Mac's sensors together, its tools printing what the tests say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from node_scripts.monitor.config import MonitorConfig
from node_scripts.monitor.sample import SensorSample, Value
from node_scripts.monitor.sensors import Sensors, choose_sensors
from node_scripts.monitor.sensors.interface import FIGURES, SensorError
from tests.node_scripts.monitor.sensors import outputs
from tests.node_scripts.monitor.sensors.fakes import SYSCTLS, FakeMac
from tests.node_scripts.monitor.sensors.servers import free_port, http_server


def _sensors(mac: FakeMac, meter: str | None = None) -> Sensors:
    config = MonitorConfig(fleet="rack", node="mini-1", nodes=["mini-1"], power_meter=meter)
    return choose_sensors(config, Path("/"), list, mac.machine)


def _read(mac: FakeMac, meter: str | None = None) -> SensorSample:
    return _sensors(mac, meter).read(0.0)


def test_a_mac_with_everything_installed_knows_every_figure() -> None:
    """But for the clock, which has no peers here, and the processor's first share."""
    sample = _read(FakeMac())
    assert sample.errors == []
    assert (sample.thermal_level, sample.thermal_source) == (1, "notifyutil")
    assert sample.package_celsius == Value(value=61.25, source="macmon:cpu_temp_avg")
    assert sample.core_celsius == Value(value=73.2, source="ismc:Tp05")
    assert sample.fan_rpm == Value(value=1750.0, source="macmon:fans")
    assert sample.watts == Value(value=38.75, source="macmon:sys_power")
    assert sample.memory_total_bytes == 34359738368
    assert sample.memory_available_bytes == 3340 * 16384
    assert sample.wired_bytes == 420751 * 16384
    assert sample.compressed_bytes == 257278 * 16384
    assert sample.swap_used_bytes == 1024 * 1024**2 + 512 * 1024
    assert sample.swap_in_total_bytes == 70 * 16384
    assert (sample.pressure, sample.gpu_bytes, sample.memory_source) == (2, 7688503296, "vm_stat")
    assert sample.disk_free_bytes
    assert sample.clock_offset_s is None


def test_a_bare_mac_knows_level_and_memory_and_names_what_to_install() -> None:
    """Without root there is nothing else, and that is no failure."""
    mac = FakeMac(installed=())
    sensors = _sensors(mac)
    sample = sensors.read(0.0)
    assert sample.errors == []
    assert (sample.thermal_level, sample.memory_total_bytes) == (1, 34359738368)
    assert [sample.package_celsius, sample.core_celsius, sample.fan_rpm, sample.watts] == [None] * 4
    described = sensors.describe()
    assert list(described) == list(FIGURES)
    assert described["watts"] == "unknown (macmon is not installed: brew install macmon)"
    assert "brew install dkorunic/tap/ismc" in described["core_celsius"]


@pytest.mark.parametrize("installed", [(), ("macmon",)])
def test_powermetrics_gives_the_chips_power_where_nothing_better_is(installed: tuple[str, ...]) -> None:
    """Its source says that it is not the machine's; it is asked as root only."""
    mac = FakeMac(installed=installed, root=True)
    watts = _read(mac).watts
    expected = Value(value=38.75, source="macmon:sys_power")
    assert watts == (expected if installed else Value(value=23.70075, source="powermetrics:chip"))
    assert "powermetrics" not in FakeMac(installed=installed).streams


def test_unreadable_system_power_leaves_it_to_the_chips() -> None:
    """0.0 of macmon is unknown."""
    mac = FakeMac(root=True)
    sensors = _sensors(mac)
    mac.streams["macmon"].says = outputs.MACMON.replace("38.75", "0.0").encode()
    sample = sensors.read(0.0)
    assert sample.watts == Value(value=23.70075, source="powermetrics:chip")
    assert sample.errors == []


def test_the_meter_comes_first_and_the_machine_takes_over_when_it_fails() -> None:
    """The source tells which, and the failure is counted."""
    page = json.dumps({"id": 0, "apower": 44.5}).encode()
    with http_server({"/rpc/Switch.GetStatus?id=0": (200, page)}) as port:
        assert _read(FakeMac(), f"shelly://127.0.0.1:{port}").watts == Value(value=44.5, source="shelly")
    sensors = _sensors(FakeMac(), f"shelly://127.0.0.1:{free_port()}")
    sample = sensors.read(0.0)
    assert sample.watts == Value(value=38.75, source="macmon:sys_power")
    assert sample.errors == ["power meter"]
    assert sensors.describe()["watts"].startswith("shelly at 127.0.0.1 [last reading failed: ")
    assert sensors.describe()["watts"].endswith("], else macmon")


@pytest.mark.parametrize(
    ("reply", "machine"),
    [
        ("com.apple.system.thermalpressurelevel: Failed with code 9\n", outputs.SYSCTL_MACHINE),
        ("com.apple.system.thermalpressurelevel 7\n", outputs.SYSCTL_MACHINE),
        ("com.apple.system.thermalpressurelevel 0\n", "kern.hv_vmm_present: 0\n"),
        ("com.apple.system.thermalpressurelevel 0\n", "hw.optional.arm64: 1\nkern.hv_vmm_present: 1\n"),
    ],
)
def test_a_level_that_means_nothing_is_unknown_and_powermetrics_takes_over(reply: str, machine: str) -> None:
    """Never 0: a virtual Mac is not known to be cool."""
    mac = FakeMac(installed=())
    mac.runner.says |= {"notifyutil": reply, SYSCTLS: machine}
    sample = _read(mac)
    assert (sample.thermal_level, sample.thermal_source, sample.errors) == (None, "", ["thermal"])
    mac.root = True
    sample = _read(mac)
    assert (sample.thermal_level, sample.thermal_source) == (1, "powermetrics")


def test_the_machine_is_asked_once_what_it_is() -> None:
    """Also after a first failure."""
    mac = FakeMac(installed=())
    mac.runner.says[SYSCTLS] = SensorError("sysctl gave no answer in 1.5 s")
    sensors = _sensors(mac)
    assert sensors.read(0.0).thermal_level is None
    mac.runner.says[SYSCTLS] = outputs.SYSCTL_MACHINE
    assert [sensors.read(now_s).thermal_level for now_s in (5.0, 10.0, 15.0)] == [1, 1, 1]
    assert sum("hw.optional.arm64" in command for command in mac.runner.asked) == 2


@pytest.mark.parametrize(
    ("tool", "names"),
    [
        ("notifyutil", ["thermal"]),
        ("vm_stat", ["memory"]),
        ("sysctl", ["sysctl"]),
        ("ioreg", ["gpu"]),
        ("temp", ["core temperature"]),
    ],
)
@pytest.mark.parametrize("said", ["", "command not found\n", SensorError("gave no answer in 1.5 s")])
def test_a_tool_that_fails_costs_its_own_figures(
    tool: str, names: list[str], said: str | SensorError
) -> None:
    """Of the others each is there."""
    mac = FakeMac()
    mac.runner.says[tool] = said
    sample, whole = _read(mac), _read(FakeMac())
    assert sample.errors == names
    lost = {
        name
        for name in SensorSample.__slots__
        if getattr(sample, name) != getattr(whole, name) and name not in {"errors", "disk_free_bytes"}
    }
    assert (
        lost
        == {
            "notifyutil": {"thermal_level", "thermal_source"},
            "vm_stat": {
                "memory_available_bytes",
                "wired_bytes",
                "compressed_bytes",
                "swap_in_total_bytes",
                "memory_source",
            },
            "sysctl": {"memory_total_bytes", "swap_used_bytes", "pressure"},
            "ioreg": {"gpu_bytes"},
            "temp": {"core_celsius"},
        }[tool]
    )


@pytest.mark.parametrize("said", [SensorError("macmon ended with 1"), b"panicked at 'no SMC'\n"])
def test_a_kept_tool_that_fails_is_named_and_others_take_over(said: bytes | SensorError) -> None:
    """Fans come from iSMC then."""
    mac = FakeMac()
    sensors = _sensors(mac)
    mac.streams["macmon"].says = said
    sample = sensors.read(0.0)
    assert sample.errors == ["macmon"]
    assert sample.fan_rpm == Value(value=1120.0, source="ismc:F1Ac")


def test_kept_tools_that_have_not_spoken_yet_are_no_failure() -> None:
    """They are just started."""
    mac = FakeMac(root=True)
    sensors = _sensors(mac)
    for stream in mac.streams.values():
        stream.says = None
    sample = sensors.read(0.0)
    assert (sample.errors, sample.watts) == ([], None)


def test_slow_tools_are_asked_less_often() -> None:
    """The thermal level at every sample, single cores and the GPU's memory not."""
    mac = FakeMac()
    sensors = _sensors(mac)
    for number in range(12):
        sensors.read(5.0 * number)
    names = [command[-1] if "iSMC" in command[0] else Path(command[0]).name for command in mac.runner.asked]
    assert {name: names.count(name) for name in ("notifyutil", "vm_stat", "ioreg", "temp")} == {
        "notifyutil": 12,
        "vm_stat": 12,
        "ioreg": 6,
        "temp": 4,
    }


def test_closing_ends_the_kept_tools() -> None:
    """Both."""
    mac = FakeMac(root=True)
    _sensors(mac).close()
    assert {name: stream.ended for name, stream in mac.streams.items()} == {
        "macmon": True,
        "powermetrics": True,
    }


def test_an_snmp_community_is_shown_nowhere() -> None:
    """Neither in descriptions nor in failures."""
    sensors = _sensors(FakeMac(), "apc://hunter2@127.0.0.1:1/5")
    sensors.read(0.0)
    assert "hunter2" not in json.dumps(sensors.describe())
    assert "apc at 127.0.0.1 outlet 5" in sensors.describe()["watts"]
