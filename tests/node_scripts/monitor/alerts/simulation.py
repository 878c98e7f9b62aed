"""One node's alert engine fed with simulated samples, and a fleet of them that hear each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from node_scripts.histogram import Histogram
from node_scripts.monitor.alerts.engine import AlertEngine
from node_scripts.monitor.alerts.messages import Message
from node_scripts.monitor.alerts.state import AlertState
from node_scripts.monitor.config import AlertSettings, MonitorConfig
from node_scripts.monitor.sample import ModelSample, Sample, SensorSample
from node_scripts.records import Event
from node_scripts.store.objects import StoreAddress

START_UNIX = 1_795_000_000.0
INTERVAL_S = 5.0


def config_of(node: str = "a", nodes: Iterable[str] = ("a", "b", "c"), **alerts: Any) -> MonitorConfig:
    """Return a node's settings."""
    settings = AlertSettings(**alerts)
    store = StoreAddress("/store")
    return MonitorConfig(fleet="rack", node=node, nodes=list(nodes), store=store, alerts=settings)


def model_sample(state: str = "ready", **fields: Any) -> ModelSample:
    """Return a model that works, but for ``fields``."""
    return ModelSample(
        **{"loader": "loader-1", "pid": 10, "state": state, "in_flight": 1, "queued": 0, **fields}
    )


def latencies(*values_ms: float) -> Histogram:
    """Return a histogram of ``values_ms``."""
    histogram = Histogram()
    for value in values_ms:
        histogram.add(value)
    return histogram


class Simulation:
    """One node: samples go in every five seconds, messages are delivered at once unless ``down``."""

    def __init__(self, config: MonitorConfig | None = None) -> None:
        """Begin at second 0."""
        self.config = config or config_of()
        self.engine = AlertEngine(self.config)
        self.second = 0.0
        self.boot_s = 1000.0
        self.down = False
        """Deliveries fail."""
        self.told: list[tuple[float, str, str, str]] = []
        """Second, kind, rule and subject of all delivered items."""
        self.messages: list[Message] = []
        self.events: list[tuple[float, str, str, str]] = []
        """Second, action, rule and subject."""
        self.raw_events: list[Event] = []
        self.outcomes: list[str] = []
        """Actions of the events about deliveries, which are in none of the lists above."""

    def sample(self, **fields: Any) -> Sample:
        """Return the sample of now; sensors' fields may be given among the others."""
        sensors = {name: fields.pop(name) for name in list(fields) if name in SensorSample.__slots__}
        whole = {
            "time_unix": START_UNIX + self.second,
            "monotonic_s": self.boot_s + self.second,
            "dt_s": INTERVAL_S,
            "sensors": SensorSample(**sensors),
            "proxy_up": True,
            **fields,
        }
        return Sample(**whole)

    def step(self, **fields: Any) -> list[Event]:
        """Take one sample and deliver what is due."""
        every = self.engine.step(self.sample(**fields))
        self.outcomes += [event.action for event in every if "delivered" in event.action]
        events = [event for event in every if "delivered" not in event.action]
        self.raw_events += events
        self.events += [
            (self.second, event.action, event.subject, event.detail["subject"]) for event in events
        ]
        for message in self.engine.due(START_UNIX + self.second):
            self.engine.delivered(message, not self.down)
            if not self.down:
                self.messages.append(message)
                self.told += [
                    (self.second, item.kind, item.alert.rule, item.alert.subject) for item in message.items
                ]
        self.second += INTERVAL_S
        return events

    def run(self, seconds: float, **fields: Any) -> None:
        """Take samples of the same kind for so long."""
        for _ in range(round(seconds / INTERVAL_S)):
            self.step(**fields)

    def restart(self) -> None:
        """Restart the monitor: what it remembers goes through its encoded state."""
        encoded = msgspec.json.encode(self.engine.state())
        self.engine = AlertEngine(self.config, msgspec.json.decode(encoded, type=AlertState))

    def firing(self) -> list[tuple[str, str]]:
        """Return rule and subject of what fires."""
        return [(alert.rule, alert.subject) for alert in self.engine.active()]

    def kinds(self) -> list[str]:
        """Return the kinds of all delivered items in order."""
        return [kind for _, kind, _, _ in self.told]


class Fleet:
    """Several engines; ``reaches(a, b)`` says whether a hears b's heartbeat."""

    def __init__(self, names: str, **alerts: Any) -> None:
        """Begin with all nodes up."""
        self.nodes = {name: Simulation(config_of(name, names, **alerts)) for name in names}
        self.reaches: Callable[[str, str], bool] = lambda _a, _b: True
        self.dead: set[str] = set()

    def run(self, seconds: float) -> None:
        """Let all living nodes take samples; what one raises is heard by those that reach it."""
        for _ in range(round(seconds / INTERVAL_S)):
            raised = {name: node.engine.raised_nodes() for name, node in self.nodes.items()}
            for name, node in self.nodes.items():
                if name in self.dead:
                    node.second += INTERVAL_S
                    continue
                peers = {
                    peer: peer not in self.dead and self.reaches(name, peer)
                    for peer in self.nodes
                    if peer != name
                }
                heard = sorted({each for peer, up in peers.items() if up for each in raised[peer]})
                node.step(peers=peers, peers_raised=heard)

    def told(self) -> list[tuple[str, float, str, str]]:
        """Return who told when what of which node, in the order of time."""
        return sorted(
            (
                (name, second, kind, subject)
                for name, node in self.nodes.items()
                for second, kind, rule, subject in node.told
                if rule == "node-missing"
            ),
            key=lambda each: each[1],
        )

    def brief(self) -> list[tuple[str, str, str]]:
        """Return who told what of which node."""
        return [(name, kind, subject) for name, _, kind, subject in self.told()]
