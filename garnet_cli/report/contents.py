"""The data of one monthly or quarterly report: all that the PDF, the JSON and the CSV files show.

Plain data, whole and final: who draws it computes nothing but the shape of a number. ``None`` is unknown,
never 0. Units are in the field names; ``pct`` is 0..100. Sentences are in the report's language already.
What a figure rests on is told in ``MonthReport.traces``, by the figure's path in the JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from garnet_cli.report.sections import (
    Capacity,
    Costs,
    Distribution,
    Evictions,
    Quarter,
    Recommendation,
    Scorecard,
    Thermal,
    UptimeSection,
    Volume,
)

REPORT_SCHEMA = 1
"""Version of the JSON."""

Status = Literal["met", "missed", "unknown", "none"]
"""``none``: the figure has no target."""

Unit = Literal[
    "tokens",
    "requests",
    "usd",
    "usd_per_million_tokens",
    "times",
    "pct",
    "ms",
    "s",
    "celsius",
    "kwh",
    "count",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """Where a figure comes from."""

    unit: str
    source: str
    """The records and their fields, such as ``minutes: client.prompt_tokens``."""
    formula: str
    """The name of its entry in ``MonthReport.method``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """The calendar month or quarter, in the fleet's time zone."""

    kind: Literal["month", "quarter"]
    name: str
    """``2026-10`` or ``2026-Q4``."""
    title: str
    """``October 2026``, in the report's language."""
    timezone: str
    begin_unix: int
    end_unix: int
    """Of a preview: the last full minute before it was made."""
    hours: float
    """Clock changes counted: a month of 31 days may have 743, 744 or 745."""
    days: tuple[str, ...]
    """Local dates, ``2026-10-01`` …"""
    preview: bool
    """The period goes on: figures will change."""
    before_name: str
    """The period that changes are measured against."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyFigure:
    """One figure of page 1."""

    key: str
    """``tokens``, ``usd_per_million``, ``savings``, ``uptime``, ``latency``, ``throttle``, ``swap_window``,
    ``completeness``."""
    label: str
    unit: Unit
    actual: float | None
    target: float | None
    target_is: Literal["at_least", "at_most", "none"]
    before: float | None
    """The period before."""
    change: float | None
    """Relative to ``before`` in percent; of figures in ``pct`` in percentage points."""
    change_unit: Literal["pct", "points"]
    better: Literal["up", "down"]
    """Which direction of ``change`` is good."""
    status: Status
    note: str
    """One short line of context or the reason why ``actual`` is unknown; may be empty."""
    trace: Trace


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What the reader is asked to decide."""

    text: str
    """The question or proposal in one sentence."""
    why: str
    """Its reason with figures, in one or two sentences."""
    worth_usd_per_month: float | None
    """What it saves (above 0) or costs (below 0) a month; ``None`` where it cannot be told in money."""
    command: str
    """What the operator runs once it is decided; may be empty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeCompleteness:
    """How much of a node's telemetry is there."""

    node: str
    expected_minutes: int
    present_minutes: int
    complete_pct: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class DayCompleteness:
    """How much of a day's telemetry is there, over all nodes."""

    day: str
    complete_pct: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Completeness:
    """How much of the period's telemetry there is, and every loss that was counted."""

    expected_minutes: int
    present_minutes: int
    complete_pct: float | None
    nodes: tuple[NodeCompleteness, ...]
    days: tuple[DayCompleteness, ...]
    dropped_minutes: int
    missed_samples: int
    unrecorded_requests: int
    corrupt_lines: int
    set_aside_objects: int
    notes: tuple[str, ...]
    """What of it the reader must know, in sentences; empty for a whole period."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MethodEntry:
    """One formula or rule that figures rest on."""

    name: str
    """As ``Trace.formula`` has it."""
    title: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MonthReport:
    """All of a report. Sections come in the order in which they are read."""

    schema: int = REPORT_SCHEMA
    garnet: str
    """Version that made it."""
    language: str
    """Such as ``en``."""
    fleet: str
    customer: str
    """May be empty."""
    period: Period
    as_of_unix: int
    """The end of the data: equal data give equal reports, whenever they are made."""
    key_figures: tuple[KeyFigure, ...]
    decisions: tuple[Decision, ...]
    volume: Volume
    thermal: Thermal
    evictions: Evictions
    distribution: Distribution
    costs: Costs
    uptime: UptimeSection
    recommendations: tuple[Recommendation, ...]
    scorecard: Scorecard
    capacity: Capacity
    quarter: Quarter | None
    """Of quarterly reports only."""
    completeness: Completeness
    method: tuple[MethodEntry, ...]
    traces: dict[str, Trace]
    """By path in the JSON, list indices as ``[]``: ``volume.models[].prompt_tokens``."""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON takes it: dicts, lists, numbers and text."""
        import msgspec  # noqa: PLC0415 -- not for those who only read the types

        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return plain
