"""What an alert rule is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from node_scripts.monitor.alerts.readings import Explain, Read
from node_scripts.monitor.config import AlertSettings, MonitorConfig

Severity = Literal["critical", "warning"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """When to raise one kind of alert, and what to say of it."""

    name: str
    severity: Severity
    route: Literal["alerts", "thermal"]
    about: Literal["peer", "node", "model", "deploy"]
    """What the subjects are: other nodes (raised once, by one of the living), this node, its models, or
    deploys that it took back."""
    says: str
    """What is the matter, in a few words."""
    unit: str
    read: Read
    explain: Explain | None = None
    """Adds to ``says`` what is known of the case."""
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
