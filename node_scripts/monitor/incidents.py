"""Incidents: what a person would tell of a node, made of critical alerts and restarts that belong together.

A node has at most one open incident here. It is opened by a critical alert, or by a loader or a proxy that
came back as another process; whatever else happens to that node meanwhile joins it. It is closed when all
its alerts have ended and ten minutes have passed without a restart. Opening, joining and closing are
events; operators' notes are events too, written to the store by the operator's side.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from node_scripts.events import new_event
from node_scripts.monitor.config import MonitorConfig
from node_scripts.records import Event

INCIDENTS_SCHEMA = 1
RESTARTS_QUIET_S = 600.0
RESTART = "restart"
BEGUN = ("fired", "taken over")
ENDED = ("resolved", "dropped", "handed back")
"""What alerts' events say of their begin and end."""

Severity = Literal["critical", "warning"]


@dataclass(kw_only=True, slots=True)
class OpenIncident:
    """An incident that goes on."""

    id: str
    """``<node>-<begin as YYYYMMDD-HHMMSS>``."""
    node: str
    """The node that it is about."""
    severity: Severity
    begin_unix: float
    causes: list[str]
    """Rules, and ``restart``, in the order in which they came; the first is the incident's cause."""
    models: list[str] = field(default_factory=list)
    firing: list[str] = field(default_factory=list)
    """Its alerts that go on, as ``rule|subject``."""
    restarts: int = 0
    last_unix: float = 0.0
    """Of what happened last."""
    quiet_s: float = 0.0
    """Since the last restart."""


@dataclass(kw_only=True, slots=True)
class IncidentState:
    """All that a book remembers over a restart of the monitor."""

    schema: int = INCIDENTS_SCHEMA
    open: list[OpenIncident] = field(default_factory=list)


class IncidentBook:
    """The incidents that one node's monitor tells. Pure but for its memory."""

    def __init__(self, config: MonitorConfig, state: IncidentState | None = None) -> None:
        """Go on from ``state``; raises ValueError for one of a newer schema."""
        if state is not None and state.schema > INCIDENTS_SCHEMA:
            raise ValueError(f"incidents of schema {state.schema} are newer than {INCIDENTS_SCHEMA}")
        self._config = config
        self._open = {incident.node: replace(incident) for incident in (state.open if state else [])}
        self._told: list[Event] = []

    def step(self, time_unix: float, dt_s: float, events: Iterable[Event]) -> list[Event]:
        """Take in what happened in the last ``dt_s`` seconds: alerts' and restarts' events of this node.

        Returns what became of incidents. Events of other kinds are left out.
        """
        self._told = []
        for incident in self._open.values():
            incident.quiet_s += dt_s
        for event in events:
            if event.kind == "alert":
                self._take_alert(event, time_unix)
            elif event.kind == "restart":
                self._take_restart(event, time_unix)
        for incident in list(self._open.values()):
            self._close_if_over(incident, time_unix)
        return self._told

    def open_ids(self) -> list[str]:
        """Return the identifiers of the open incidents, the oldest first."""
        return [
            incident.id for incident in sorted(self._open.values(), key=lambda incident: incident.begin_unix)
        ]

    def state(self) -> IncidentState:
        """Return what a restarted monitor goes on from."""
        return IncidentState(open=[replace(incident) for incident in self._open.values()])

    def _take_alert(self, event: Event, time_unix: float) -> None:
        node = str(event.detail.get("node") or event.node)
        subject = str(event.detail.get("subject") or "")
        key = f"{event.subject}|{subject}"
        incident = self._open.get(node)
        if event.action in BEGUN:
            if event.detail.get("severity") != "critical":
                return
            since_unix = float(event.detail.get("since_unix") or event.time_unix)
            model = subject if subject != node else ""
            incident = self._join(node, event.subject, model, "critical", since_unix, time_unix)
            if key not in incident.firing:
                incident.firing.append(key)
        elif event.action in ENDED and incident is not None and key in incident.firing:
            incident.firing.remove(key)
            incident.last_unix = event.time_unix

    def _take_restart(self, event: Event, time_unix: float) -> None:
        model = str(event.detail.get("model") or "")
        incident = self._join(event.node, RESTART, model, "warning", event.time_unix, time_unix)
        incident.restarts += 1
        incident.quiet_s = 0.0
        incident.last_unix = event.time_unix

    def _join(
        self, node: str, cause: str, model: str, severity: Severity, begin_unix: float, time_unix: float
    ) -> OpenIncident:
        """Add a cause to the node's incident, opening one where there is none; tell what is new in it."""
        incident = self._open.get(node)
        opened = incident is None
        if incident is None:
            name = f"{node}-{datetime.fromtimestamp(begin_unix, UTC):%Y%m%d-%H%M%S}"
            incident = OpenIncident(
                id=name, node=node, severity=severity, begin_unix=begin_unix, causes=[], last_unix=time_unix
            )
            self._open[node] = incident
        known = (len(incident.causes), len(incident.models), incident.severity)
        if cause not in incident.causes:
            incident.causes.append(cause)
        if model and model not in incident.models:
            incident.models.append(model)
        if severity == "critical":
            incident.severity = severity
        if opened:
            self._tell(incident, "opened", time_unix)
        elif known != (len(incident.causes), len(incident.models), incident.severity):
            self._tell(incident, "joined", time_unix)
        return incident

    def _close_if_over(self, incident: OpenIncident, time_unix: float) -> None:
        if incident.firing or (incident.restarts and incident.quiet_s < RESTARTS_QUIET_S):
            return
        del self._open[incident.node]
        self._tell(incident, "closed", time_unix, end_unix=incident.last_unix, restarts=incident.restarts)

    def _tell(self, incident: OpenIncident, action: str, time_unix: float, **more: Any) -> None:
        detail = {
            "node": incident.node,
            "severity": incident.severity,
            "cause": incident.causes[0],
            "causes": list(incident.causes),
            "models": list(incident.models),
            "begin_unix": incident.begin_unix,
            **more,
        }
        self._told.append(
            new_event(
                time_unix=time_unix,
                fleet=self._config.fleet,
                node=self._config.node,
                kind="incident",
                subject=incident.id,
                action=action,
                detail=detail,
            )
        )
