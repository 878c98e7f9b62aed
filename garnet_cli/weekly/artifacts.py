"""A week's artifacts as files: each as Markdown, JSON and CSV, and a summary of all. Pure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from garnet_cli.weekly import cost_rows, cost_sections, eviction_sections, placement_sections
from garnet_cli.weekly.blocks import Block, Section, Steps, Text
from garnet_cli.weekly.contents import Part, Weekly
from garnet_cli.weekly.markdown import markdown

PLACEMENT, COST, EVICTIONS, SUMMARY = "placement-diff", "cost-diff", "eviction-log", "summary"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes text that begins with one of these for a formula."""


def artifacts(weekly: Weekly) -> dict[str, bytes]:
    """Return the files by name; equal weeks give equal bytes."""
    placement = placement_sections.placement_sections(weekly.placement)
    costs = cost_sections.cost_sections(weekly.costs, weekly.anomalies)
    evictions = eviction_sections.eviction_sections(weekly.evictions, weekly.week.timezone)
    texts = {
        PLACEMENT: _document(weekly, "Placement diff", placement, ("placement", "data")),
        COST: _document(weekly, "Cost diff", costs, ("cost", "data")),
        EVICTIONS: _document(weekly, "Eviction log", evictions, ("evictions", "data")),
        SUMMARY: summary_markdown(weekly),
    }
    documents: dict[str, dict[str, Any]] = {
        PLACEMENT: weekly.placement.as_json(),
        COST: {**weekly.costs.as_json(), "anomalies": [one.as_json() for one in weekly.anomalies]},
        EVICTIONS: weekly.evictions.as_json(),
        SUMMARY: {"traffic": weekly.traffic.as_json(), "next_steps": [asdict(step) for step in weekly.steps]},
    }
    tables = {
        PLACEMENT: _csv(placement_sections.CSV_COLUMNS, placement_sections.placement_rows(weekly.placement)),
        COST: _csv(cost_rows.CSV_COLUMNS, cost_rows.cost_rows(weekly.costs)),
        EVICTIONS: _csv(
            eviction_sections.CSV_COLUMNS,
            eviction_sections.eviction_rows(weekly.evictions, weekly.week.timezone),
        ),
    }
    files = {f"{name}.md": text.encode() for name, text in texts.items()}
    files |= {f"{name}.json": _json(weekly.envelope() | document) for name, document in documents.items()}
    return files | {f"{name}.csv": table.encode() for name, table in tables.items()}


def headline(weekly: Weekly) -> str:
    """Return the title of the week."""
    return f"Week {weekly.week.name} of fleet {weekly.fleet} ({weekly.span})"


def sections(weekly: Weekly) -> list[Section]:
    """Return all of a week, what to do next before all else."""
    return [
        Section(title="", blocks=_state(weekly)),
        Section(title="What to do next", blocks=[Steps(steps=weekly.steps)]),
        *cost_sections.cost_sections(weekly.costs, weekly.anomalies),
        *placement_sections.placement_sections(weekly.placement),
        *eviction_sections.eviction_sections(weekly.evictions, weekly.week.timezone),
    ]


def summary_markdown(weekly: Weekly) -> str:
    """Return the week on one page: what to do next, and the three artifacts without their details."""
    brief = [
        Section(title=one.title, blocks=[block for block in one.blocks if not block.detail])
        for one in sections(weekly)
    ]
    return markdown(headline(weekly), brief)


def message(weekly: Weekly) -> str:
    """Return what is sent to people: the state of the data and the steps, in plain lines."""
    lines = [block.text for block in _state(weekly) if isinstance(block, Text)]
    lines += [""] if lines else []
    if not weekly.steps:
        lines.append("Nothing is to be done.")
    for number, step in enumerate(weekly.steps, start=1):
        lines += [f"{number}. {step.what}", *step.why, *(f"$ {command}" for command in step.commands), ""]
    lines.append(cost_sections.headline(weekly.costs))
    return "\n".join(lines).strip()


def _state(weekly: Weekly) -> list[Block]:
    complete = weekly.completeness
    texts = [weekly.goes_on, weekly.traffic.sentence(), complete.sentence()]
    if complete.unreadable:
        texts.append(f"{len(complete.unreadable)} objects of the store cannot be read and are in no figure.")
    lost = sum(one.unrecorded_requests for one in complete.nodes)
    if lost:
        texts.append(f"{lost:,} requests could not be noted by their nodes and are in no figure.")
    before = weekly.last_completeness
    if before is None:
        texts.append("There are no data of the week before: nothing is compared.")
    elif before.short:
        texts.append(f"The week before: {before.sentence()}")
    return [Text(text=text) for text in texts if text]


def _document(weekly: Weekly, title: str, body: Sequence[Section], parts: Sequence[Part]) -> str:
    # Their reasons are the findings below.
    steps = tuple(replace(step, why=()) for step in weekly.steps if step.part in parts)
    first = [Section(title="", blocks=_state(weekly))]
    if steps:
        first.append(Section(title="What to do next", blocks=[Steps(steps=steps)]))
    own = [Section(title=one.title if one.title != title else "Findings", blocks=one.blocks) for one in body]
    return markdown(f"{title}: {headline(weekly)}", [*first, *own])


def _json(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def _csv(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[_cell(value) for value in row] for row in rows])
    return stream.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value
