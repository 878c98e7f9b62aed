"""The alert rules: one entry each. A new alert is a new entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from node_scripts.monitor.alerts import readings
from node_scripts.monitor.alerts.readings import Read
from node_scripts.monitor.config import AlertSettings, MonitorConfig

Severity = Literal["critical", "warning"]
PRESSURE_WARN, PRESSURE_CRITICAL = 2.0, 4.0
PROXY_DOWN_S = 30.0
"""A proxy that is upgraded or restarted is back long before."""
MODEL_DOWN_S = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """When to raise one kind of alert, and what to say of it."""

    name: str
    severity: Severity
    route: Literal["alerts", "thermal"]
    about: Literal["peer", "node", "model"]
    """What the subjects are: other nodes (raised once, by one of the living), this node, its models."""
    says: str
    """What is the matter, in a few words."""
    unit: str
    read: Read
    threshold: Callable[[AlertSettings, str], float]
    """By subject."""
    lasting: bool = False
    """The value says for how long it has been bad, so that it began that long ago."""
    compare: Literal[">", ">=", "<"] = ">"
    """How a value that is bad stands to the threshold."""
    clear_ratio: float = 1.0
    """Hysteresis: good again is a value on the other side of threshold times this; between, nothing ends."""
    for_s: float = 0.0
    """How long it must be bad before the alert fires."""
    keep_s: float = 60.0
    """How long it must be good before the alert ends."""
    unknown_s: float | None = 900.0
    """A firing alert ends after its value was unknown for so long; ``None``: never."""
    cause: str
    """The likely one."""
    command: str
    """What to look further with; ``{node}`` and ``{subject}`` are filled in."""
    applies: Callable[[MonitorConfig], bool] = lambda _config: True
    """Whether it makes sense on a node of these settings."""
    inhibited_by: tuple[str, ...] = ()
    """Rules whose firing on the same node explains this one: it is not told then."""

    def is_bad(self, value: float, threshold: float) -> bool:
        """Say whether ``value`` breaks the threshold."""
        if self.compare == "<":
            return value < threshold
        return value >= threshold if self.compare == ">=" else value > threshold

    def is_good(self, value: float, threshold: float) -> bool:
        """Say whether ``value`` is good again, beyond the hysteresis."""
        clear = threshold * self.clear_ratio
        if self.compare == "<":
            return value >= clear
        return value <= clear and not self.is_bad(value, threshold)


NODE_MISSING = "node-missing"
NODE_DOWN = (NODE_MISSING, "proxy-down")
"""What silences the alerts of a node's models."""

RULES: tuple[Rule, ...] = (
    Rule(
        name=NODE_MISSING,
        severity="critical",
        route="alerts",
        about="peer",
        says="missed its heartbeat",
        unit="s",
        read=readings.seconds_missing,
        lasting=True,
        threshold=lambda settings, _: settings.node_missing_s,
        compare=">=",
        clear_ratio=0.0,
        keep_s=30.0,
        unknown_s=None,
        cause="powered off, cut off from the network, or its proxy is down",
        command="garnet check",
    ),
    Rule(
        name="proxy-down",
        severity="critical",
        route="alerts",
        about="node",
        says="its proxy does not answer",
        unit="s",
        read=readings.seconds_without_proxy,
        lasting=True,
        threshold=lambda _settings, _: PROXY_DOWN_S,
        compare=">=",
        clear_ratio=0.0,
        keep_s=30.0,
        cause="the proxy cannot start: its port is taken, or a setting is refused",
        command="garnet logs {node}",
    ),
    Rule(
        name="model-down",
        severity="critical",
        route="alerts",
        about="model",
        says="its loader is down",
        unit="s",
        read=readings.seconds_down,
        lasting=True,
        threshold=lambda _settings, _: MODEL_DOWN_S,
        compare=">=",
        clear_ratio=0.0,
        keep_s=30.0,
        cause="the loader cannot start: memory, or a damaged artifact",
        command="garnet logs {node}",
        inhibited_by=NODE_DOWN,
    ),
    Rule(
        name="packed-throttle",
        severity="critical",
        route="thermal",
        about="node",
        says="throttles while it has work",
        unit="%",
        read=readings.packed_throttle_pct,
        threshold=lambda settings, _: settings.throttle_pct,
        clear_ratio=0.8,
        cause="too warm: blocked air, a failed fan, a hot room, or more load than it can cool",
        command="garnet top",
    ),
    Rule(
        name="packed-throttle-warning",
        severity="warning",
        route="thermal",
        about="node",
        says="begins to throttle while it has work",
        unit="%",
        read=readings.packed_throttle_pct,
        threshold=lambda settings, _: settings.throttle_warning_pct,
        clear_ratio=0.8,
        cause="too warm: blocked air, a hot room, or more load than it can cool",
        command="garnet top",
        inhibited_by=("packed-throttle",),
    ),
    Rule(
        name="latency-p95",
        severity="warning",
        route="alerts",
        about="model",
        says="answers slower than its budget (p95)",
        unit="ms",
        read=readings.latency_p95_ms,
        threshold=lambda settings, model: settings.model_latency_p95_ms.get(model, settings.latency_p95_ms),
        clear_ratio=0.9,
        for_s=60.0,
        cause="more requests than its loaders hold, longer prompts, or a throttled chip",
        command="garnet status {node}",
        inhibited_by=(*NODE_DOWN, "model-down"),
    ),
    Rule(
        name="loader-restarts",
        severity="critical",
        route="alerts",
        about="model",
        says="its loader restarted again and again",
        unit="in 10 minutes",
        read=readings.loader_restarts,
        threshold=lambda settings, _: float(settings.loader_restarts),
        compare=">=",
        clear_ratio=0.5,
        cause="it runs out of memory, or a request kills it",
        command="garnet logs {node}",
        inhibited_by=NODE_DOWN,
    ),
    Rule(
        name="eviction-rate",
        severity="warning",
        route="alerts",
        about="model",
        says="evicts prompts from its cache",
        unit="a minute",
        read=readings.evictions_per_minute,
        threshold=lambda settings, _: settings.evictions_per_minute,
        clear_ratio=0.8,
        for_s=60.0,
        cause="more different long prompts than its cache holds",
        command="garnet status {node}",
        inhibited_by=NODE_DOWN,
    ),
    Rule(
        name="memory-critical",
        severity="critical",
        route="alerts",
        about="node",
        says="memory pressure is critical",
        unit="(4 is critical)",
        read=readings.pressure_level,
        threshold=lambda _settings, _: PRESSURE_CRITICAL,
        compare=">=",
        for_s=30.0,
        cause="models and their caches need more memory than the node has",
        command="garnet status {node}",
    ),
    Rule(
        name="memory-pressure",
        severity="warning",
        route="alerts",
        about="node",
        says="memory pressure",
        unit="(2 is warn)",
        read=readings.pressure_level,
        threshold=lambda _settings, _: PRESSURE_WARN,
        compare=">=",
        for_s=60.0,
        cause="models and their caches need nearly all of the node's memory",
        command="garnet status {node}",
        inhibited_by=("memory-critical",),
    ),
    Rule(
        name="swap",
        severity="warning",
        route="alerts",
        about="node",
        says="swaps",
        unit="MiB",
        read=readings.swap_used_mib,
        threshold=lambda settings, _: settings.swap_used_mb,
        clear_ratio=0.8,
        for_s=60.0,
        cause="models and their caches need more memory than the node has",
        command="garnet status {node}",
        inhibited_by=("memory-critical",),
    ),
    Rule(
        name="disk",
        severity="critical",
        route="alerts",
        about="node",
        says="its disk is nearly full",
        unit="% free",
        read=readings.disk_free_pct,
        threshold=lambda settings, _: settings.disk_free_pct,
        compare="<",
        clear_ratio=1.1,
        for_s=60.0,
        cause="old artifacts and releases, or another program's files",
        command="garnet check",
    ),
    Rule(
        name="clock",
        severity="warning",
        route="alerts",
        about="node",
        says="its clock is off",
        unit="s",
        read=readings.clock_offset_s,
        threshold=lambda settings, _: settings.clock_offset_s,
        clear_ratio=0.8,
        for_s=60.0,
        cause="no time server can be reached",
        command="garnet check",
    ),
    Rule(
        name="spool-backlog",
        severity="warning",
        route="alerts",
        about="node",
        says="minutes wait to be shipped",
        unit="minutes",
        read=readings.spool_minutes,
        threshold=lambda settings, _: float(settings.spool_minutes),
        clear_ratio=0.5,
        for_s=60.0,
        cause="the store is slow or refuses what is sent",
        command="garnet logs {node}",
        applies=lambda config: config.store is not None,
        inhibited_by=("store-unreachable",),
    ),
    Rule(
        name="store-unreachable",
        severity="warning",
        route="alerts",
        about="node",
        says="cannot reach the store",
        unit="s",
        read=readings.store_unreachable_s,
        lasting=True,
        threshold=lambda settings, _: settings.store_unreachable_s,
        compare=">=",
        clear_ratio=0.0,
        cause="the network to it, its credentials, or the store itself",
        command="garnet telemetry tail",
    ),
)

RULE_BY_NAME = {rule.name: rule for rule in RULES}
