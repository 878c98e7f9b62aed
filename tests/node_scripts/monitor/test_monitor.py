"""The monitor's looks with a clock of the test's: jumps, restarts, evictions, losses, what people see."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from node_scripts.contracts import LoaderStats, ProxyStatus
from node_scripts.monitor.alerting import Alerting
from node_scripts.monitor.alerts.messages import Message
from node_scripts.monitor.config import MonitorConfig
from node_scripts.monitor.keeper import Keeper
from node_scripts.monitor.monitor import Monitor
from node_scripts.monitor.own_events import EVICTIONS_A_MINUTE
from node_scripts.monitor.parts import Clock, Parts
from node_scripts.monitor.sample import SensorSample
from node_scripts.monitor.settings import MonitorSettings
from node_scripts.monitor.shipper import ship
from node_scripts.paths import NodePaths
from node_scripts.records import Eviction, Minute
from node_scripts.store.directory import DirectoryStore
from tests.node_scripts.monitor.made import MINUTE, status
from tests.node_scripts.monitor.running import Stream, events_in, minutes_in, sums_of

DAY_S = 86400.0


class Rig:
    """A monitor whose clock, proxy and sensors are the test's; its spool and journals are real."""

    def __init__(self, root: Path) -> None:
        """Make the node's folders and a store beside them."""
        self.paths = NodePaths.at(root / "node")
        self.paths.make()
        (root / "store").mkdir()
        self.store = DirectoryStore(root / "store")
        self.wall, self.monotonic = float(MINUTE), 1000.0
        self.proxy_status: ProxyStatus | None = status()
        self.sensor: SensorSample | Exception = SensorSample(thermal_level=0)
        self.raised: list[list[str]] = []
        self.messages: list[Message] = []
        self.stream = Stream(self.paths.request_journal)
        self.monitor = self.begin()

    def begin(self) -> Monitor:
        """Start a monitor on what there is."""
        config = MonitorConfig(fleet="f", node="n1", nodes=["n1", "n2"])
        keeper = Keeper(self.paths.spool_file, config.spool_limit_bytes, lambda: self.wall)
        parts = Parts(
            paths=self.paths,
            release="r1",
            keeper=keeper,
            shipping=None,
            proxy=self,
            sensors=self,
            alerting=Alerting(
                config, {}, self.paths.state / "silences.json", keeper.spool.state(), self.deliver
            ),
            clock=Clock(lambda: self.wall, lambda: self.monotonic),
        )
        settings = MonitorSettings(config=config, credentials=None, secrets={}, digest="d1")
        self.monitor = Monitor(parts, settings)
        return self.monitor

    # what the monitor asks
    def status(self) -> ProxyStatus | None:
        """Return the proxy's status."""
        return self.proxy_status

    def raise_nodes(self, nodes: list[str]) -> bool:
        """Take what was raised."""
        self.raised.append(nodes)
        return True

    def deliver(self, message: Message, _urls: Sequence[str]) -> bool:
        """Take a message."""
        self.messages.append(message)
        return True

    def read(self, _monotonic_s: float) -> SensorSample:
        """Return what the sensors read."""
        if isinstance(self.sensor, Exception):
            raise self.sensor
        return self.sensor

    def close(self) -> None:
        """End nothing."""

    # what the test does
    def pass_time(self, seconds: float) -> None:
        """Let both clocks go on, and the monitor with them, a look every five seconds."""
        left = seconds
        while left > 0:
            step = min(5.0, left)
            self.wall += step
            self.monotonic += step
            left -= step
            if self.monitor.is_due():
                self.monitor.seal()
            self.monitor.step()

    def jump(self, seconds: float) -> None:
        """Set the wall clock."""
        self.wall += seconds

    def ask(self, count: int) -> None:
        """Have requests end now."""
        for _ in range(count):
            self.stream.write(end_unix=self.wall)

    def crash(self) -> None:
        """End the monitor as a kill would, and begin another."""
        self.monitor.parts.keeper.spool.close()
        self.begin()

    def shipped(self) -> list[Minute]:
        """Ship all and return what lies in the store."""
        ship(self.monitor.parts.keeper.spool, self.store, 100.0, lambda: False)
        return minutes_in(self.store)

    def events(self) -> list[tuple[str, str, str]]:
        """Ship all and return kind, subject and action of each event."""
        self.shipped()
        return [(event.kind, event.subject, event.action) for event in events_in(self.store)]

    def live(self) -> dict[str, Any]:
        """Return what people see."""
        found: dict[str, Any] = json.loads(self.paths.monitor_live_file.read_bytes())
        return found


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """Return a rig, and close what it opened."""
    rig = Rig(tmp_path)
    yield rig
    rig.monitor.end(0.1)
    rig.stream.journal.close()


def test_a_minute_of_looks(rig: Rig) -> None:
    """Twelve samples cover it; requests are in it; the live file tells of them."""
    rig.monitor.step()
    for _ in range(13):
        rig.ask(10)
        rig.pass_time(5)
    [minute] = rig.shipped()
    assert (minute.minute_unix, minute.part) == (MINUTE, 0)
    assert minute.covered_s == 60.0
    assert minute.thermal.level_s[0] == 60.0
    assert minute.monitor.samples == 13
    assert sums_of([minute]).requests in (120, 130)
    live = rig.live()
    assert sum(model["requests_5m"] for model in live["models"].values()) == 130
    assert live["settings_digest"] == "d1"
    assert live["sample"]["models"]["tiny"]["loader"] == "loader-1"
    assert "latency_ms" not in live["sample"]


@pytest.mark.parametrize("jump_s", [DAY_S, -DAY_S, 3600.0, -90.0, -7.0])
def test_clock_jumps(rig: Rig, jump_s: float) -> None:
    """There and back: every request once, all time covered once, and each jump is an event."""
    rig.monitor.step()
    for leap in (0.0, jump_s, -jump_s, jump_s, -jump_s):
        rig.jump(leap)
        for _ in range(6):
            rig.ask(7)
            rig.pass_time(5)
    rig.pass_time(130)
    minutes = rig.shipped()
    assert sums_of(minutes) == rig.stream.written
    assert len({(one.minute_unix, one.part) for one in minutes}) == len(minutes)
    assert sum(one.covered_s for one in minutes) <= 280.0
    assert rig.events().count(("clock", "clock", "jumped")) == 4


@pytest.mark.parametrize("looks", [1, 2, 7, 13, 25])
def test_a_crash_at_every_moment(rig: Rig, looks: int) -> None:
    """Killed after so many looks, again and again: requests and evictions are told and counted once."""
    rig.proxy_status = status(stats=LoaderStats(pid=100, started_unix=0, evictions=0, lookups=0))
    rig.monitor.step()
    for serial in range(1, 61):
        rig.ask(3)
        recent = [
            Eviction(serial=one, time_unix=rig.wall, kind="user", tokens=1, size_bytes=2)
            for one in range(1, serial + 1)
        ]
        rig.proxy_status = status(
            stats=LoaderStats(
                pid=100, started_unix=0, recent_evictions=recent, evictions=serial, lookups=serial * 2
            )
        )
        rig.pass_time(5)
        if serial % looks == 0:
            rig.crash()
    rig.monitor.step()
    rig.pass_time(130)
    minutes = rig.shipped()
    assert sums_of(minutes) == rig.stream.written
    assert rig.events().count(("eviction", "tiny", "evicted")) == 60
    assert sum(one.models["tiny"].loader.evictions or 0 for one in minutes) == 60
    assert sum(one.models["tiny"].loader.lookups or 0 for one in minutes) == 120
    assert rig.events().count(("monitor", "monitor", "died")) == 60 // looks


def test_a_monitor_that_was_dead_tells_and_seals_what_it_missed(rig: Rig) -> None:
    """Its minutes come from the journal; a loader that came back meanwhile is told."""
    rig.monitor.step()
    rig.pass_time(70)
    rig.monitor.parts.keeper.spool.close()
    for _ in range(10):
        rig.wall += 60
        rig.monotonic += 60
        rig.ask(5)
    rig.proxy_status = status(loader_pid=101)
    rig.begin()
    rig.pass_time(70)
    minutes = rig.shipped()
    assert sums_of(minutes) == rig.stream.written
    uncovered = [one for one in minutes if one.covered_s == 0]
    assert len(uncovered) >= 8
    assert ("monitor", "monitor", "died") in rig.events()
    assert ("restart", "loader-1", "restarted") in rig.events()


def test_the_end_seals_also_the_minute_that_has_just_begun(rig: Rig) -> None:
    """Within the lag in which the one before still waits for its last records."""
    rig.monitor.step()
    rig.ask(3)
    rig.pass_time(55)
    rig.wall += 5.5
    rig.monotonic += 5.5
    rig.ask(2)
    assert not rig.monitor.is_due()
    rig.monitor.end(0.1)
    rig.begin()
    minutes = rig.shipped()
    assert [one.minute_unix for one in minutes] == [MINUTE, MINUTE + 60]
    assert sums_of(minutes) == rig.stream.written


def test_too_many_evictions_are_told_as_a_sum(rig: Rig) -> None:
    """One by one up to a bound; each minute's rest is one event."""
    rig.monitor.step()
    recent = [Eviction(serial=one, time_unix=rig.wall, kind="user", tokens=1) for one in range(1, 201)]
    rig.proxy_status = status(stats=LoaderStats(pid=100, started_unix=0, recent_evictions=recent))
    rig.pass_time(70)
    rig.pass_time(60)
    events = rig.events()
    assert events.count(("eviction", "tiny", "evicted")) == EVICTIONS_A_MINUTE
    assert events.count(("eviction", "tiny", "evicted more")) == 1
    [rest] = [event for event in events_in(rig.store) if event.action == "evicted more"]
    assert rest.detail["evictions"] == 200 - EVICTIONS_A_MINUTE


def test_without_a_proxy_it_goes_on(rig: Rig) -> None:
    """Its time is counted as down; models are unknown."""
    rig.monitor.step()
    rig.proxy_status = None
    rig.pass_time(65)
    [minute] = rig.shipped()
    assert minute.monitor.proxy_down_s == 60.0
    assert minute.covered_s == 60.0
    assert rig.live()["sample"]["proxy_up"] is False


def test_sensors_that_fail_cost_only_themselves(rig: Rig) -> None:
    """The failure is counted in each sample."""
    rig.monitor.step()
    rig.sensor = RuntimeError("broken")
    rig.ask(5)
    rig.pass_time(65)
    [minute] = rig.shipped()
    assert minute.monitor.sensor_errors == {"sensors": 12}
    assert minute.thermal.observed_s == 0
    assert sums_of([minute]).requests == 5


def test_a_missing_peer_is_raised_and_told(rig: Rig) -> None:
    """The alert is told once, an event, in the live file, and given to the proxy for the peers."""
    rig.proxy_status = status(peers={"n2": True})
    rig.monitor.step()
    rig.proxy_status = status(peers={"n2": False})
    rig.pass_time(60)
    assert ["n2"] in rig.raised
    assert [alert["rule"] for alert in rig.live()["alerts"]] == ["node-missing"]
    assert ("alert", "node-missing", "fired") in rig.events()
    assert rig.live()["incidents_open"]
    rig.raised.clear()
    rig.pass_time(60)
    assert rig.raised == [["n2"]] * 3, "the proxy forgets what it is not told again"
    rig.proxy_status = status(peers={"n2": True})
    rig.pass_time(120)
    assert rig.live()["alerts"] == []
    assert rig.raised.count([]) == 1
    assert rig.raised[-1] == []


def test_unrecorded_requests_are_counted(rig: Rig) -> None:
    """What the proxy could not note is known."""
    rig.monitor.step()
    rig.proxy_status = status(unrecorded_requests=4)
    rig.pass_time(10)
    rig.proxy_status = status(unrecorded_requests=6)
    rig.pass_time(60)
    assert sum(one.monitor.unrecorded_requests for one in rig.shipped()) == 6


def test_missed_looks_are_counted(rig: Rig) -> None:
    """A machine that slept: the gap is not covered, and said."""
    rig.monitor.step()
    rig.pass_time(10)
    rig.wall += 40
    rig.monotonic += 40
    rig.pass_time(5)
    rig.pass_time(60)
    minutes = rig.shipped()
    assert sum(one.monitor.missed for one in minutes) == 8
    assert sum(one.covered_s for one in minutes) < 90
