"""Alerts and incidents of a window, told by its events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from node_scripts.records import Event

BEGUN = ("fired", "taken over")
ENDED = ("resolved", "dropped")
LOG_KINDS = ("swap", "deploy", "up", "down", "restart", "clock", "spool", "monitor")
LOG_LINES = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Episode:
    """An alert or an incident from its begin to its end."""

    kind: str
    """``alert`` or ``incident``."""
    node: str
    subject: str
    """The rule, or the incident's id."""
    about: str
    """What it is about beyond the node, such as a model; may be empty."""
    severity: str
    begin_unix: float
    end_unix: float | None
    """``None``: it goes on."""
    summary: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LogLine:
    """One event that a person may want to hold against the curves."""

    time_unix: float
    node: str
    kind: str
    subject: str
    action: str
    who: str


def episodes(events: Iterable[Event], since_unix: float = 0.0) -> list[Episode]:
    """Pair begins with ends: what goes on first, then the latest.

    Ends without a begin are left out, and what was over before ``since_unix``.
    """
    told = sorted(events, key=lambda event: (event.time_unix, event.id))
    found = [*_alerts(told), *_incidents(told)]
    shown = [one for one in found if one.end_unix is None or one.end_unix >= since_unix]
    return sorted(shown, key=lambda one: (one.end_unix is not None, -one.begin_unix))


def _alerts(told: Sequence[Event]) -> list[Episode]:
    going: dict[tuple[str, str, str], Event] = {}
    done: list[Episode] = []
    for event in told:
        # What it is about, not who tells it: a missing node's alert may be handed from peer to peer.
        key = (event.subject, _node(event), _text(event.detail, "subject"))
        if event.kind != "alert":
            continue
        if event.action in BEGUN:
            going.setdefault(key, event)
        elif event.action in ENDED and key in going:
            done.append(_alert(going.pop(key), event.time_unix))
    return [*done, *(_alert(event, None) for event in going.values())]


def _alert(event: Event, end_unix: float | None) -> Episode:
    subject, node = _text(event.detail, "subject"), _node(event)
    return Episode(
        kind="alert",
        node=node,
        subject=event.subject,
        about="" if subject == node else subject,
        severity=_text(event.detail, "severity"),
        begin_unix=event.time_unix,
        end_unix=end_unix,
        summary=_figure(event.detail),
    )


def _incidents(told: Sequence[Event]) -> list[Episode]:
    """Return the incidents; what joined one, closed it, or was noted to it later, counts for it."""
    found: dict[str, Episode] = {}
    for event in told:
        detail, known = event.detail, found.get(event.subject)
        if event.kind != "incident":
            continue
        if event.action == "opened":
            found[event.subject] = Episode(
                kind="incident",
                node=_node(event),
                subject=event.subject,
                about="",
                severity=_text(detail, "severity"),
                begin_unix=_number(detail, "begin_unix", event.time_unix),
                end_unix=None,
                summary=_causes(detail),
            )
        elif known and event.action == "joined":
            found[event.subject] = replace(known, summary=_causes(detail) or known.summary)
        elif known and event.action == "closed":
            found[event.subject] = replace(known, end_unix=_number(detail, "end_unix", event.time_unix))
        elif known and event.action == "noted":
            found[event.subject] = replace(known, summary=_text(detail, "cause") or known.summary)
    return list(found.values())


def log_lines(events: Iterable[Event], since_unix: float = 0.0) -> list[LogLine]:
    """Return the latest changes and restarts since ``since_unix``, latest first."""
    chosen = sorted(
        (event for event in events if event.kind in LOG_KINDS and event.time_unix >= since_unix),
        key=lambda event: (event.time_unix, event.id),
        reverse=True,
    )
    return [
        LogLine(
            time_unix=event.time_unix,
            node=event.node,
            kind=event.kind,
            subject=event.subject,
            action=event.action,
            who=event.who,
        )
        for event in chosen[:LOG_LINES]
    ]


def _node(event: Event) -> str:
    return _text(event.detail, "node") or event.node


def _text(detail: dict[str, Any], name: str) -> str:
    value = detail.get(name)
    return value if isinstance(value, str) else ""


def _figure(detail: dict[str, Any]) -> str:
    """Return ``6.2 %, threshold 5 %`` of an alert that says so."""
    value, threshold, unit = detail.get("value"), detail.get("threshold"), _text(detail, "unit")
    if not isinstance(value, int | float):
        return ""
    limit = f", threshold {threshold:g} {unit}".rstrip() if isinstance(threshold, int | float) else ""
    return f"{value:.4g} {unit}".rstrip() + limit


def _number(detail: dict[str, Any], name: str, otherwise: float) -> float:
    value = detail.get(name)
    return value if isinstance(value, int | float) else otherwise


def _causes(detail: dict[str, Any]) -> str:
    causes = detail.get("causes")
    return ", ".join(map(str, causes)) if isinstance(causes, list) else _text(detail, "cause")
