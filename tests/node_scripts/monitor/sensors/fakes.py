"""A Mac whose tools print what a test says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from node_scripts.monitor.sensors.interface import SensorError
from node_scripts.monitor.sensors.machine import Machine
from node_scripts.monitor.sensors.stream import ToolStream
from tests.node_scripts.monitor.sensors import outputs

SYSCTLS = "sysctl of the machine"


def healthy() -> dict[str, str | SensorError]:
    """Return what all tools of a Mac mini print that is well."""
    return {
        "notifyutil": outputs.NOTIFYUTIL,
        "vm_stat": outputs.VM_STAT,
        "sysctl": outputs.SYSCTL,
        SYSCTLS: outputs.SYSCTL_MACHINE,
        "ioreg": outputs.IOREG,
        "temp": outputs.ISMC_TEMPERATURES,
        "fans": outputs.ISMC_FANS,
    }


@dataclass
class FakeRunner:
    """Prints by tool; iSMC by its command."""

    says: dict[str, str | SensorError] = field(default_factory=healthy)
    asked: list[list[str]] = field(default_factory=list)

    def run(self, command: Sequence[str], timeout_s: float = 1.5) -> str:
        """Return or raise what the test said."""
        self.asked.append(list(command))
        name = Path(command[0]).name
        if name == "iSMC":
            name = command[-1]
        if name == "sysctl" and "hw.optional.arm64" in command:
            name = SYSCTLS
        said = self.says[name]
        if isinstance(said, SensorError):
            raise said
        return said


class FakeStream(ToolStream):
    """A kept tool whose newest record the test sets."""

    says: bytes | SensorError | None = None
    ended = False

    def latest(self) -> bytes | None:
        """Return or raise what the test said."""
        if isinstance(self.says, SensorError):
            raise self.says
        return self.says

    def close(self) -> None:
        """Remember it."""
        self.ended = True


@dataclass
class FakeMac:
    """The machine with its runner and kept tools."""

    installed: tuple[str, ...] = ("macmon", "iSMC")
    root: bool = False
    runner: FakeRunner = field(default_factory=FakeRunner)
    streams: dict[str, FakeStream] = field(default_factory=dict)

    @property
    def machine(self) -> Machine:
        """Return it as sensors take it."""
        return Machine(
            system="Darwin",
            is_root=self.root,
            runner=self.runner,
            find_tool=lambda name: f"/opt/homebrew/bin/{name}" if name in self.installed else None,
            stream=self._stream,
        )

    def _stream(self, command: Sequence[str], record_end: bytes, interval_s: float) -> FakeStream:
        stream = FakeStream(command, record_end, interval_s)
        name = Path(command[0]).name
        stream.says = outputs.MACMON.encode() if name == "macmon" else outputs.POWERMETRICS
        self.streams[name] = stream
        return stream
