"""The section on inference volume."""

from __future__ import annotations

from garnet_cli.report.blocks import Drawing, Paragraph
from garnet_cli.report.chart_days import THIN_DAY_PCT, stacked
from garnet_cli.report.layout import Block
from garnet_cli.report.palette import LADDER
from garnet_cli.report.sections import DayVolume, ModelVolume
from garnet_cli.report.style import SMALL
from garnet_cli.report.table import Cell, Column, Table
from garnet_cli.report.view import NEAR_PT, View, note, section, subsection

CHART_PT = 150.0


def volume(view: View) -> list[Block]:
    """Return the section's blocks."""
    words, shown, found = view.words, view.shown, view.report.volume
    blocks = section(words("volume.title"), found.says)
    if not found.requests:
        if not found.says:
            blocks.append(Paragraph(text=words("volume.no_traffic")))
    elif found.tokens:
        blocks += [
            subsection(words("volume.tokens_by_day"), _aside(view)),
            _days(view),
        ]
    if found.models:
        asked = [model for model in found.models if model.requests] or list(found.models)
        blocks += [subsection(words("volume.models"), words("volume.latency_aside")), _models(view, asked)]
        idle = [model.model for model in found.models if model not in asked]
        if idle:
            blocks.append(note(words("volume.no_traffic_models", models=", ".join(idle))))
    if found.unknown_model_requests:
        blocks.append(note(words("volume.unknown_model", count=shown.count(found.unknown_model_requests))))
    return blocks


def _aside(view: View) -> str:
    words = view.words
    thin = any((day.complete_pct or 0.0) < THIN_DAY_PCT for day in view.report.volume.days)
    return words("volume.tokens_by_day_aside") + (f" {words('volume.thin_days')}" if thin else "")


def _days(view: View) -> Drawing:
    words, shown, days = view.words, view.shown, view.report.volume.days
    layers = (
        (
            words("volume.prompt_label"),
            [float(max(0, day.prompt_tokens - day.cached_tokens)) for day in days],
        ),
        (words("volume.cached_label"), [float(day.cached_tokens) for day in days]),
        (words("volume.completion_label"), [float(day.completion_tokens) for day in days]),
    )
    peak, low = max(days, key=_tokens), min(days, key=_tokens)
    return Drawing(
        title=words("volume.tokens_by_day"),
        alt=words(
            "volume.alt_days",
            begin=shown.day(days[0].day),
            end=shown.day(days[-1].day),
            peak=shown.short(_tokens(peak)),
            day=shown.day(peak.day),
            low=shown.short(_tokens(low)),
            low_day=shown.day(low.day),
        ),
        height_pt=CHART_PT,
        paint=stacked([day.day for day in days], layers, [day.complete_pct for day in days], shown),
        before_pt=NEAR_PT,
    )


def _tokens(day: DayVolume) -> int:
    return day.prompt_tokens + day.completion_tokens


def _models(view: View, models: list[ModelVolume]) -> Table:
    words, shown, found = view.words, view.shown, view.report.volume
    titles = (
        "requests",
        "errors",
        "prompt",
        "cached",
        "completion",
        "share",
        "change",
        "p50",
        "p95",
        "first_token",
    )
    largest = max((model.share_pct or 0 for model in models), default=0) or 1
    rows = [
        (
            Cell(text=model.model),
            Cell(text=shown.short(model.requests)),
            Cell(text=shown.pct(model.error_pct)),
            Cell(text=shown.short(model.prompt_tokens)),
            Cell(text=shown.short(model.cached_tokens)),
            Cell(text=shown.short(model.completion_tokens)),
            Cell(bar=(model.share_pct or 0) / largest),
            Cell(text=shown.pct(model.share_pct)),
            Cell(text=shown.change(model.change_pct)),
            Cell(text=shown.count(model.latency_p50_ms)),
            Cell(text=shown.count(model.latency_p95_ms)),
            Cell(text=shown.count(model.first_token_p95_ms)),
        )
        for model in models
    ]
    rows.append(
        (
            Cell(text=words("volume.total")),
            Cell(text=shown.short(found.requests)),
            Cell(text=shown.pct(found.error_pct)),
            Cell(text=shown.short(found.prompt_tokens)),
            Cell(text=shown.short(found.cached_tokens)),
            Cell(text=shown.short(found.completion_tokens)),
            Cell(),
            Cell(),
            Cell(text=shown.change(found.change_pct)),
            Cell(),
            Cell(),
            Cell(),
        )
    )
    columns = [Column(title=words("volume.model"), align="left", flexible=1.0)]
    for title in titles:
        if title == "share":
            columns.append(Column(title="", align="left", flexible=0.22, bar_colour=LADDER[1]))
        columns.append(Column(title=words(f"volume.{title}"), style=SMALL))
    return Table(columns=tuple(columns), rows=tuple(rows), total=True, between_pt=7.0)
