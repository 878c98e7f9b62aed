"""All parsers against whatever a tool may print: never an exception, never an invented figure."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node_scripts.monitor.sensors import ioreg, ismc, macmon, notifyutil, powermetrics, proc, sysctl, vm_stat
from node_scripts.monitor.sensors.meters import apc, shelly, tasmota
from tests.node_scripts.monitor.sensors import outputs


def _figures(found: object) -> set[tuple[str, object]]:
    """Return what is known, by name."""
    if not is_dataclass(found):
        return set() if found is None else {("", found)}
    figures = {(each.name, getattr(found, each.name)) for each in fields(found)}
    return {(name, value) for name, value in figures if value is not None}


def _memory(text: str) -> object:
    return sysctl.memory_state(sysctl.parse_sysctl(text))


PARSERS: dict[str, tuple[Callable[[str], object], object, str]] = {
    "notifyutil": (notifyutil.parse_level, None, outputs.NOTIFYUTIL),
    "powermetrics": (
        lambda text: powermetrics.parse_record(text.encode()),
        powermetrics.PowermetricsRecord(),
        outputs.POWERMETRICS.decode(),
    ),
    "macmon": (macmon.parse_record, macmon.MacmonRecord(), outputs.MACMON),
    "ismc temp": (ismc.parse_hottest_core, None, outputs.ISMC_TEMPERATURES),
    "ismc fans": (ismc.parse_fastest_fan, None, outputs.ISMC_FANS),
    "vm_stat": (vm_stat.parse_vm_stat, vm_stat.VirtualMemory(), outputs.VM_STAT),
    "sysctl": (_memory, sysctl.MemoryState(), outputs.SYSCTL),
    "ioreg": (ioreg.parse_gpu_bytes, None, outputs.IOREG),
    "shelly": (lambda text: shelly.parse_watts(text.encode()), None, '{"id":0,"apower":47.1}'),
    "tasmota": (
        lambda text: tasmota.parse_watts(text.encode()),
        None,
        '{"StatusSNS":{"ENERGY":{"Power":12}}}',
    ),
    "apc": (apc.parse_watts, None, "57"),
    "meminfo": (proc.parse_meminfo, proc.Meminfo(), "MemTotal:       16384 kB\n"),
    "stalls": (proc.parse_memory_stalls, None, "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"),
}
BROKEN = [
    "",
    "\n",
    "0",
    "null",
    "[]",
    "{}",
    '{"temp":null,"fans":null,"sys_power":null}',
    '{"temp":[1],"fans":{"rpm":1},"sys_power":"x"}',
    '{"apower":NaN,"StatusSNS":{"ENERGY":{"Power":true}},"sys_power":Infinity,"fans":[null,[],{}]}',
    '{"a":' * 3000,
    "[" * 100_000,
    "command not found",
    "powermetrics must be invoked as the superuser",
    "dyld[123]: Library not loaded",
    "<plist><dict><key>processor</key><dict>",
    "<plist><array/></plist>",
    "<plist><dict><key>processor</key><string>x</string></dict></plist>",
    "<plist><dict><key>thermal_pressure</key><integer>1</integer></dict></plist>",
    "\0\0\0",
    "\ufffd\ufffd",
]


# An outlet at 0 W is the meter's answer, and for its sensor to judge.
CASES = [(name, text) for name in PARSERS for text in BROKEN if (name, text) != ("apc", "0")]


@pytest.mark.parametrize(("name", "text"), CASES, ids=range(len(CASES)))
def test_broken_output_is_unknown(name: str, text: str) -> None:
    """Whatever is not the tool's output says nothing."""
    parse, unknown, _ = PARSERS[name]
    assert parse(text) == unknown


@pytest.mark.parametrize("name", [name for name in PARSERS if name not in {"apc", "stalls"}])
def test_output_cut_anywhere_invents_nothing(name: str) -> None:
    """A part of the output gives a part of the figures, none other; a number that is cut is no number."""
    parse, unknown, whole = PARSERS[name]
    known = parse(whole)
    assert known != unknown
    for end in range(len(whole.rstrip())):
        assert _figures(parse(whole[:end])) <= _figures(known)


@pytest.mark.parametrize("name", PARSERS)
@given(text=st.text(max_size=200))
def test_no_text_makes_a_parser_raise(name: str, text: str) -> None:
    """A parser answers any text."""
    parse, _, whole = PARSERS[name]
    parse(text)
    parse(whole + text)
    parse(text + whole)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["temp", "fans", "rpm", "key", "value", "quantity", "sys_power", "apower", "x"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_no_json_makes_a_parser_raise(value: object) -> None:
    """Fields of another type than today's are unknown."""
    text = json.dumps(value)
    for name in ("macmon", "ismc temp", "ismc fans", "shelly", "tasmota"):
        PARSERS[name][0](text)
