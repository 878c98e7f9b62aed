"""What people are told: plain data, and its text. Figures and names only, nothing of content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from node_scripts.monitor.alerts.state import ActiveAlert

ItemKind = Literal["firing", "repeat", "resolved"]
TITLE_NODES = 3
"""So many nodes are named in a title."""
MARKS: dict[ItemKind, str] = {"firing": "FIRING", "repeat": "STILL FIRING", "resolved": "RESOLVED"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One alert in a message."""

    kind: ItemKind
    alert: ActiveAlert
    reason: str = ""
    """Why it ended."""

    @property
    def key(self) -> tuple[str, str]:
        """Return what tells its alert from others: rule and subject."""
        return (self.alert.rule, self.alert.subject)


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """All that became due on one route at one time."""

    route: str
    time_unix: float
    fleet: str
    node: str
    """The node that tells it."""
    items: list[Item]
    note: str = ""
    """Free text of the program's own, such as a test's."""
    heading: str = ""
    """Title of a message that is neither about alerts nor a test, such as a week's summary."""


def trial(fleet: str, node: str, route: str, time_unix: float) -> Message:
    """Return a test message, marked as one."""
    note = f"This is a test of garnet's route {route}: nothing is wrong."
    return Message(route=route, time_unix=time_unix, fleet=fleet, node=node, items=[], note=note)


def title(message: Message) -> str:
    """Return the message's title: how many alerts of which kind, about which nodes."""
    if message.heading:
        return message.heading
    if not message.items:
        return f"TEST: garnet, fleet {message.fleet}"
    if len(message.items) == 1:
        item = message.items[0]
        return f"{MARKS[item.kind]}: {_subject(item.alert)} {item.alert.says}"
    counts = [(mark, sum(item.kind == kind for item in message.items)) for kind, mark in MARKS.items()]
    nodes = list(dict.fromkeys(item.alert.node for item in message.items))
    more = f" and {len(nodes) - TITLE_NODES} more" if len(nodes) > TITLE_NODES else ""
    shown = ", ".join(f"{count} {mark}" for mark, count in counts if count)
    return f"{shown}: {', '.join(nodes[:TITLE_NODES])}{more}"


def body(message: Message, *, markdown: bool = False) -> str:
    """Return the message's text, one paragraph an alert, firing ones first."""
    order = list(MARKS)
    items = sorted(message.items, key=lambda item: order.index(item.kind))
    parts = [message.note] if message.note else []
    parts += ["\n".join(_paragraph(item, message.time_unix, markdown=markdown)) for item in items]
    parts.append(f"fleet {message.fleet}, told by {message.node} at {when(message.time_unix)}")
    return "\n\n".join(parts)


def split(text: str, limit: int) -> list[str]:
    """Cut ``text`` into parts of at most ``limit`` characters, between lines; a longer line is cut."""
    parts: list[str] = []
    current = ""
    for line in text.split("\n"):
        rest = line
        while len(rest) > limit:
            if current:
                parts.append(current)
                current = ""
            parts.append(rest[:limit])
            rest = rest[limit:]
        joined = f"{current}\n{rest}" if current else rest
        if len(joined) > limit:
            parts.append(current)
            joined = rest
        current = joined
    parts.append(current)
    return [part.strip("\n") for part in parts if part.strip()]


def figure(value: float | None, unit: str) -> str:
    """Return a value with its unit: at most one decimal, ``unknown`` for ``None``."""
    if value is None:
        return "unknown"
    number = f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.1f}"  # noqa: PLR2004
    return f"{number} %{unit[1:]}" if unit.startswith("%") else f"{number} {unit}".rstrip()


def when(time_unix: float) -> str:
    """Return a time in UTC, to the second."""
    return datetime.fromtimestamp(time_unix, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(seconds: float) -> str:
    """Return a duration in its two largest units."""
    whole = max(0, round(seconds))
    parts = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")]
    first = next((index for index, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count) or "0 s"


def _paragraph(item: Item, now_unix: float, *, markdown: bool) -> Sequence[str]:
    alert = item.alert
    bold, code = ("**", "`") if markdown else ("", "")
    lasted = f"since {when(alert.since_unix)} ({duration(now_unix - alert.since_unix)})"
    head = f"{bold}{MARKS[item.kind]}{bold} [{alert.severity}] {alert.rule}: {_subject(alert)} {alert.says}"
    bound = f"threshold {alert.compare} {figure(alert.threshold, alert.unit)}"
    if item.kind == "resolved":
        return [head, f"{item.reason}; it was bad {lasted}".lstrip("; ")]
    return [
        head,
        f"{figure(alert.value, alert.unit)}, {bound}, {lasted}",
        f"likely cause: {alert.cause}",
        f"look further: {code}{alert.command}{code}",
    ]


def _subject(alert: ActiveAlert) -> str:
    if alert.subject and alert.subject != alert.node:
        return f"{alert.subject} on {alert.node}"
    return alert.node
